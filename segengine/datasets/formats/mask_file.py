"""What a mask file holds: numbers or colors, and the colors that its numbers show.

A palette shows its numbers as colors, and so does gray of 1, 2 or 4 bits: its numbers 0 to 1, 3 or
15 are seen as black to white. A program that re-saves a mask without loss keeps what is seen, not
the numbers. So both are read, and who reads labels decides what is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from segengine.datasets.formats.image_file import ImageFile, read_image
from segengine.errors import UserError

_NUMBERED = {"1", "L", "P", "LA", "PA", "I", "I;16", "I;16B", "I;16L"}  # Pillow modes
_COLORED = {"RGB", "RGBA", "RGBX"}
_STRETCH = {"L;2": 85, "L;4": 17}  # raw mode -> factor that Pillow applies to its values
_COUNTED_AT_ONCE = 1 << 20  # pixels
NO_COLOR = -1  # what a number above 255 shows: no gray of 8 bits


@dataclass(frozen=True)
class StoredMask:
    """A mask as its file holds it.

    Attributes:
        pixels: (H, W) integers: numbers, or 0xRRGGBB where `is_color`.
        is_color: whether the file holds a color per pixel instead of a number.
        shown: 0xRRGGBB by number, of a palette or of gray of few bits; empty where each number is
            seen as the gray that it is.
    """

    pixels: np.ndarray
    is_color: bool = False
    shown: tuple[int, ...] = ()

    def contents(self) -> tuple[np.ndarray, np.ndarray]:
        """(numbers or colors that occur, ascending; pixels of each)."""
        if self.pixels.dtype == np.uint8:
            # In parts: NumPy counts in copies of 8 bytes per pixel.
            parts = np.array_split(self.pixels.ravel(), 1 + self.pixels.size // _COUNTED_AT_ONCE)
            counts = np.sum([np.bincount(part, minlength=256) for part in parts], axis=0)
            values = np.flatnonzero(counts)
            return values, counts[values]
        return np.unique(self.pixels, return_counts=True)

    def color_of(self, number: int) -> int:
        """The color (0xRRGGBB) that a number is seen as; `NO_COLOR` where it has none."""
        if self.shown:
            return self.shown[number] if number < len(self.shown) else NO_COLOR
        return gray_color(number) if 0 <= number <= 255 else NO_COLOR


def read_stored_mask(path: Path) -> StoredMask:
    """Read a mask without deciding what its numbers and colors stand for.

    Raises:
        UserError: the file cannot be decoded, was saved with loss, has transparent pixels, or holds
            neither whole numbers nor 8-bit colors.
    """
    file = read_image(path)
    image = file.upright
    if file.is_lossy:
        kind = "JPEG" if file.format == "MPO" else file.format
        kind = "TIFF compressed as JPEG or the like" if kind == "TIFF" else kind
        raise _unfit(path, f"is a {kind}, whose compression changes the labels: save masks as PNG.")
    if file.orientation != 1:
        raise _unfit(
            path,
            "is marked as turned by EXIF, and does not say whether its labels were drawn on the "
            "turned picture: save it upright, without EXIF.",
        )
    _require_opaque(image, path)
    if image.mode == "F":
        return StoredMask(_whole_numbers(np.asarray(image), path))
    if ";16" in file.raw_mode and image.mode not in _NUMBERED:
        raise _unfit(path, f"is stored as {file.raw_mode}: save colors with 8 bits per channel.")
    if image.mode in _COLORED:
        return StoredMask(_color_codes(image.convert("RGB")), is_color=True)
    if image.mode not in _NUMBERED or "LA;16" in file.raw_mode:
        raise _unfit(path, f"is stored as {image.mode}: save masks as gray, palette or RGB PNG.")
    return _numbered(image, file)


def gray_color(level: int) -> int:
    """A gray level (0 to 255) as 0xRRGGBB."""
    return level * 0x010101


def gray_level(color: int) -> int | None:
    """The level of a gray 0xRRGGBB; None for other colors."""
    level = color & 0xFF
    return level if color == gray_color(level) else None


def _numbered(image: Image.Image, file: ImageFile) -> StoredMask:
    shown: tuple[int, ...] = ()
    if image.mode in ("P", "PA"):
        rgb = np.asarray(image.getpalette("RGB") or [], np.int64).reshape(-1, 3)
        shown = tuple(int(code) for code in rgb @ (1 << 16, 1 << 8, 1))
    if image.mode in ("LA", "PA"):
        image = image.getchannel(0)
    pixels: np.ndarray = np.asarray(image)
    if image.mode == "1":
        return StoredMask(pixels.astype(np.uint8), shown=(gray_color(0), gray_color(255)))
    factor = _STRETCH.get(file.raw_mode, 1) if image.mode == "L" else 1
    if factor > 1:
        grays = tuple(gray_color(level) for level in range(0, 256, factor))
        return StoredMask(pixels // factor, shown=grays)
    return StoredMask(pixels, shown=shown)


def _require_opaque(image: Image.Image, path: Path) -> None:
    """UserError where pixels are transparent: they may be background, or void."""
    alpha = None
    if image.mode in ("LA", "PA", "RGBA"):
        alpha = image.getchannel("A")
    elif "transparency" in image.info:
        alpha = image.convert("RGBA").getchannel("A")
    if alpha is not None and alpha.getextrema()[0] != 255:
        raise _unfit(
            path,
            "has transparent pixels, which may stand for background or for void: save it without "
            "transparency (an alpha channel), with a number or color of their own in their place.",
        )


def _whole_numbers(values: np.ndarray, path: Path) -> np.ndarray:
    """Floating point as int64, where it holds whole numbers."""
    odd = values[~(np.isfinite(values) & (values == np.round(values)))]
    if odd.size or np.abs(values).max(initial=0) >= 2**31:
        example = odd[0] if odd.size else np.abs(values).max()
        raise _unfit(
            path,
            f"holds {example:g}, but masks hold whole numbers: save them as a gray PNG.",
        )
    return values.astype(np.int64)


def _color_codes(image: Image.Image) -> np.ndarray:
    """(H, W) int32, 0xRRGGBB."""
    rgb = np.asarray(image)
    red, green, blue = (rgb[..., channel].astype(np.int32) for channel in range(3))
    return red << 16 | green << 8 | blue


def _unfit(path: Path, problem: str) -> UserError:
    return UserError(f"{path} {problem}", field="root")
