"""The runs folder as the pages see it: every log is read once and then only its new bytes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segengine.results.runlog import RunLog
from segengine.results.status import RunStatus, read_status
from segengine.run.rundir import RunDir

PROJECT = Path(__file__).resolve().parents[2]
REFRESH_SECONDS = 2.0  # between the looks of an open page at runs that may be at work

_logs: dict[Path, RunLog] = {}
_lock = threading.Lock()  # pages of several people run in threads of one process


def runs_dir() -> Path:
    """The folder that this dashboard serves: $SEGLAB_RUNS, else `runs` of the project."""
    return Path(os.environ.get("SEGLAB_RUNS") or PROJECT / "runs").expanduser().absolute()


def all_runs() -> list[RunDir]:
    """Every run, newest first."""
    return RunDir.all(runs_dir())


def log_of(run: RunDir) -> RunLog:
    """The run's log up to now. Treat it as read-only: all pages share it."""
    with reading(run) as log:
        return log


@contextmanager
def reading(run: RunDir) -> Iterator[RunLog]:
    """The run's log up to now. It stands still meanwhile: all that is read of it fits together."""
    with _lock:
        log = _logs.setdefault(run.path, RunLog(run.events_file))
        log.refresh()
        yield log


def status_of(run: RunDir) -> RunStatus:
    """The run's state up to now."""
    return read_status(run, log_of(run))
