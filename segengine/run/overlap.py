"""What a run says of images that train it and measure it, too."""

from __future__ import annotations

from segengine.run.events import RunStarted

_KINDS = {"val": "validation", "test": "test"}


def overlap_words(started: RunStarted) -> str:
    """ "3 of 40 validation images are training images too, byte for byte: ..."; "" if none is."""
    sizes = {"val": started["val_images"], "test": started.get("test_images", 0)}
    parts = [
        f"{count:,} of {sizes[role]:,} {kind} images"
        for role, kind in _KINDS.items()
        if (count := started.get("seen_in_training", {}).get(role, 0))
    ]
    if not parts:
        return ""
    return (
        f"{' and '.join(parts)} are training images too, byte for byte: the scores flatter the run."
    )
