"""Images of which a run already knows the answer: training images in another split, byte for byte.

A list that names one image in two splits is refused; copies of a file are only counted, since
whether they matter is for a person to say.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from segengine.config import DataConfig
from segengine.datasets.base import Split
from segengine.datasets.identical import identical_files
from segengine.datasets.splits.roles import open_used, roles_of


def seen_in_training(config: DataConfig) -> dict[Split, int]:
    """Role -> how many of its images have the content of a training image; only where some have.

    Raises:
        UserError: the data is missing.
    """
    trained = set(image_files(config, "train"))
    others = (role for role in roles_of(config) if role != "train")
    counts = {role: count_seen(trained, image_files(config, role)) for role in others}
    return {role: count for role, count in counts.items() if count}


def image_files(config: DataConfig, role: Split) -> list[Path]:
    """The images that a run uses in one role; UserError where the data is missing."""
    dataset, names = open_used(config, role)
    return [dataset.files(name)[0] for name in names]


def count_seen(trained: Collection[Path], images: Sequence[Path]) -> int:
    """How many of the image files have the content of one of the `trained` files."""
    trained = set(trained)
    others = [path for path in images if path not in trained]
    groups = identical_files([*sorted(trained), *others])
    copies = sum(
        sum(path not in trained for path in group)
        for group in groups
        if not trained.isdisjoint(group)
    )
    return len(images) - len(others) + copies
