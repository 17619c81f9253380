"""What is at work already: whoever comes back learns of the run that was started, and of others."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.shared.formats import format_duration
from dashboard.shared.run_names import label_of
from dashboard.shared.run_store import all_runs, status_of
from segengine.errors import UserError
from segengine.results.status import RunState
from segengine.run.rundir import RunDir

RECENT_SECONDS = 600.0  # after its start, for which a run is told of though it may have ended
# Runs that are over -> when their job was written. Nothing of them is read again, of thousands
# perhaps, until they are resumed, which writes another job.
_over: dict[Path, int] = {}
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


def known_runs(runs: Sequence[RunDir] | None = None, now: float | None = None) -> list[KnownRun]:
    """The runs at work, and those started in the last minutes; the last started one first.

    Args:
        runs: left out, all runs.
        now: seconds since 1970; left out, the present.
    """
    now = time.time() if now is None else now
    known = []
    for run in all_runs() if runs is None else runs:
        written = _written(run.job_file)
        if written is None or _over.get(run.path) == written:
            continue
        try:
            job, status = run.job(), status_of(run)
        except (UserError, OSError):
            continue  # a run that cannot be read; the Runs page says so
        if job is None:
            continue
        seconds = max(0.0, now - job["submitted"])
        if status.active or seconds < RECENT_SECONDS:
            known.append(KnownRun(run, label_of(run), status.state, status.active, seconds))
        else:
            _over[run.path] = written
    return sorted(known, key=lambda run: run.seconds)


def _written(path: Path) -> int | None:
    """When a file was written, in nanoseconds since 1970; None where there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


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
