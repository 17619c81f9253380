"""The table of runs as text for the browser, and what may be done with chosen runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypedDict

import pandas as pd

from dashboard.shared import formats
from dashboard.shared.colors import STATE_LOOKS
from dashboard.shared.run_store import all_runs, status_of
from segengine.config import RunConfig
from segengine.launchers.local import KILL_AFTER
from segengine.results.table import (
    COLUMNS,
    RunRow,
    read_config,
    runs_table,
    seconds_since_stop_request,
)
from segengine.run.rundir import RunDir

RESUMABLE = ("stopped", "crashed", "failed")


class Cells(TypedDict):
    """One run as the table shows it; `progress` is 0 to 1, all else is text.

    `notes` stand small under the config cells of the same place.
    """

    id: str
    name: str
    made: str
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
    return [RunRow(run, _config(run), status_of(run)) for run in all_runs()]


@lru_cache(maxsize=4096)
def _config(run: RunDir) -> RunConfig | None:
    """Configs never change once written."""
    return read_config(run)


def table_data(rows: Sequence[RunRow]) -> tuple[list[str], list[Cells]]:
    """(titles of the config columns, a line a run) in the order given."""
    table = runs_table(rows)
    fields = [name for name in table.columns if name not in COLUMNS]
    titles = {name: str(info.title) for _, name, info in RunConfig.fields()}
    stopping = {row.run.id: _stopping(row) for row in rows}
    lines = [_cells(line, fields, stopping[line["id"]]) for line in _records(table)]
    return [titles[name] for name in fields], lines


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of the table, with None where something is missing."""
    return [
        {str(key): None if _missing(value) else value for key, value in line.items()}
        for line in table.to_dict("records")
    ]


def _missing(value: Any) -> bool:
    return value is None or value != value  # NaN is what pandas makes of None among numbers


def _cells(line: dict[str, Any], fields: Sequence[str], stopping: str) -> Cells:
    shape, color = STATE_LOOKS[line["state"]]
    epochs = f"{formats.count(line['epochs_done'])} / {formats.count(line['epochs_planned'])}"
    best = line["best_miou"]
    synthetic = "synthetic sample" if line["synthetic"] else ""
    return {
        "id": line["id"],
        "name": formats.short_name(line["id"]),
        "made": time.strftime("%Y-%m-%d %H:%M", time.localtime(line["created"])),
        "state": line["state"],
        "shape": shape,
        "color": color,
        "activity": stopping or line["activity"],
        "progress": round(line["progress"], 4),
        "epochs": epochs if line["epochs_planned"] else formats.NOTHING,
        "left": formats.duration(line["seconds_left"]) if line["state"] == "running" else "",
        "best": formats.miou(best),
        "best_epoch": "" if best is None else f"epoch {formats.count(int(line['best_epoch']))}",
        "config": [formats.NOTHING if line[name] is None else line[name] for name in fields],
        "notes": [synthetic if name == "dataset" else "" for name in fields],
    }


def _stopping(row: RunRow) -> str:
    """What to say while a run winds down; "" where nobody asked it to."""
    asked = seconds_since_stop_request(row.run) if row.status.active else None
    return "" if asked is None else f"Stopping since {formats.duration(asked)}"


@dataclass(frozen=True)
class Choices:
    """What may be done with the selected runs, and with which of them."""

    stop: list[RunDir]
    kill: list[RunDir]
    resume: list[RunDir]


def choices_for(rows: Sequence[RunRow]) -> Choices:
    """Stop what is at work (kill what was asked long ago), resume what ended early."""
    active = [row.run for row in rows if row.status.active]
    kill = [run for run in active if (seconds_since_stop_request(run) or 0.0) > KILL_AFTER]
    resume = [row.run for row in rows if row.status.state in RESUMABLE]
    return Choices(stop=active, kill=kill, resume=resume)
