"""Masks as labels: stored numbers or colors, translated by a class table.

The one function that reads a mask, for every dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from segengine.datasets.base import IGNORE_INDEX
from segengine.datasets.formats.class_table import CLASSES_FILE, ClassTable, hex_color
from segengine.datasets.formats.mask_file import StoredMask, gray_level, read_stored_mask
from segengine.errors import UserError

UNKNOWN = -1  # the label of what the table does not allow
_ROWS = 256  # that are translated at once


def read_mask(path: Path, table: ClassTable) -> np.ndarray:
    """The labels of a mask file: (H, W) int64, values 0..classes-1 or 255.

    Raises:
        UserError: the file cannot be decoded, holds a number or color that is not in the table (the
            sentence names the first such value and counts its pixels), or can be read in two ways.
    """
    stored = read_stored_mask(path)
    if stored.is_color:
        return _from_colors(stored.pixels, table, path)
    numbers = stored.contents()[0].tolist()
    labels = _labels_of_numbers(stored, numbers, table, path)
    mask: np.ndarray = _translated(stored.pixels, tuple(zip(numbers, labels, strict=True)))
    return mask


def label_by_number(table: ClassTable, number: int) -> int:
    """The label of a stored number, or `UNKNOWN`."""
    return dict(table.numbers).get(number, UNKNOWN)


def label_by_gray(table: ClassTable, color: int) -> int:
    """The label of the gray that a number shows, or `UNKNOWN`.

    White that is void only because nobody said what it is, is not known: it may be the foreground
    of a black-and-white mask.
    """
    level = gray_level(color)
    if level is None or (level == IGNORE_INDEX and table.void_by_default):
        return UNKNOWN
    return label_by_number(table, level)


def label_by_color(table: ClassTable, color: int) -> int:
    """The label of a color (0xRRGGBB), or `UNKNOWN`."""
    return dict(table.colors).get(color, UNKNOWN)


def _labels_of_numbers(
    stored: StoredMask, numbers: Sequence[int], table: ClassTable, path: Path
) -> list[int]:
    """The label of each number that occurs in a mask of numbers."""
    colors = [stored.color_of(number) for number in numbers]
    if table.reading == "color":
        _require_colors(table, path)
        return _all_known(table, colors, label_by_color, stored, path)
    if table.reading == "number":
        return _all_known(table, numbers, label_by_number, stored, path)
    if table.reading == "gray" and stored.shown:
        return _all_known(table, colors, label_by_gray, stored, path)
    ways = {
        "the number": [label_by_number(table, number) for number in numbers],
        "the gray": [label_by_gray(table, color) for color in colors],
        "the color": [label_by_color(table, color) for color in colors],
    }
    clear = {way: labels for way, labels in ways.items() if UNKNOWN not in labels}
    if not clear:
        return _all_known(table, numbers, label_by_number, stored, path)
    if stored.shown:  # else the number is what is seen
        # One color that the table gives contradicts, though others may be unknown. A gray does so
        # only among grays: palettes of colors hold some gray by chance.
        telling = {"the color"} | ({"the gray"} if _are_grays(colors) else set())
        others = {way: ways[way] for way in ways if way in clear or way in telling}
        _require_agreement(next(iter(clear)), others, numbers, colors, table, path)
    return next(iter(clear.values()))


def _are_grays(colors: Sequence[int]) -> bool:
    return all(gray_level(color) is not None for color in colors)


def _require_agreement(
    chosen: str,
    ways: dict[str, list[int]],
    numbers: Sequence[int],
    colors: Sequence[int],
    table: ClassTable,
    path: Path,
) -> None:
    """UserError where another way gives a number another label than the chosen way."""
    first = ways[chosen]
    for way, labels in ways.items():
        differing = (i for i, label in enumerate(labels) if label not in (UNKNOWN, first[i]))
        index = next(differing, None)
        if index is None:
            continue
        seen = hex_color(colors[index])
        raise UserError(
            f"{path} can be read in two ways: by {chosen}, its {numbers[index]} is "
            f"{table.name_of(first[index])} in {table.source}; by {way} that it shows, {seen}, it "
            f"is {table.name_of(labels[index])}. {_way_out(way, table)}",
            field="root",
        )


def _way_out(way: str, table: ClassTable) -> str:
    if not table.source.endswith(CLASSES_FILE):
        return "Save it as gray of 8 bits without a palette."
    if way == "the color":
        return 'Write "rgb": true into it to read the colors, or "rgb": false to read the numbers.'
    return 'Write "rgb": false into it to read the numbers, or save the mask as gray of 8 bits.'


def _all_known(
    table: ClassTable,
    values: Sequence[int],
    label_of: Callable[[ClassTable, int], int],
    stored: StoredMask,
    path: Path,
) -> list[int]:
    """The labels of the numbers, told by `values`: the numbers or the colors that they show."""
    labels = [label_of(table, value) for value in values]
    if UNKNOWN in labels:
        index = labels.index(UNKNOWN)
        number = int(stored.contents()[0][index])
        pixels = _pixels(int(stored.contents()[1][index]))
        if label_of is label_by_color:
            raise _unknown_color(path, table, hex_color(values[index]), pixels, 0)
        seen = f", shown as {hex_color(stored.color_of(number))}," if stored.shown else ""
        raise UserError(
            f"{path} holds the label {number}{seen} in {pixels}, but {table.source} allows "
            f"{table.allowed()}: {_correction(table)}.",
            field="root",
        )
    return labels


def _correction(table: ClassTable) -> str:
    is_given = table.source.endswith(CLASSES_FILE)
    return "correct the mask, or the classes" if is_given else "correct the mask"


def _from_colors(codes: np.ndarray, table: ClassTable, path: Path) -> np.ndarray:
    _require_colors(table, path)
    mask: np.ndarray = _translated(codes, tuple(table.colors))
    unknown = codes[mask == UNKNOWN]
    if unknown.size:
        pixels = _pixels(int((unknown == unknown[0]).sum()))
        others = len(np.unique(unknown)) - 1
        raise _unknown_color(path, table, hex_color(int(unknown[0])), pixels, others)
    return mask


def _require_colors(table: ClassTable, path: Path) -> None:
    lacking = set(range(len(table.classes))) - {label for _, label in table.colors}
    if lacking and table.source.endswith(CLASSES_FILE):
        raise UserError(
            f'{path} is a mask of colors, but {table.source} gives no "color" for '
            f"{table.classes[min(lacking)].name}: add it.",
            field="root",
        )
    if lacking:
        raise UserError(
            f"{path} is a mask of colors, but one number per pixel is needed: save it as a gray "
            "PNG of class numbers.",
            field="root",
        )


def _unknown_color(
    path: Path, table: ClassTable, color: str, pixels: str, others: int
) -> UserError:
    more = f" and {others:,} more unknown color{'' if others == 1 else 's'}" * bool(others)
    return UserError(
        f"{path} holds the color {color} in {pixels}{more}, but {table.source} allows "
        f"{table.allowed_colors()}: {_correction(table)}.",
        field="root",
    )


def _translated(values: np.ndarray, labels: tuple[tuple[int, int], ...]) -> np.ndarray:
    """(H, W) integers to (H, W) int64 by (value, label) pairs; `UNKNOWN` for all others."""
    if values.dtype == np.uint8:
        lookup, mask = _byte_labels(labels), np.empty(values.shape, np.int64)
        for first in range(0, len(values), _ROWS):  # NumPy makes 8 bytes of each index
            mask[first : first + _ROWS] = lookup[values[first : first + _ROWS]]
        return mask
    known, label_of = (np.array(column, np.int64) for column in zip(*sorted(labels), strict=True))
    positions = np.searchsorted(known, values).clip(max=len(known) - 1)
    labels_of_values: np.ndarray = label_of[positions]
    return np.where(known[positions] == values, labels_of_values, UNKNOWN)


@lru_cache(maxsize=64)
def _byte_labels(labels: tuple[tuple[int, int], ...]) -> np.ndarray:
    lookup = np.full(256, UNKNOWN, np.int64)
    for value, label in labels:
        if 0 <= value <= 255:
            lookup[value] = label
    return lookup


def _pixels(count: int) -> str:
    return "1 pixel" if count == 1 else f"{count:,} pixels"
