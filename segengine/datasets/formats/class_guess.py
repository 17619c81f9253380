"""Classes from the masks themselves, where there is no `classes.json`.

Guessed is only what can be understood in one way. Else the sentence says what is open and proposes
a `classes.json` that would settle it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segengine.datasets.base import IGNORE_INDEX, ClassInfo
from segengine.datasets.formats.class_table import (
    MAX_CLASSES,
    MAX_VALUE,
    ClassTable,
    Reading,
    enumeration,
    hex_color,
)
from segengine.datasets.formats.mask_file import gray_level
from segengine.datasets.formats.mask_scan import MOST_COLORS, WHITE, MaskScan, Seen
from segengine.datasets.formats.palette import class_colors
from segengine.errors import UserError

MOST_GUESSED = 64  # classes; more are seldom classes, and never without names
BINARY = "Binary masks (--binary)"
_SHOWN = 4  # classes of a proposal that the sentence shows
_VOID_NUMBERS = (-1, IGNORE_INDEX, MAX_VALUE)  # that tools write for void, in this order
# Numbers between two frequent ones from which on smoothed edges are likely: where somebody may
# have chosen them, as 0, 1, 2, ...; and where they lie at odd distances.
_RAMP, _ODD_RAMP = 10, 3
_RAMP_SHARE = 0.25  # of all pixels, that smoothed edges have at most


class ClassesUnknown(UserError):
    """The masks leave open what the classes are.

    Attributes:
        classes_json: the content of a `classes.json` that would say it, to be completed with names;
            "" where none can be proposed.
    """

    def __init__(self, message: str, classes_json: str = "", field: str = "root") -> None:
        super().__init__(message, field=field)
        self.classes_json = classes_json


def guess_class_table(scan: MaskScan, path: Path, *, binary: bool = False) -> ClassTable:
    """The table of masks that hold the classes 0, 1, 2, ... and 255 for void.

    Args:
        path: where a `classes.json` would lie, for the errors.
        binary: whether black is background and white (255, or 1) is foreground.

    Raises:
        ClassesUnknown: the classes do not follow from the masks.
        UserError: no mask can be read.
    """
    if scan.colored:
        raise _colored(scan, path)
    if not scan.seen:
        raise UserError(scan.unreadable or f"No masks beside {path}.", field="root")
    _refuse_smoothed(scan, path)
    if binary:
        return _binary_table(scan, path)
    grays = scan.grays()
    if grays is not None and _are_labels(grays):
        _refuse_open_white(scan, grays, path)
        return _table(_labels(grays), "gray")
    contradiction = scan.contradiction()
    if contradiction is None and _are_labels(scan.numbers):
        colors = {seen.number: seen.color for seen in scan.seen if seen.painted}
        return _table(_labels(scan.numbers), "number", colors)
    if grays == [0, WHITE]:
        raise _black_and_white(scan, path)
    if contradiction is not None:
        raise _contradicting(contradiction, scan, path)
    raise _with_gaps(scan, path)


def _labels(numbers: Sequence[int]) -> list[int]:
    return [number for number in numbers if number not in (-1, IGNORE_INDEX)]


def _are_labels(numbers: Sequence[int]) -> bool:
    """Whether numbers are 0, 1, 2, ... (and void), two at least."""
    labels = _labels(numbers)
    return len(labels) >= 2 and labels == list(range(len(labels)))


def _table(labels: list[int], reading: Reading, colors: dict[int, int] | None = None) -> ClassTable:
    """The table of the classes 0, 1, 2, ...; colors are the palette's where they all differ."""
    palette = [hex_color(colors[label]) for label in labels if colors and label in colors]
    if len(set(palette)) < len(labels):
        palette = class_colors(len(labels))
    return ClassTable(
        classes=tuple(ClassInfo(f"class {label}", palette[label]) for label in labels),
        numbers=(
            *((label, label) for label in labels),
            (IGNORE_INDEX, IGNORE_INDEX),
            (-1, IGNORE_INDEX),
        ),
        reading=reading,
        source="the masks' numbers",
        allowed_numbers=f"0 to {len(labels) - 1} and 255 (void)",
    )


# --- Black and white -----------------------------------------------------------------------------


def _binary_table(scan: MaskScan, path: Path) -> ClassTable:
    grays = scan.grays()
    if grays is None or not {0} < set(grays) <= {0, 1, WHITE}:
        held = _numbers(scan.numbers if grays is None else grays)
        raise ClassesUnknown(
            f"{BINARY} was chosen, but the masks hold {held}, not black (0) and white (255 or 1): "
            "leave it out.",
            field="binary",
        )
    if scan.one_and_white:
        raise ClassesUnknown(
            f"{BINARY} was chosen, but {scan.one_and_white} holds both 1 and 255: leave it out, so "
            "that 1 is a class and 255 void.",
            field="binary",
        )
    names = zip(("background", "foreground"), class_colors(2), strict=True)
    return ClassTable(
        classes=tuple(ClassInfo(name, color) for name, color in names),
        numbers=((0, 0), (1, 1), (WHITE, 1)),
        reading="gray",
        source="a binary mask",
        allowed_numbers="0 (background) and 255 or 1 (foreground)",
    )


def _refuse_open_white(scan: MaskScan, grays: list[int], path: Path) -> None:
    """ClassesUnknown where 255 may be void, or the white of masks that write 0 and 255."""
    if grays != [0, 1, WHITE] or scan.one_and_white:
        return
    one = next(seen for seen in scan.seen if seen.color == 0x010101)
    white = next(seen for seen in scan.seen if seen.color == 0xFFFFFF)
    content = _numbered([0, 1], void=[WHITE], scan=scan)
    raise ClassesUnknown(
        f"{one.file} holds 1 and {white.file} white (255), but no mask holds both: 255 may be the "
        f"foreground of black-and-white masks, or void. Choose {BINARY} if it is the foreground; "
        f"if it is void, write {path}, such as {_one_line(content)}.",
        _text(content),
    )


def _black_and_white(scan: MaskScan, path: Path) -> ClassesUnknown:
    content = {
        "classes": [
            {"name": "background", "value": 0},
            {"name": "foreground", "value": WHITE},
        ]
    }
    return ClassesUnknown(
        f"The masks hold the numbers 0 and 255 (see {scan.seen[0].file}): as black and white they "
        "are two classes, as class numbers one class and void. Choose "
        f"{BINARY} for background and foreground, or name them. Write {path}, such as "
        f"{_one_line(content)}.",
        _text(content),
    )


# --- What leaves the classes open ----------------------------------------------------------------


def _refuse_smoothed(scan: MaskScan, path: Path) -> None:
    """ClassesUnknown where numbers are too many for classes, or lie between two frequent ones."""
    levels: dict[int, int] = {}
    for seen in scan.seen:
        level = seen.color & 0xFF if scan.grays() is not None and seen.painted else seen.number
        levels[level] = levels.get(level, 0) + seen.pixels
    if not _look_smoothed(levels) and len(_labels(list(levels))) <= MOST_GUESSED:
        return
    content = _numbered(sorted(levels), void=[], scan=scan)
    way_out = (
        f" If they are classes, write {path}, such as {_one_line(content)}." if content else ""
    )
    raise ClassesUnknown(
        f"The masks hold {len(levels)} different numbers (see {scan.seen[len(scan.seen) // 2].file}"
        "): their edges look smoothed (resized with interpolation, blurred, or once saved as "
        "JPEG), and what lies between two classes is no class. Make the masks again, resized by "
        f"nearest neighbor and saved as PNG.{way_out}",
        _text(content),
    )


def _look_smoothed(pixels: dict[int, int]) -> bool:
    """Whether nearly all pixels hold the lowest or the highest of many numbers.

    Args:
        pixels: per number.
    """
    between = {number: count for number, count in pixels.items() if number not in _ends(pixels)}
    share = sum(between.values()) / max(1, sum(pixels.values()))
    frequent = set(sorted(pixels, key=lambda number: pixels[number])[-2:])
    ramp = _RAMP if _are_chosen(sorted(pixels)) else _ODD_RAMP
    return len(between) >= ramp and share < _RAMP_SHARE and frequent == set(_ends(pixels))


def _are_chosen(numbers: Sequence[int]) -> bool:
    """Whether numbers are 0, 1, 2, ... (and void), or spaced evenly, as 0, 64, 128, 191, 255."""
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    return _are_labels(numbers) or max(steps, default=0) - min(steps, default=0) <= 1


def _ends(pixels: dict[int, int]) -> tuple[int, int]:
    return min(pixels), max(pixels)


def _colored(scan: MaskScan, path: Path) -> ClassesUnknown:
    others = f" (and {scan.colored_count - 1:,} more)" if scan.colored_count > 1 else ""
    found = [color for color, _ in scan.colors]
    if len(found) > MOST_COLORS:
        return ClassesUnknown(
            f"{scan.colored}{others} holds more than {MOST_COLORS} colors: its edges look smoothed "
            "(drawn or resized with interpolation, or once saved as JPEG). Make the masks again "
            "with one plain color per class and save them as PNG."
        )
    if all(gray_level(color) is not None for color in found):
        found.sort()  # most likely numbers, saved three times
    colors = dict.fromkeys([*found, *(seen.color for seen in scan.seen if seen.color >= 0)])
    content = _painted(list(colors))
    proposal = f", such as {_one_line(content)}" if content else ""
    return ClassesUnknown(
        f"{scan.colored}{others} is a mask of colors: say which color is which class in "
        f"{path}{proposal}.",
        _text(content),
    )


def _contradicting(pair: tuple[Seen, Seen], scan: MaskScan, path: Path) -> ClassesUnknown:
    first, second = pair
    if first.file == second.file:  # one palette, in which two numbers look alike
        content = _numbered(scan.numbers, [], scan)
        return ClassesUnknown(
            f"{first.file} shows both {first.number} and {second.number} as "
            f"{hex_color(first.color)}: by their color they are one class, by their numbers two. "
            f'Write {path} with "rgb": false to read the numbers, such as {_one_line(content)}; '
            'or with "rgb": true and a color for each class.',
            _text(content),
        )
    content = _painted(list(dict.fromkeys(seen.color for seen in scan.seen if seen.color >= 0)))
    proposal = f", such as {_one_line(content)}" if content else ""
    return ClassesUnknown(
        f"{first.file} shows {first.number} as {hex_color(first.color)}, but {second.file} shows "
        f"{second.number} as {hex_color(second.color)}: their palettes differ, so that their "
        f"numbers are not the same classes. Say which color is which class in {path}{proposal}.",
        _text(content),
    )


def _with_gaps(scan: MaskScan, path: Path) -> ClassesUnknown:
    numbers = scan.numbers
    first = scan.seen[0].file
    example = next((seen.file for seen in scan.seen if seen.number not in (0, 1)), first)
    need = (
        f"The masks hold {_numbers(numbers)} (see {example}), but without a {path.name} they must "
        "hold two classes or more, numbered 0, 1, 2, ... without gaps, and 255 for void."
    )
    void = [number for number in numbers if number < 0 or number in _VOID_NUMBERS]
    content = _numbered([number for number in numbers if number not in void], void, scan)
    if content is None:
        return ClassesUnknown(f"{need} Correct the masks.")
    return ClassesUnknown(f"{need} Write {path}, such as {_one_line(content)}.", _text(content))


def proposal(count: int) -> str:
    """The `classes.json` of guessed classes on one line, as an example the last one void."""
    named = max(2, count - 1)  # two classes are the least
    entries = [{"name": f"class {label}"} for label in range(named)]
    return _one_line({"classes": entries, "void": [*range(named, count), IGNORE_INDEX]})


# --- The classes.json that is proposed ------------------------------------------------------------


def _numbered(numbers: list[int], void: list[int], scan: MaskScan) -> dict[str, Any] | None:
    """Its content for masks of numbers; None where they cannot be classes."""
    if len(numbers) == 1 and void and void[-1] in (IGNORE_INDEX, MAX_VALUE):
        numbers, void = [*numbers, void[-1]], void[:-1]  # two classes are the least
    if not 2 <= len(numbers) <= MAX_CLASSES or max(numbers) > MAX_VALUE or min(numbers) < 0:
        return None
    content: dict[str, Any] = {
        "classes": [{"name": f"class {number}", "value": number} for number in numbers]
    }
    if void:
        content["void"] = void
    if any(seen.painted for seen in scan.seen):
        content["rgb"] = False
    return content


def _painted(colors: list[int]) -> dict[str, Any] | None:
    """Its content for masks of colors; None where they cannot be classes."""
    if not 2 <= len(colors) <= MAX_CLASSES:
        return None
    entries = [
        {"name": f"class {label}", "color": hex_color(color)} for label, color in enumerate(colors)
    ]
    return {"classes": entries, "rgb": True}


def _text(content: dict[str, Any] | None) -> str:
    return json.dumps(content, indent=2) + "\n" if content else ""


def _one_line(content: dict[str, Any] | None) -> str:
    """A content on one line, shortened where it has many classes."""
    if content is None:
        return "{}"
    entries = content["classes"]
    text = json.dumps({**content, "classes": entries[:_SHOWN]})
    return text if len(entries) <= _SHOWN else text.replace("}]", "}, ...]", 1)


def _numbers(values: list[int]) -> str:
    numbers = f"the numbers {enumeration([str(value) for value in values])}"
    return numbers if len(values) > 1 else f"only the number {values[0]}"
