"""Masks whose pixels are numbers: read as they are stored, whatever the file's mode.

Pillow's `convert("L")` would turn a palette's colors into gray values, and its decoders stretch
gray files of 2 and 4 bits to 0..255. Both would change the labels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from segengine.datasets.base import read_image
from segengine.errors import UserError

_INDEXED = {"1", "L", "P", "LA", "PA", "I", "I;16", "I;16B", "I;16L"}
_STRETCH = {"L;2": 85, "L;4": 17}  # raw mode -> factor that Pillow applies to its values


def read_index_mask(path: Path) -> np.ndarray:
    """The stored numbers of a gray, palette, bilevel or 16-bit mask: (H, W), an integer type.

    Raises:
        UserError: the file cannot be decoded, or holds colors instead of numbers.
    """
    image = read_image(path)
    if not is_indexed(image):
        raise UserError(
            f"{path} is a mask of colors ({image.mode}), but one number per pixel is needed: save "
            "it as a gray or palette PNG of class numbers.",
            field="root",
        )
    return stored_numbers(image, path)


def is_indexed(image: Image.Image) -> bool:
    """Whether an image holds one number per pixel."""
    return image.mode in _INDEXED


def stored_numbers(image: Image.Image, path: Path) -> np.ndarray:
    """The numbers of an image for which `is_indexed` holds: (H, W) integers.

    Args:
        path: the file that the image was read from.
    """
    if image.mode in ("LA", "PA"):
        image = image.getchannel(0)
    raw: np.ndarray = np.asarray(image)
    if image.mode == "1":
        return raw.astype(np.uint8)
    return raw // _stretch(path) if image.mode == "L" else raw


def _stretch(path: Path) -> int:
    """The factor that Pillow has applied to the gray values of this file, by its header."""
    with Image.open(path) as header:
        raw_modes = [tile[3] for tile in header.tile]
    first = raw_modes[0] if raw_modes else None
    return _STRETCH.get(str(first[0] if isinstance(first, tuple) else first), 1)
