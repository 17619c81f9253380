"""Masks whose pixels are numbers: read as they are stored, whatever the file's mode.

Pillow's `convert("L")` would turn a palette's colors into gray values, and its decoders stretch
gray files of 2 and 4 bits to 0..255; both would change the labels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from segengine.datasets.base import read_image
from segengine.errors import UserError

_INDEXED = {"1", "L", "P", "LA", "PA", "I", "I;16", "I;16B", "I;16L"}
_STRETCH = {"L;2": 85, "L;4": 17}  # raw mode -> what Pillow multiplies its values by


def read_index_mask(path: Path) -> np.ndarray:
    """The stored numbers of a gray, palette, bilevel or 16-bit mask: (H, W), an integer type.

    Raises:
        UserError: the file cannot be decoded, or holds colors instead of numbers.
    """
    image = read_image(path)
    if not is_indexed(image):
        raise UserError(
            f"{path} is a mask of colors ({image.mode}), but one number a pixel is needed: save "
            "it as a gray or palette PNG of class numbers.",
            field="root",
        )
    return indices(image, path)


def is_indexed(image: Image.Image) -> bool:
    """Whether an image holds one number a pixel."""
    return image.mode in _INDEXED


def indices(image: Image.Image, path: Path) -> np.ndarray:
    """The numbers of an image for which `is_indexed` holds, read from `path`: (H, W) integers."""
    if image.mode in ("LA", "PA"):
        image = image.getchannel(0)
    raw: np.ndarray = np.asarray(image)
    if image.mode == "1":
        return raw.astype(np.uint8)
    return raw // _stretch(path) if image.mode == "L" else raw


def _stretch(path: Path) -> int:
    """What Pillow has multiplied the gray values of this file by; only its header tells."""
    with Image.open(path) as header:
        raw_modes = [tile[3] for tile in header.tile]
    first = raw_modes[0] if raw_modes else None
    return _STRETCH.get(str(first[0] if isinstance(first, tuple) else first), 1)
