"""Photographs as models see them: upright, RGB, 8 bits per channel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from segengine.datasets.formats.image_file import ImageFile, read_image
from segengine.errors import UserError

Size = tuple[int, int]  # (height, width) in pixels
# What was done about an EXIF orientation; "either": turned upright, but its mask fits both.
Turn = Literal["none", "upright", "either", "as stored"]

_EIGHT_BITS = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}  # Pillow modes


def read_photo(path: Path, fits: Size | None = None) -> tuple[np.ndarray, Turn]:
    """A photograph, turned upright as EXIF says, and whether it was turned.

    The pixels are (H, W, 3) uint8 RGB; transparency is left out.

    Args:
        fits: the size of its mask. Where only the stored pixels have this size, they are used as
            they are: the mask was drawn on them.

    Raises:
        UserError: the file cannot be decoded, holds other colors than RGB, CMYK or YCbCr, or has
            more than 8 bits per channel: whether 4,095 or 65,535 is its white, it does not say.
    """
    file = read_image(path)
    _require_eight_bits(file, path)
    if file.orientation == 1:
        return _rgb(file.upright), "none"
    width, height = file.upright.size
    if fits is None or fits != _turned_size(file):
        return _rgb(file.upright), "upright"
    if fits == (height, width):
        return _rgb(file.upright), "either"
    return _rgb(file.stored), "as stored"


def open_turns(turns: Mapping[Path, Turn]) -> list[UserError]:
    """What is wrong with the photographs of a split whose masks may be meant for the stored pixels.

    Some masks fit the stored pixels only, so whoever drew them did not heed EXIF: where size does
    not tell, turning the photograph may put it upside down under its mask.
    """
    stored = next((path for path, turn in turns.items() if turn == "as stored"), None)
    if stored is None:
        return []
    return [
        UserError(
            f"{path} is marked as turned by EXIF, and its mask fits it turned and as stored; the "
            f"mask of {stored} fits only the stored pixels: save the photographs upright, without "
            "EXIF, as their masks are.",
            field="root",
        )
        for path, turn in turns.items()
        if turn == "either"
    ]


def _rgb(picture: Image.Image) -> np.ndarray:
    """(H, W, 3) uint8. Pillow's `convert` would copy what is RGB already."""
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _turned_size(file: ImageFile) -> Size:
    """The size of the stored pixels: orientations 5 to 8 swap height and width."""
    width, height = file.upright.size
    return (width, height) if file.orientation >= 5 else (height, width)


def _require_eight_bits(file: ImageFile, path: Path) -> None:
    mode = file.upright.mode
    if mode in _EIGHT_BITS and ";16" not in file.raw_mode:
        return
    if mode in ("LAB", "HSV"):
        raise UserError(f"{path} is stored as {mode}: save it as RGB.", field="root")
    kind = file.raw_mode if ";16" in file.raw_mode else mode
    raise UserError(
        f"{path} is stored as {kind}, which does not fit 8 bits per channel: save it as RGB or as "
        "gray of 8 bits, scaled by the camera's own range, which the file does not tell.",
        field="root",
    )
