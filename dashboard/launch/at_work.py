"""What is at work already: whoever comes back learns of the run that was started, and of others."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.shared.formats import format_duration
from dashboard.shared.run_names import row_label
from dashboard.shared.run_store import look_at_runs
from segengine.errors import UserError
from segengine.results.status import RunState
from segengine.results.table import RunRow, created
from segengine.run.rundir import RunDir

RECENT_SECONDS = 600.0  # after its start, for which a run is told of though it may have ended
LOOK_SECONDS = 0.2  # for runs that nobody read before; the next look goes on
_STARTED: dict[RunState, str] = {
    "waiting": "and waits",
    "starting": "and is starting",
    "running": "and is running",
    "finished": "and has finished",
    "stopped": "and was stopped",
    "failed": "and has failed",
    "crashed": "and has crashed",
    "unresponsive": "but does not answer",
}


@dataclass(frozen=True)
class KnownRun:
    """A run as the form speaks of it.

    Attributes:
        seconds: since its process was started.
    """

    run: RunDir
    label: str
    state: RunState
    active: bool
    seconds: float


def known_runs(rows: Sequence[RunRow] | None = None, now: float | None = None) -> list[KnownRun]:
    """The runs at work, and those made in the last minutes; the last started one first.

    Args:
        rows: left out, those of all runs, as far as they can be read in a moment.
        now: seconds since 1970; left out, the present.
    """
    now = time.time() if now is None else now
    known = []
    for row in look_at_runs(LOOK_SECONDS).rows if rows is None else rows:
        if not row.status.active and now - created(row.run.id) > RECENT_SECONDS:
            continue  # most of thousands: nothing more is asked of them
        try:
            job = row.run.job()
        except (UserError, OSError):
            continue  # a run that cannot be read; the Runs page says so
        if job:
            seconds = max(0.0, now - job["submitted"])
            active, label = row.status.active, row_label(row)
            known.append(KnownRun(row.run, label, row.status.state, active, seconds))
    return sorted(known, key=lambda run: run.seconds)


def last_started(known: Sequence[KnownRun]) -> str:
    """ "segformer_b0 scratch 3fa9 was started 10 s ago and is running."; "" where none was."""
    if not known:
        return ""
    last = known[0]
    return f"{last.label} was started {format_duration(last.seconds)} ago {_STARTED[last.state]}."


def what_it_costs(known: Sequence[KnownRun], cores: int | None = None) -> str:
    """How many runs are at work, and what that does to the next one's time; "" where none is.

    Args:
        cores: of this machine; left out, as the system says.
    """
    count = sum(run.active for run in known)
    if not count:
        return ""
    cores = cores or os.cpu_count() or 1
    shared = f"{cores} cores" if cores > 1 else "one core"
    runs = f"{count} runs are" if count > 1 else "1 run is"
    return (
        f"{runs} at work and will share this machine ({shared}) with the next: it takes up to "
        f"{count + 1} times as long as alone, and {'they slow' if count > 1 else 'the other slows'}"
        " down, too."
    )
