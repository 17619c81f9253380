"""People's masks as labels: stored numbers or colors, translated by a class table."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from segengine.datasets.base import IGNORE_INDEX, read_image
from segengine.datasets.formats.class_table import MAX_VALUE, ClassTable, hex_color
from segengine.datasets.formats.index_masks import is_indexed, stored_numbers
from segengine.errors import UserError

_EXACT_COLORS = {"RGB", "RGBA", "RGBX", "P", "PA", "L", "LA", "1"}  # Pillow modes


def read_mask(path: Path, table: ClassTable) -> np.ndarray:
    """The labels of a mask file: (H, W) int64, values 0..classes-1 or 255.

    Raises:
        UserError: the file cannot be decoded, or holds a number or color that is not in the table;
            the sentence names the first such value and counts its pixels.
    """
    image = read_image(path)
    if is_indexed(image) and not table.by_color:
        return _from_numbers(stored_numbers(image, path), table, path)
    if image.mode not in _EXACT_COLORS:
        raise UserError(
            f"{path} is stored as {image.mode}: save masks as gray, palette or RGB PNG.",
            field="root",
        )
    return _from_colors(np.asarray(image.convert("RGB")), table, path)


def _from_numbers(raw: np.ndarray, table: ClassTable, path: Path) -> np.ndarray:
    bounded = raw if raw.dtype in (np.uint8, np.uint16) else np.clip(raw, -1, MAX_VALUE + 1)
    mask: np.ndarray = _label_by_number(table)[bounded]
    if (mask < 0).any():
        value = int(raw[mask < 0][0])
        raise UserError(
            f"{path} holds the label {value} in {_pixels(raw == value)}, but {table.source} "
            f"allows {table.allowed()}: correct the mask, or the classes.",
            field="root",
        )
    return mask


@lru_cache(maxsize=8)
def _label_by_number(table: ClassTable) -> np.ndarray:
    """Label by stored number, else -1. The last element stands for -1 and for larger numbers."""
    lookup = np.full(MAX_VALUE + 2, -1, np.int64)
    lookup[list(table.void)] = IGNORE_INDEX
    lookup[list(table.values)] = range(len(table.values))
    return lookup


def _from_colors(rgb: np.ndarray, table: ClassTable, path: Path) -> np.ndarray:
    lacking = set(range(len(table.classes))) - {label for _, label in table.colors}
    if lacking:
        raise UserError(
            f'{path} is a mask of colors, but {table.source} gives no "color" for '
            f"{table.classes[min(lacking)].name}: add it.",
            field="root",
        )
    red, green, blue = (rgb[..., channel].astype(np.int64) for channel in range(3))
    codes = red << 16 | green << 8 | blue
    known, labels = (np.array(column) for column in zip(*sorted(table.colors), strict=True))
    positions = np.searchsorted(known, codes).clip(max=len(known) - 1)
    unknown = codes[known[positions] != codes]
    if unknown.size:
        others = len(np.unique(unknown)) - 1
        more = f" and {others:,} more unknown color{'' if others == 1 else 's'}" * bool(others)
        raise UserError(
            f"{path} holds the color {hex_color(int(unknown[0]))} in "
            f"{_pixels(unknown == unknown[0])}{more}, but {table.source} allows "
            f"{table.allowed_colors()}: correct the mask, or the classes.",
            field="root",
        )
    mask: np.ndarray = labels[positions]
    return mask


def _pixels(selected: np.ndarray) -> str:
    count = int(selected.sum())
    return "1 pixel" if count == 1 else f"{count:,} pixels"
