"""Class weights from the classes' shares of the training pixels."""

from __future__ import annotations

import numpy as np

from segengine.datasets.base import IGNORE_INDEX
from segengine.errors import UserError

_CHUNK = 4_000_000  # pixels counted at once: counting needs eight bytes per pixel


def inverse_frequency(masks: np.ndarray, classes: int) -> list[float]:
    """One weight per class: pixels / (classes present * pixels of the class).

    A class with an even share of the pixels gets 1, with half of that 2. The mean weight over the
    pixels is 1, so that losses keep their size. Void pixels do not count; a class without pixels
    gets 0.

    Args:
        masks: (N, H, W) uint8, classes or 255 for void; memory-mapped masks are read in chunks.

    Raises:
        UserError: all pixels are void.
        ValueError: a label is not a class.
    """
    counts = np.zeros(256, dtype=np.int64)
    images = max(1, _CHUNK // max(1, int(np.prod(masks.shape[1:]))))
    for start in range(0, len(masks), images):
        counts += np.bincount(masks[start : start + images].ravel(), minlength=256)
    counts[IGNORE_INDEX] = 0
    if counts[classes:].any():
        wrong = classes + int(np.flatnonzero(counts[classes:])[0])
        raise ValueError(f"Labels must be 0 to {classes - 1} or {IGNORE_INDEX}, not {wrong}.")
    counts = counts[:classes]
    pixels, present = int(counts.sum()), int((counts > 0).sum())
    if not pixels:
        raise UserError(
            "class_weights inverse was given, but the training masks hold void pixels only: "
            "choose none, or correct the masks.",
            field="class_weights",
        )
    return [pixels / (present * int(count)) if count else 0.0 for count in counts]
