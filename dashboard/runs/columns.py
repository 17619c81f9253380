"""The columns that a person can choose for the table of runs, sort it by and group it by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypedDict

from dashboard.runs.rows import PATHS, config_cell
from dashboard.shared.formats import (
    NOTHING,
    format_count,
    format_duration,
    format_epochs,
    format_miou,
)
from dashboard.shared.run_names import row_label, short_name, sweep_name
from segengine.results.disk import DiskUse, size_words
from segengine.results.filter.fields import Field, fields, pixels
from segengine.results.table import RunRow, differing_settings

disk_use = DiskUse()

_DIGITS = re.compile(r"(\d+)")
_HIDDEN = ("id", "name", "star", "archived", "state", "progress", "best_miou", "time_left", "tags")
_GROUPS = ("text", "words", "yes or no", "size")  # kinds whose values make groups
_SMALL_NUMBERS = ("seed", "epochs", "batch_size", "lr", "split_seed", "weight_decay")
_FIRST, _LAST = ("tag",), ("disk", "notes")  # around the config's columns, where nobody chose
# Widths in pixels, which never depend on what the cells say.
_WIDTHS = {"number": 104, "text": 144, "yes or no": 96, "time": 136, "words": 168, "size": 104}
_WIDTH_OF = {"notes": 240, "tag": 168, "root": 200, "weights": 200, "dataset": 160, "parent": 200}


class ColumnInfo(TypedDict):
    """A column as the browser draws it; `key` is the field that it shows."""

    key: str
    title: str
    width: int
    is_number: bool
    is_path: bool
    groups: bool


class Cell(TypedDict):
    """What a column says of a run: a value, and what stands small under it."""

    value: str
    note: str


@dataclass(frozen=True)
class Sorting:
    """By which field, and which end comes first."""

    key: str = "started"
    descending: bool = True


@cache
def catalog() -> dict[str, ColumnInfo]:
    """Key -> column, of all that can be chosen."""
    found = {name: _info(name, field) for name, field in fields().items() if name not in _HIDDEN}
    return {**found, "disk": ColumnInfo(**{**found["parameters"], "key": "disk", "title": "Disk"})}


def usual_columns(rows: Sequence[RunRow]) -> list[str]:
    """The columns where nobody chose any: those in which the runs differ among them."""
    differing = differing_settings([row.settings for row in rows if row.settings])
    return [*_FIRST, *differing, *_LAST]


def sort_fields() -> frozenset[str]:
    """What a table can be sorted and grouped by."""
    return frozenset({*fields(), "disk"})


def cell(row: RunRow, key: str) -> Cell:
    """What a column says of a run."""
    if key == "disk":
        return Cell(value=size_words(disk_use.of(row.run)), note="")
    field = fields()[key]
    value, note = _shown(row, key, field)
    return Cell(value=value or NOTHING, note=note)


def _shown(row: RunRow, key: str, field: Field) -> tuple[str, str]:
    value = field.read(row)
    if value is None:
        return "", ""
    if field.info is not None:
        return config_cell(key, field.label(row))
    if key == "epoch":
        return format_epochs(int(value), row.status.epochs), ""
    if key == "test_miou":
        return format_miou(value), ""
    if key == "train_seconds":
        return format_duration(value), ""
    if key == "parent":
        return short_name(value), ""
    if key == "sweep":
        return sweep_name(value), ""
    if key == "started":
        return str(value)[:16], ""
    return format_count(value) if field.kind == "number" else field.label(row), ""


def group_label(row: RunRow, key: str) -> str:
    """The name of the group that a run belongs to."""
    value, note = _shown(row, key, fields()[key])
    return f"{value} ({note})" if note else value or NOTHING


def sort_value(row: RunRow, key: str) -> Any:
    """What a run is sorted by: numbers as numbers, text with its numbers as numbers.

    None for runs that have no such value.
    """
    if key == "disk":
        return disk_use.known(row.run)
    if key == "name":
        return natural(row_label(row))
    field = fields()[key]
    value = field.read(row)
    if value is None or value in ("", [], ()):
        return None
    if field.kind == "size":
        return pixels(value)
    return value if field.kind in ("number", "yes or no") else natural(field.label(row))


def natural(text: str) -> list[tuple[int, int, str]]:
    """A sort key by which "run 2" comes before "run 10"."""
    parts = _DIGITS.split(text.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _info(name: str, field: Field) -> ColumnInfo:
    is_number = field.kind in ("number", "size")
    width = _WIDTH_OF.get(name, _WIDTHS[field.kind])
    return ColumnInfo(
        key=name,
        title=field.title,
        width=max(width, 28 + 7 * len(field.title)),  # the title and its arrow
        is_number=is_number,
        is_path=name in PATHS,
        groups=(field.kind in _GROUPS and name not in ("notes", "root")) or name in _SMALL_NUMBERS,
    )
