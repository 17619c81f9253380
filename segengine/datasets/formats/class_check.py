"""Whether a `classes.json` and the masks beside it can be meant for each other.

Each mask is read by itself; what only shows over all of them is said here.
"""

from __future__ import annotations

from segengine.datasets.base import IGNORE_INDEX
from segengine.datasets.formats.class_table import ClassTable, hex_color
from segengine.datasets.formats.mask_file import NO_COLOR
from segengine.datasets.formats.mask_labels import (
    UNKNOWN,
    label_by_color,
    label_by_gray,
    label_by_number,
)
from segengine.datasets.formats.mask_scan import WHITE, MaskScan, Seen
from segengine.errors import UserError


def check_masks(scan: MaskScan, table: ClassTable) -> None:
    """Refuse masks that can be understood in two ways.

    Raises:
        UserError: white may be the foreground or void; two palettes contradict each other; or a
            gray mask among masks of colors may hold numbers or colors. It names the files.
    """
    _refuse_open_white(scan, table)
    if table.reading == "any":
        _refuse_differing_palettes(scan, table)
        _refuse_gray_among_colors(scan, table)


def _refuse_open_white(scan: MaskScan, table: ClassTable) -> None:
    """UserError where two classes are 0 and 1, and 255 is void only because nobody said else."""
    classes = sorted(number for number, label in table.numbers if label < IGNORE_INDEX)
    white = next((seen for seen in scan.seen if seen.number == WHITE), None)
    if not table.void_by_default or classes != [0, 1] or not white or scan.one_and_white:
        return
    name = table.classes[label_by_number(table, 1)].name
    raise UserError(
        f'{white.file} holds 255, but no mask holds both 1 and 255: write "value": 255 for {name} '
        f'into {table.source} if white is {name}, or "void": [255] if it is void.',
        field="root",
    )


def _refuse_differing_palettes(scan: MaskScan, table: ClassTable) -> None:
    by_number: dict[int, Seen] = {}
    by_color: dict[int, Seen] = {}
    for seen in scan.seen:
        # One color is one class, whatever the numbers; so is one number in colors that the table
        # gives. (What a number and its own color say, `read_mask` has compared.)
        same_color = by_color.setdefault(seen.color, seen) if seen.color != NO_COLOR else seen
        if _label(table, same_color) != _label(table, seen):
            raise _differing(same_color, seen, table)
        if _is_read_by_number(table, seen):
            same_number = by_number.setdefault(seen.number, seen)
            if same_number.color != seen.color:
                raise _differing(same_number, seen, table)


def _differing(first: Seen, second: Seen, table: ClassTable) -> UserError:
    return UserError(
        f"{first.file} shows {first.number} as {hex_color(first.color)}, but {second.file} shows "
        f"{second.number} as {hex_color(second.color)}: their palettes differ. Write into "
        f'{table.source} "rgb": true (and a "color" for each class) to read the colors, or "rgb": '
        "false to read the numbers all the same.",
        field="root",
    )


def _refuse_gray_among_colors(scan: MaskScan, table: ClassTable) -> None:
    if not scan.colored:
        return
    for seen in scan.seen:
        by_number, by_color = label_by_number(table, seen.number), label_by_color(table, seen.color)
        if UNKNOWN not in (by_number, by_color) and by_number != by_color:
            raise UserError(
                f"{seen.file} is gray, and its {seen.number} is {table.name_of(by_number)} as a "
                f"number but {table.name_of(by_color)} as the color {hex_color(seen.color)}, and "
                f'{scan.colored} holds colors: write "rgb": true into {table.source} to read '
                'colors, or "rgb": false to read numbers where there are any.',
                field="root",
            )


def _label(table: ClassTable, seen: Seen) -> int:
    """The label of one number that is seen as one color, as `read_mask` finds it."""
    labels = (
        label_by_number(table, seen.number),
        label_by_gray(table, seen.color),
        label_by_color(table, seen.color),
    )
    return next((label for label in labels if label != UNKNOWN), UNKNOWN)


def _is_read_by_number(table: ClassTable, seen: Seen) -> bool:
    """Whether only the number says what is meant."""
    known = label_by_number(table, seen.number) != UNKNOWN
    return known and label_by_color(table, seen.color) == UNKNOWN
