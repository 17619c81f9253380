"""What the browser draws with: photographs whole or in tiles, labels pixel by pixel, thumbnails."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image

from segengine.datasets.base import ClassInfo
from segengine.datasets.decoded import resize_mask

WHOLE_SIDE = 1536  # pixels of the longer side of a photograph that is sent at once
TILE = 1024  # pixels of a tile's side
_QUALITY = 90  # of JPEG
_OPACITY = 0.55  # of the classes' colors over a thumbnail
_VOID_COLOR = "#888888"


def background_index(classes: Sequence[ClassInfo]) -> int | None:
    """The class that stays unfilled, since it is what the others stand out from."""
    names = [info.name.lower() for info in classes]
    return names.index("background") if "background" in names else None


def packed_labels(labels: np.ndarray) -> bytes:
    """(H, W) class indices: width and height as 32-bit little-endian numbers, a byte a pixel; gzip.

    No picture format: of those a browser may change the numbers on their way to a script.
    """
    height, width = labels.shape
    return gzip.compress(struct.pack("<II", width, height) + labels.astype(np.uint8).tobytes(), 4)


def whole_level(height: int, width: int) -> int:
    """How often both sides are halved for a photograph that is sent at once."""
    level = 0
    while max(height, width) / 2**level > WHOLE_SIDE:
        level += 1
    return level


def photo_tile(image: np.ndarray, level: int, column: int, row: int) -> bytes:
    """A JPEG of a part of a photograph.

    Args:
        image: (H, W, 3) uint8.
        level: how often both sides are halved; at `whole_level` the part is the whole photograph.
        column: of the part, in steps of TILE pixels at this level.
        row: likewise.
    """
    height, width = image.shape[:2]
    step = TILE * 2**level
    box = (column * step, row * step, (column + 1) * step, (row + 1) * step)
    if level == whole_level(height, width):
        box = (0, 0, width, height)
    left, top, right, bottom = box[0], box[1], min(box[2], width), min(box[3], height)
    part = Image.fromarray(image[top:bottom, left:right])
    size = tuple(max(1, round(side / 2**level)) for side in part.size)
    return _jpeg(part if level == 0 else part.resize(size, Image.Resampling.BOX))


def thumbnail(
    image: np.ndarray | None,
    labels: np.ndarray | None,
    classes: Sequence[ClassInfo],
    ignore_index: int,
    side: int,
) -> bytes:
    """A JPEG with sides of at most `side` pixels: the photograph, with the classes' colors over it.

    Args:
        image: (H, W, 3) uint8; None for a neutral gray.
        labels: (h, w) class indices of any size; None for the photograph alone.
    """
    if image is not None:
        picture = Image.fromarray(image)
        picture.thumbnail((side, side), Image.Resampling.BILINEAR)
    else:
        height, width = labels.shape if labels is not None else (side, side)
        scale = side / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = Image.new("RGB", size, _VOID_COLOR)
    if labels is None:
        return _jpeg(picture)
    pixels = np.asarray(picture).astype(np.float32)
    fitted = resize_mask(labels, pixels.shape[:2])
    colors, filled = _palette(classes, ignore_index)
    mixed = (1 - _OPACITY) * pixels + _OPACITY * colors[fitted]
    return _jpeg(
        Image.fromarray(np.where(filled[fitted][..., None], mixed, pixels).astype("uint8"))
    )


def _palette(classes: Sequence[ClassInfo], ignore_index: int) -> tuple[np.ndarray, np.ndarray]:
    """Label -> its color (256, 3), and whether it is painted at all (256,)."""
    colors, filled = np.zeros((256, 3), np.float32), np.zeros(256, bool)
    unfilled = background_index(classes)
    painted = {index: info.color for index, info in enumerate(classes) if index != unfilled}
    for index, color in {**painted, ignore_index: _VOID_COLOR}.items():
        colors[index] = list(bytes.fromhex(color.removeprefix("#")))
        filled[index] = True
    return colors, filled


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
