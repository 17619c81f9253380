"""Runs as the table shows them, with a column for each setting in which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.runs.columns import ColumnInfo, catalog, cell
from dashboard.runs.rows import run_line
from segengine.results.table import RunRow, differing_settings


def table_data(rows: Sequence[RunRow]) -> tuple[list[ColumnInfo], list[dict[str, Any]]]:
    """(the columns, a line per run: its `config` cells, and the `notes` that stand under them)."""
    keys = differing_settings([row.settings for row in rows if row.settings])
    lines: list[dict[str, Any]] = []
    for row in rows:
        cells = [cell(row, key) for key in keys]
        config, notes = ([one[part] for one in cells] for part in ("value", "note"))  # type: ignore[literal-required]
        lines.append({**run_line(row), "config": config, "notes": notes})
    return [catalog()[key] for key in keys], lines
