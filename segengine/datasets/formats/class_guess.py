"""Classes from the masks themselves, where there is no `classes.json`."""

from __future__ import annotations

import json
from pathlib import Path

from segengine.datasets.base import IGNORE_INDEX, ClassInfo
from segengine.datasets.formats.class_table import MAX_CLASSES, ClassTable, enumeration, hex_color
from segengine.datasets.formats.mask_scan import MaskScan
from segengine.datasets.formats.palette import class_colors
from segengine.errors import UserError

_PROPOSED = 4  # classes in the example of a classes.json


def guess_class_table(scan: MaskScan, path: Path) -> ClassTable:
    """The table of masks that hold the classes 0, 1, 2, ... and 255 for void.

    Args:
        path: where a `classes.json` would lie, for the errors.

    Raises:
        UserError: the classes do not follow from the masks; the sentence proposes a `classes.json`.
    """
    if scan.colored:
        raise UserError(
            f"{scan.colored}{_others(scan.colored_count)} a mask of colors: say which color is "
            f"which class in {path}, such as {_proposal(['cat', 'dog'], colors=True)}.",
            field="root",
        )
    if not scan.values:
        raise UserError(scan.unreadable or f"No masks beside {path}.", field="root")
    values = [value for value, _ in scan.values]
    labels = [value for value in values if value != IGNORE_INDEX]
    if len(labels) < 2 or labels != list(range(len(labels))) or len(labels) > MAX_CLASSES:
        first = scan.values[0][1]
        example = next((file for value, file in scan.values if value not in (0, 1)), first)
        raise UserError(
            f"The masks hold {_numbers(values)} (see {example}), but without a {path.name} they "
            "must hold two classes or more, numbered 0, 1, 2, ... without gaps, and 255 for void. "
            f"Write {path}, such as {_proposal(values)}.",
            field="root",
        )
    colors = _colors(scan, len(labels))
    return ClassTable(
        classes=tuple(ClassInfo(f"class {label}", colors[label]) for label in labels),
        values=tuple(labels),
        void=(IGNORE_INDEX,),
        colors=(),
        by_color=False,
        source="the masks' numbers",
    )


def _colors(scan: MaskScan, count: int) -> list[str]:
    """The colors of the masks' palette, where they all differ; else default colors."""
    palette = [hex_color(code) for code in scan.palette[:count]]
    return palette if len(set(palette)) == count else class_colors(count)


def _numbers(values: list[int]) -> str:
    numbers = f"the numbers {enumeration([str(value) for value in values])}"
    return numbers if len(values) > 1 else f"only the number {values[0]}"


def _others(count: int) -> str:
    return f" (and {count - 1:,} more) is" if count > 1 else " is"


def _proposal(items: list[int] | list[str], *, colors: bool = False) -> str:
    """An example of a `classes.json`, on one line."""
    if colors:
        examples = zip(items, class_colors(len(items)), strict=True)
        entries: list[object] = [{"name": name, "color": color} for name, color in examples]
    else:
        entries = [{"name": f"class {value}", "value": value} for value in items[:_PROPOSED]]
    text = json.dumps({"classes": entries})
    return text if len(items) <= _PROPOSED else text.removesuffix("]}") + ", ...]}"
