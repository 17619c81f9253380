"""The table of runs as text for the browser, and what may be done with chosen runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import pandas as pd

from dashboard.shared.colors import STATE_LOOKS
from dashboard.shared.formats import NOTHING, format_count, format_duration, format_miou
from dashboard.shared.run_names import creation_time, short_name
from dashboard.shared.run_store import all_rows
from segengine.config import RunConfig
from segengine.results.table import (
    COLUMNS,
    RunRow,
    runs_table,
)
from segengine.run.rundir import RunDir
from segengine.run.stopping import KILL_AFTER, seconds_since_stop_request

RESUMABLE = ("stopped", "crashed", "failed")


class TableLine(TypedDict):
    """One run as the table shows it; `progress` is 0 to 1, all else is text.

    Each of the `notes` stands small under the config cell of the same index.
    """

    id: str
    name: str
    created: str
    state: str
    shape: str
    color: str
    activity: str
    progress: float
    epochs: str
    left: str
    best: str
    best_epoch: str
    config: list[str]
    notes: list[str]


def read_rows() -> list[RunRow]:
    """Every run with its state up to now, newest first."""
    return all_rows()


def table_data(rows: Sequence[RunRow]) -> tuple[list[str], list[TableLine]]:
    """(titles of the config columns, one line per run in the order given)."""
    table = runs_table(rows)
    fields = [name for name in table.columns if name not in COLUMNS]
    titles = {name: str(info.title) for _, name, info in RunConfig.fields()}
    remarks = {row.run.id: _stopping(row) or row.problem for row in rows}
    lines = [_table_line(record, fields, remarks[record["id"]]) for record in _records(table)]
    return [titles[name] for name in fields], lines


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of the table, with None where a value is missing."""
    return [
        {str(key): None if pd.isna(value) else value for key, value in record.items()}
        for record in table.to_dict("records")
    ]


def _table_line(record: dict[str, Any], fields: Sequence[str], remark: str) -> TableLine:
    shape, color = STATE_LOOKS[record["state"]]
    epochs = f"{format_count(record['epochs_done'])} / {format_count(record['epochs_planned'])}"
    best = record["best_miou"]
    synthetic = "synthetic sample" if record["synthetic"] else ""
    return {
        "id": record["id"],
        "name": short_name(record["id"]),
        "created": creation_time(record["id"]),
        "state": record["state"],
        "shape": shape,
        "color": color,
        "activity": remark or record["activity"],
        "progress": round(record["progress"], 4),
        "epochs": epochs if record["epochs_planned"] else NOTHING,
        "left": format_duration(record["seconds_left"]) if record["state"] == "running" else "",
        "best": format_miou(best),
        "best_epoch": "" if best is None else f"epoch {format_count(int(record['best_epoch']))}",
        "config": [NOTHING if record[name] is None else record[name] for name in fields],
        "notes": [synthetic if name == "dataset" else "" for name in fields],
    }


def _stopping(row: RunRow) -> str:
    """What to say of a run that was asked to stop; "" of any other."""
    seconds = seconds_since_stop_request(row.run) if row.status.active else None
    return "" if seconds is None else f"Stopping since {format_duration(seconds)}"


@dataclass(frozen=True)
class Choices:
    """What may be done with the selected runs, and with which of them."""

    stop: list[RunDir]
    kill: list[RunDir]
    resume: list[RunDir]


def choices_for(rows: Sequence[RunRow]) -> Choices:
    """Stop runs at work (kill those asked long ago), resume those that ended early."""
    active = [row.run for row in rows if row.status.active]
    kill = [run for run in active if (seconds_since_stop_request(run) or 0.0) > KILL_AFTER]
    resume = [row.run for row in rows if row.status.state in RESUMABLE]
    return Choices(stop=active, kill=kill, resume=resume)
