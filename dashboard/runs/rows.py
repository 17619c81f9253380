"""The table of runs as text for the browser, and what may be done with chosen runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.colors import STATE_LOOKS
from dashboard.shared.formats import (
    NOTHING,
    format_count,
    format_duration,
    format_epochs,
    format_miou,
    format_time_left,
)
from dashboard.shared.run_names import creation_time, own_name, weights_name
from segengine.results.table import RunRow, run_cells
from segengine.run.rundir import RunDir
from segengine.run.stopping import KILL_AFTER, seconds_since_stop_request

RESUMABLE = ("stopped", "crashed", "failed")
PATHS = ("root", "weights")  # fields whose values differ at their end


class RunLine(TypedDict):
    """What the table shows of a run whatever its columns; `progress` is 0 to 1, all else is text.

    `activity` is what the run does, or why it failed. `label` is what the person named it.
    """

    id: str
    name: str
    label: str
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
    tags: list[str]
    text: str
    star: bool
    archived: bool


def run_line(row: RunRow) -> RunLine:
    """What stands in a run's line whatever the columns are."""
    record = run_cells(row)
    shape, color = STATE_LOOKS[row.status.state]
    best = record["best_miou"]
    is_running = record["state"] == "running"
    return {
        "id": record["id"],
        "name": own_name(row.run.id, row.config),
        "label": row.notes.get("name", ""),
        "created": creation_time(record["id"]),
        "state": record["state"],
        "shape": shape,
        "color": color,
        "activity": _aside(row) or record["activity"],
        "progress": round(record["progress"], 4),
        "epochs": format_epochs(record["epochs_done"], record["epochs_planned"]),
        "left": format_time_left(record["seconds_left"]) if is_running else "",
        "best": format_miou(best),
        "best_epoch": "" if best is None else _best_epoch(record),
        "tags": row.notes.get("tags", []),
        "text": row.notes.get("notes", ""),
        "star": row.notes.get("star", False),
        "archived": row.notes.get("archived", False),
    }


def _best_epoch(record: dict[str, Any]) -> str:
    """ "epoch 7, held out, 64x64, test 0.512"."""
    return f"epoch {format_count(int(record['best_epoch']))}, {record['best_note']}"


def config_cell(name: str, text: str | None) -> tuple[str, str]:
    """(value, what stands small under it): of "Sample pets (synthetic sample)" the parenthesis."""
    if text is None:
        return NOTHING, ""
    if name == "weights":
        return weights_name(text), ""
    if name != "dataset":
        return text, ""
    value, _, note = text.removesuffix(")").partition(" (")
    return value, note


def _aside(row: RunRow) -> str:
    """What to say beside the state: since when a run stops, or why it failed."""
    if row.status.state == "failed":
        return in_browser_words(row.status.message)
    if row.problem:
        return row.problem
    seconds = seconds_since_stop_request(row.run) if row.status.active else None
    return "" if seconds is None else f"Stopping since {format_duration(seconds)}"


@dataclass(frozen=True)
class Choices:
    """What may be done with the selected runs, and with which of them."""

    stop: list[RunDir]
    kill: list[RunDir]
    resume: list[RunDir]


def choices_for(rows: Sequence[RunRow]) -> Choices:
    """Stop runs at work, kill those that were asked long ago, resume those that ended early."""
    active = [row.run for row in rows if row.status.active]
    asked = {run: seconds_since_stop_request(run) for run in active}
    return Choices(
        stop=[run for run, seconds in asked.items() if seconds is None],
        kill=[run for run, seconds in asked.items() if seconds and seconds > KILL_AFTER],
        resume=[row.run for row in rows if row.status.state in RESUMABLE],
    )
