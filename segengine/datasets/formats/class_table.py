"""What the numbers and colors of people's masks stand for, and the file that says so.

`classes.json` lies beside the images' folders:

    {
      "classes": [
        {"name": "background"},
        {"name": "cat", "value": 1, "color": "#0072B2"},
        {"name": "dog", "value": 7, "color": "#E69F00"}
      ],
      "void": [255, "#FFFFFF"]
    }

The classes are in label order. `value` is the number that the masks hold for the class (0 to 65535;
by default its index: 0, 1, 2, ...), `color` its color on every page and in RGB masks. `void` lists
the numbers (negative ones, too) and colors to be ignored (by default 255, unless a class has that
value). RGB masks are read by their colors, gray and 16-bit masks by their numbers. A palette mask
has both, and so has gray of 1, 2 or 4 bits: where they contradict each other, the mask is refused
until `rgb` says which is meant: true reads every mask by its colors, false by its numbers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from segengine.config.messages import shown
from segengine.datasets.base import IGNORE_INDEX, ClassInfo
from segengine.datasets.formats.palette import class_colors
from segengine.errors import UserError
from segengine.files import open_regular
from segengine.registry import unknown_name

CLASSES_FILE = "classes.json"
MAX_CLASSES = 255  # labels 0..254; 255 is void
MAX_VALUE = 65535
MIN_VOID = -(2**31)
_LISTED = 12  # classes that a sentence lists

Reading = Literal["any", "number", "gray", "color"]


@dataclass(frozen=True)
class ClassTable:
    """How stored numbers and colors become labels.

    Attributes:
        classes: the classes in label order.
        numbers: (stored number, label or 255) of everything that may occur.
        colors: (0xRRGGBB, label or 255) of every given color, without default colors.
        reading: what is read of a mask that has numbers and shows colors: only the one or the
            other, the gray that it shows, or ("any") whichever the table allows, if that is clear.
        void_by_default: whether 255 is void only because nothing else was said of it.
        source: where the table comes from, for errors.
        allowed_numbers: the numbers that may occur, in words, where a list would be long.
    """

    classes: tuple[ClassInfo, ...]
    numbers: tuple[tuple[int, int], ...]
    colors: tuple[tuple[int, int], ...] = ()
    reading: Reading = "any"
    void_by_default: bool = False
    source: str = ""
    allowed_numbers: str = ""

    @property
    def key(self) -> str:
        """Everything that decides how a mask is read, as text."""
        return repr((self.numbers, self.colors, self.reading, self.void_by_default))

    def name_of(self, label: int) -> str:
        """The class of a label, or "void"."""
        return self.classes[label].name if label < len(self.classes) else "void"

    def allowed(self) -> str:
        """The numbers that may occur, in words: "0 (cat), 1 (dog) and 255 (void)"."""
        return self.allowed_numbers or enumeration(
            [f"{number} ({self.name_of(label)})" for number, label in self.numbers]
        )

    def allowed_colors(self) -> str:
        """The colors that may occur, in words."""
        return enumeration(
            [f"{hex_color(color)} ({self.name_of(label)})" for color, label in self.colors]
        )


def read_class_table(path: Path) -> ClassTable:
    """The table of a `classes.json`.

    Raises:
        UserError: it cannot be read, or is not valid; the sentence names the entry.
    """
    try:
        with open_regular(path) as file:
            text = file.read().decode("utf-8-sig")
        content = json.loads(text, object_pairs_hook=_without_duplicates)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}.", field="root") from None
    except RecursionError:
        raise UserError(
            f"{path} cannot be read as JSON: it is nested too deeply.", field="root"
        ) from None
    try:
        return _parsed_table(content, str(path))
    except UserError as error:
        raise UserError(f"{path}: {error}", field="root") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's content; ValueError where a key is given twice: JSON leaves open which counts."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'"{twice}" is given twice in one object')
    return content


def enumeration(words: list[str]) -> str:
    """ "a, b and c"; of a long list the beginning and the number of the others."""
    if len(words) > _LISTED:
        words = [*words[:_LISTED], f"{len(words) - _LISTED} more"]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def hex_color(code: int) -> str:
    """0xRRGGBB as #RRGGBB."""
    return f"#{code:06X}"


@dataclass(frozen=True)
class _ClassEntry:
    """One class as `classes.json` gives it; `color` is None where it was left out."""

    name: str
    value: int
    color: int | None


def _parsed_table(content: Any, source: str) -> ClassTable:
    _check_object(content, "the file", ["classes", "void", "rgb"])
    given = content.get("classes")
    if not isinstance(given, list) or not 2 <= len(given) <= MAX_CLASSES:
        raise UserError(f'"classes" must list 2 to {MAX_CLASSES} classes.')
    entries = [_class_entry(entry, index) for index, entry in enumerate(given)]
    default = [] if any(entry.value == IGNORE_INDEX for entry in entries) else [IGNORE_INDEX]
    void, void_colors = _void(content.get("void", default))
    by_color = content.get("rgb")
    if not isinstance(by_color, bool) and "rgb" in content:
        raise UserError(f'"rgb" must be true or false, but is {shown(by_color)}.')
    _check_unique(entries, void, void_colors)
    colors = [
        (entry.color, label) for label, entry in enumerate(entries) if entry.color is not None
    ]
    return ClassTable(
        classes=_class_infos(entries),
        numbers=(
            *((entry.value, label) for label, entry in enumerate(entries)),
            *((value, IGNORE_INDEX) for value in void),
        ),
        colors=(*colors, *((color, IGNORE_INDEX) for color in void_colors)),
        reading="any" if by_color is None else "color" if by_color else "number",
        void_by_default="void" not in content and bool(default),
        source=source,
    )


def _class_entry(given: Any, index: int) -> _ClassEntry:
    _check_object(given, f"class {index + 1}", ["name", "color", "value"])
    name = given.get("name")
    if not isinstance(name, str) or not name.strip():
        raise UserError(f'class {index + 1} needs a "name", but has {shown(name)}.')
    name = name.strip()
    if any("\ud800" <= letter <= "\udfff" for letter in name):  # JSON can write what UTF-8 cannot
        raise UserError(f"the name of class {index + 1}, {shown(name)}, is no text: correct it.")
    color = _color_code(given["color"], f"the color of {name}") if "color" in given else None
    value = _stored_value(given.get("value", index), f"the value of {name}")
    return _ClassEntry(name, value, color)


def _class_infos(entries: list[_ClassEntry]) -> tuple[ClassInfo, ...]:
    """Names and colors; a color that was left out becomes one that no other class has."""
    taken = [hex_color(entry.color) for entry in entries if entry.color is not None]
    free = iter(class_colors(len(entries), taken))
    return tuple(
        ClassInfo(entry.name, next(free) if entry.color is None else hex_color(entry.color))
        for entry in entries
    )


def _check_object(given: Any, subject: str, known: list[str]) -> None:
    if not isinstance(given, dict):
        keys = enumeration(known)
        raise UserError(f"{subject} must be an object with {keys}, but is {shown(given)}.")
    for key in given:
        if key not in known:
            raise UserError(unknown_name(f"key of {subject}", key, known))


def _stored_value(given: Any, subject: str, least: int = 0) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= MAX_VALUE:
        raise UserError(
            f"{subject} must be a whole number from {least} to {MAX_VALUE}, but is {shown(given)}."
        )
    return given


def _color_code(given: Any, subject: str) -> int:
    """#RRGGBB as 0xRRGGBB."""
    if not isinstance(given, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", given):
        raise UserError(f'{subject} must look like "#0072B2", but is {shown(given)}.')
    return int(given[1:], 16)


def _void(given: Any) -> tuple[list[int], list[int]]:
    """(numbers, colors) that are void."""
    if not isinstance(given, list):
        raise UserError(f'"void" must be a list such as [255, "#FFFFFF"], but is {shown(given)}.')
    colors = [_color_code(item, "a void color") for item in given if isinstance(item, str)]
    values = [
        _stored_value(item, "a void value", MIN_VOID) for item in given if not isinstance(item, str)
    ]
    return values, colors


def _check_unique(entries: list[_ClassEntry], void: list[int], void_colors: list[int]) -> None:
    """UserError where two classes, or a class and void, share a name, a value or a color."""
    owned = [(f"name {shown(entry.name)}", entry.name) for entry in entries]
    owned += [(f"value {entry.value}", entry.name) for entry in entries]
    owned += [(f"value {value}", "void") for value in void]
    owned += [
        (f"color {hex_color(entry.color)}", entry.name)
        for entry in entries
        if entry.color is not None
    ]
    owned += [(f"color {hex_color(color)}", "void") for color in void_colors]
    owner_of: dict[str, str] = {}
    for subject, owner in owned:
        if subject in owner_of:
            raise UserError(
                f"{subject} is given twice, for {owner_of[subject]} and {owner}: each needs its "
                "own."
            )
        owner_of[subject] = owner
