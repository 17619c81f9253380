"""The runs that the browser asks for: filtered, sorted, grouped, and of those the ones in sight."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar, cast

from dashboard.runs.columns import (
    Cell,
    ColumnInfo,
    Sorting,
    catalog,
    cell,
    disk_use,
    group_label,
    natural,
    sort_fields,
    sort_value,
    usual_columns,
)
from dashboard.runs.rows import RunLine, run_line
from dashboard.shared.formats import format_count, format_miou
from segengine.errors import UserError
from segengine.registry import unknown_name
from segengine.results.disk import size_words
from segengine.results.filter import FilterError, parse_filter
from segengine.results.index import Look
from segengine.results.table import RunRow
from segengine.run.rundir import RunDir

MOST_LINES = 400  # in one answer
COUNTING = 0.05  # seconds of an answer in which disk use may be counted
_SERVER = secrets.token_hex(4)  # versions count from 0 in every server


@dataclass(frozen=True)
class Query:
    """What the browser asks for.

    Attributes:
        columns: keys of the chosen columns, in order; None: the usual ones.
        group: the field to group by; "" for none.
        closed: labels of the groups whose runs are not shown.
        start, count: the lines in sight, of runs and groups.
    """

    filter: str = ""
    archived: bool = False
    sorting: Sorting = field(default_factory=Sorting)
    group: str = ""
    closed: frozenset[str] = frozenset()
    columns: tuple[str, ...] | None = None
    start: int = 0
    count: int = 60


class Line(RunLine):
    """A run in the table, with the cells of the chosen columns."""

    cells: list[Cell]


class Group(TypedDict):
    """The line above the runs of a group."""

    group: str
    runs: str
    best: str
    closed: bool


class Listing(TypedDict):
    """An answer. `token` is another one where anything in it is.

    Attributes:
        lines: those in sight, the first of which is line `start` of `count`.
        total: runs that can be shown; `matched`: that fit the filter; `hidden`: archived ones.
        problem: what is wrong with the filter, and the place of it: then nothing is filtered out.
    """

    token: str
    start: int
    count: int
    lines: list[Line | Group]
    columns: list[ColumnInfo]
    total: int
    matched: int
    hidden: int
    unread: int
    disk: str
    problem: str
    place: tuple[int, int] | None


class _Item(NamedTuple):
    """A line before it is put in words: a run, or the head of a group with its runs."""

    row: RunRow | None
    group: str = ""
    rows: Sequence[RunRow] = ()


Made = TypeVar("Made")


class _Recent(Generic[Made]):
    """The last few things that were made, each from what it was made of."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[object, Made] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, source: object, make: Callable[[], Made]) -> Made:
        with self._lock:
            if source in self._made:
                self._made.move_to_end(source)
                return self._made[source]
        made = make()
        with self._lock:
            self._made[source] = made
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        return made


_items: _Recent[list[_Item]] = _Recent(8)
_found: _Recent[list[RunRow]] = _Recent(8)
_usual: _Recent[list[str]] = _Recent(2)
_active: _Recent[list[RunDir]] = _Recent(2)
_disk_words: _Recent[str] = _Recent(2)


def check(query: Query) -> None:
    """Refuse what no page of ours asks for.

    Raises:
        UserError: a column, or what is sorted or grouped by, is unknown.
    """
    for key in query.columns or ():
        if key not in catalog():
            raise UserError(unknown_name("column", key, sorted(catalog())), field="columns")
    for key in filter(None, (query.sorting.key, query.group)):
        if key not in sort_fields():
            raise UserError(unknown_name("field", key, sorted(sort_fields())), field="sort")


def listing(query: Query, look: Look, known: str = "") -> Listing | None:
    """The answer to a query; None where the browser has it already.

    Args:
        known: the token of the last answer to the very same query.

    Raises:
        UserError: as `check`.
    """
    check(query)
    disk = _disk(look)
    token = f"{_SERVER}-{look.version}-{look.unread}-{disk}"
    if token == known and not _at_work(look):  # what is said of these changes by itself
        return None
    try:
        matched, problem, place = _matched(query, look), "", None
    except FilterError as error:
        matched, problem, place = [], str(error), (error.start, error.end)
        query = replace(query, count=0)
    items = _sorted(query, look, matched)
    keys = list(query.columns) if query.columns is not None else _usual_columns(look)
    hidden = sum(bool(row.notes.get("archived")) for row in look.rows)
    return Listing(
        token=token,
        start=query.start,
        count=len(items),
        lines=[_line(item, keys, query) for item in _in_sight(query, items)],
        columns=[catalog()[key] for key in keys],
        total=len(look.rows) - (0 if query.archived else hidden),
        matched=len(matched),
        hidden=hidden,
        unread=look.unread,
        disk=disk,
        problem=problem,
        place=place,
    )


def matching_ids(query: Query, look: Look, among: Sequence[str] | None = None) -> list[str]:
    """Ids of the runs that the query finds, in the table's order.

    Args:
        among: only of these.

    Raises:
        UserError: as `check`; or the filter cannot be understood.
    """
    check(query)
    wanted = None if among is None else set(among)
    open_query = replace(query, closed=frozenset())
    items = _sorted(open_query, look, _matched(query, look))
    ids = [item.row.run.id for item in items if item.row]
    return [run_id for run_id in ids if wanted is None or run_id in wanted]


def _matched(query: Query, look: Look) -> list[RunRow]:
    """The rows that fit.

    Raises:
        FilterError: the filter cannot be understood.
    """
    fits = parse_filter(query.filter)

    def find() -> list[RunRow]:
        shown = (row for row in look.rows if query.archived or not row.notes.get("archived"))
        return [row for row in shown if fits(row)]

    return _found.get((look.version, look.unread, query.filter, query.archived), find)


def _sorted(query: Query, look: Look, matched: Sequence[RunRow]) -> list[_Item]:
    """The lines of the whole table, in order."""
    order = (query.filter, query.archived, query.sorting, query.group, query.closed)
    counted = disk_use.counted if "disk" in (query.sorting.key, query.group) else 0
    source = (look.version, look.unread, order, counted)
    return _items.get(source, lambda: _grouped(query, _in_order(matched, query.sorting)))


def _in_order(rows: Sequence[RunRow], sorting: Sorting) -> list[RunRow]:
    """Sorted; equal ones newest first, and those without a value last, whichever end is first."""
    valued = [(value, row) for row in rows if (value := sort_value(row, sorting.key)) is not None]
    having = {id(row) for _, row in valued}
    valued.sort(key=lambda pair: pair[0], reverse=sorting.descending)
    return [*(row for _, row in valued), *(row for row in rows if id(row) not in having)]


def _grouped(query: Query, rows: Sequence[RunRow]) -> list[_Item]:
    if not query.group:
        return [_Item(row) for row in rows]
    groups: dict[str, list[RunRow]] = {}
    for row in rows:
        groups.setdefault(group_label(row, query.group), []).append(row)
    items = []
    for label in sorted(groups, key=natural):
        items.append(_Item(None, label, groups[label]))
        items += [] if label in query.closed else [_Item(row) for row in groups[label]]
    return items


def _in_sight(query: Query, items: Sequence[_Item]) -> Sequence[_Item]:
    return items[query.start : query.start + min(query.count, MOST_LINES)]


def _line(item: _Item, keys: Sequence[str], query: Query) -> Line | Group:
    if item.row is None:
        scores = [row.status.best_miou for row in item.rows if row.status.best_miou is not None]
        count = len(item.rows)
        return Group(
            group=item.group,
            runs=f"{format_count(count)} {'run' if count == 1 else 'runs'}",
            best=f"best mIoU {format_miou(max(scores))}" if scores else "",
            closed=item.group in query.closed,
        )
    row = item.row
    line: dict[str, Any] = {**run_line(row), "cells": [cell(row, key) for key in keys]}
    return cast("Line", line)


def _usual_columns(look: Look) -> list[str]:
    rows = look.rows
    source = (len(rows), rows[0].run.id, rows[-1].run.id) if rows else ()
    return _usual.get(source, lambda: usual_columns(rows))


def _disk(look: Look) -> str:
    """What all runs take together, in words; "over 1.4 GB" while some are not counted."""

    def count() -> str:
        for run in _at_work(look):
            disk_use.of(run)
        used = disk_use.together([row.run for row in look.rows], COUNTING)
        words = size_words(used.size)
        return f"over {words}" if used.uncounted or look.unread else words

    return _disk_words.get((look.version, look.unread, disk_use.counted), count)


def _at_work(look: Look) -> list[RunDir]:
    """The runs that are not over."""
    source = (look.version, look.unread)
    return _active.get(source, lambda: [row.run for row in look.rows if row.status.active])
