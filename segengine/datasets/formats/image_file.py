"""Image files from anywhere, decoded with care: regular files of known formats, one picture each.

What a header promises is checked before anything is decoded: a file of a few kilobytes can hold a
picture of gigabytes.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from segengine.errors import UserError

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")  # Pillow would also start Ghostscript
MAX_PIXELS = 50_000_000  # 8,000 x 6,000 and a little; 150 MB as RGB
MAX_PIXELS_VARIABLE = "SEGLAB_MAX_PIXELS"
_ORIENTATION = 0x0112  # EXIF tag
_BITS, _COMPRESSION, _CHANNELS = 258, 259, 277  # TIFF tags: BitsPerSample, ..., SamplesPerPixel
# JPEG, old and new, in three ways; JPEG 2000; JPEG XR; LERC; WebP.
_LOSSY_TIFF = {6, 7, 34892, 33003, 33005, 34712, 34934, 34887, 50001}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BACK = _TURNS | {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}

# Pillow's own limit lies elsewhere, cannot be raised from outside and does not say the size.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class ImageFile:
    """A decoded file.

    Attributes:
        upright: the picture as viewers and annotation tools show it.
        orientation: what EXIF says of the stored pixels, 1 to 8; 1: they are upright.
        raw_mode: how the file stores its pixels, in Pillow's words: "L;2" has 2 bits per pixel,
            "RGB;16B" 16 bits per channel.
        format: one of `FORMATS`, or "MPO": a JPEG with previews of itself.
        is_lossy: whether its compression may have changed the pixels.
    """

    upright: Image.Image
    orientation: int
    raw_mode: str
    format: str
    is_lossy: bool = False

    @property
    def stored(self) -> Image.Image:
        """The picture as its pixels are stored."""
        if self.orientation == 1:
            return self.upright
        return self.upright.transpose(_BACK[self.orientation])


def read_image(path: Path) -> ImageFile:
    """Decode a whole image file.

    Raises:
        UserError: the file is missing, truncated or no image, no regular file, too large, or holds
            several pictures.
    """
    try:
        _require_regular(path)
        with Image.open(path, formats=FORMATS) as image:
            _require_small(image, path)
            _require_single(image, path)
            _require_all_read(image, path)
            raw_mode = _raw_mode(image)
            kind = image.format or ""
            is_lossy = _is_lossy(image)
            turned = kind == "TIFF"  # by Pillow, which then forgets the orientation
            orientation = _orientation(image) if turned else 1
            image.load()
            if not turned:  # a PNG may say it after its pixels
                orientation = _orientation(image)
                upright = image.transpose(_TURNS[orientation]) if orientation > 1 else image
            else:
                upright = image
            return ImageFile(upright, orientation, raw_mode, kind, is_lossy)
    except UserError:
        raise
    except UnidentifiedImageError:  # its text would say the path again
        raise _undecodable(path, f"of no known format: known are {', '.join(FORMATS)}") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise _undecodable(path, str(reason)) from None


def max_pixels() -> int:
    """The most pixels that a picture may have: $SEGLAB_MAX_PIXELS, else `MAX_PIXELS`.

    Raises:
        UserError: the variable holds no positive whole number.
    """
    given = os.environ.get(MAX_PIXELS_VARIABLE, "")
    if not given:
        return MAX_PIXELS
    if not given.isdecimal() or not int(given):
        raise UserError(
            f"{MAX_PIXELS_VARIABLE} must be a whole number of pixels such as {MAX_PIXELS}, but is "
            f"{given!r}: correct it, or leave it out."
        )
    return int(given)


def _require_regular(path: Path) -> None:
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep the reader waiting for ever
        raise UserError(
            f"{path} is no regular file, but a folder, a pipe or a device: remove it.", field="root"
        )


def _require_small(image: Image.Image, path: Path) -> None:
    width, height = image.size
    if width * height > max_pixels():
        raise UserError(
            f"{path} has {width:,} x {height:,} pixels, more than the {max_pixels():,} that SegLab "
            "decodes, so that a small file cannot fill the memory: make it smaller, or start "
            f"SegLab with {MAX_PIXELS_VARIABLE}={width * height} if there is room.",
            field="root",
        )


def _require_single(image: Image.Image, path: Path) -> None:
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise UserError(
            f"{path} holds several pictures (pages or frames), of which only one could be used: "
            "save the one that you mean as a file of its own.",
            field="root",
        )


def _raw_mode(image: Image.Image) -> str:
    """The raw mode of the first tile; "" where the decoder has none."""
    arguments = [tile[3] for tile in getattr(image, "tile", ())]
    first = arguments[0] if arguments else ""
    raw_mode = str(first[0] if isinstance(first, tuple) and first else first)
    # Of colors stored one plane after the other, a tile tells one channel only.
    is_deep = max(_tiff_numbers(image, _BITS), default=0) == 16
    return f"{image.mode};16" if is_deep and ";16" not in raw_mode else raw_mode


def _require_all_read(image: Image.Image, path: Path) -> None:
    """UserError where Pillow would leave out channels, or fill in pixels, without a word."""
    channels = sum(_tiff_numbers(image, _CHANNELS))
    used = 3 if image.mode == "RGBX" else len(image.getbands())
    if channels > used:
        raise UserError(
            f"{path} has {channels} channels, of which only {used} could be used: save those that "
            "you mean as a file of their own.",
            field="root",
        )
    tile = next(iter(getattr(image, "tile", ())), None)
    if image.format == "GIF" and tile and tuple(tile[1]) != (0, 0, *image.size):
        raise UserError(
            f"{path} holds pixels for a part of its {image.width} x {image.height} only, and does "
            "not say what the rest is: save it whole, as PNG.",
            field="root",
        )


def _is_lossy(image: Image.Image) -> bool:
    if image.format == "TIFF":
        return bool(_LOSSY_TIFF.intersection(_tiff_numbers(image, _COMPRESSION)))
    return image.format in ("JPEG", "MPO", "WEBP")


def _tiff_numbers(image: Image.Image, tag: int) -> tuple[int, ...]:
    """The numbers of a TIFF tag; none where it is left out, and for other formats."""
    value = getattr(image, "tag_v2", {}).get(tag, ())
    return tuple(value) if isinstance(value, tuple) else (value,)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF: Pillow names no common class, and the pixels are whole
        return 1
    return value if value in _TURNS else 1


def _undecodable(path: Path, reason: str) -> UserError:
    return UserError(
        f"{path} cannot be decoded as an image ({reason}): replace it or remove it.", field="root"
    )
