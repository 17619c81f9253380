"""Photographs and index masks as pictures that a browser can lay over each other."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from PIL import Image

from dashboard.shared.colors import ERROR_COLORS
from segengine.datasets.base import ClassInfo
from segengine.results.masks import FALSE_ALARM, MISSED, WRONG

PHOTO_SIDE = 640  # pixels of a photograph's longer side: sharp in a panel, small on the wire
TRUTH_SIDE = 1024  # the same for native-size truth, which packs far better
LABELS_SIDE = 256  # the same for the labels under the cursor
_HATCH = 254  # palette index of the void's hatching; no dataset has so many classes
_VOID_COLOR = "#888888"


class PackedLabels(TypedDict):
    """Class indices for the browser: row by row one byte per pixel, zlib, base64."""

    width: int
    height: int
    data: str


def background_index(classes: Sequence[ClassInfo]) -> int | None:
    """The class that stays unfilled, since it is what the others stand out from."""
    names = [info.name.lower() for info in classes]
    return names.index("background") if "background" in names else None


def photo_jpeg(image: np.ndarray) -> bytes:
    """(H, W, 3) uint8 -> JPEG with sides of at most PHOTO_SIDE pixels."""
    photo = Image.fromarray(image)
    photo.thumbnail((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def mask_png(mask: np.ndarray, classes: Sequence[ClassInfo], ignore_index: int) -> bytes:
    """(H, W) class indices -> PNG in the classes' colors.

    The background class is unfilled; void is hatched; a label that is no class is unfilled too.
    """
    unfilled = background_index(classes)
    colors = {index: info.color for index, info in enumerate(classes) if index != unfilled}
    pixels = mask.astype(np.uint8)
    rows, columns = np.indices(pixels.shape)
    period = max(8, max(pixels.shape) // 32)  # pixels: lines that stay apart in a small panel
    pixels[(mask == ignore_index) & ((rows + columns) % period < period // 4)] = _HATCH
    return _png(pixels, {**colors, _HATCH: _VOID_COLOR})


def error_png(errors: np.ndarray) -> bytes:
    """(H, W) error map -> PNG in the colors of errors, right unfilled."""
    kinds = {"missed": MISSED, "false_alarm": FALSE_ALARM, "wrong": WRONG}
    return _png(errors, {number: ERROR_COLORS[kind] for kind, number in kinds.items()})


def pack_labels(mask: np.ndarray) -> PackedLabels:
    """(H, W) class indices, packed for the browser to look up what is under the cursor."""
    small = shrink_mask(mask.astype(np.uint8), LABELS_SIDE)
    packed = base64.b64encode(zlib.compress(small.tobytes())).decode()
    return {"width": small.shape[1], "height": small.shape[0], "data": packed}


def shrink_mask(mask: np.ndarray, side: int) -> np.ndarray:
    """(H, W) uint8 with its longer side at most `side` pixels, by nearest neighbor."""
    height, width = mask.shape
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def data_uri(content: bytes) -> str:
    """A PNG or JPEG as a `data:` address."""
    file_type = "png" if content.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{file_type};base64,{base64.b64encode(content).decode()}"


def _png(pixels: np.ndarray, colors: dict[int, str]) -> bytes:
    """Palette PNG: the given indices opaque in their #rrggbb, all others transparent."""
    palette, alpha = bytearray(768), bytearray(256)
    for index, color in colors.items():
        palette[3 * index : 3 * index + 3] = bytes.fromhex(color.removeprefix("#"))
        alpha[index] = 255
    picture = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.uint8))
    picture.putpalette(bytes(palette))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", transparency=bytes(alpha))
    return buffer.getvalue()
