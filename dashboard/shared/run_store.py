"""The runs folder as the pages see it: what has ended is read once, of the rest only new bytes."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from segengine.results.index import Look, RunIndex
from segengine.results.runlog import RunLog
from segengine.results.status import RunStatus
from segengine.results.table import RunRow
from segengine.run.rundir import RunDir

PROJECT = Path(__file__).resolve().parents[2]
REFRESH_SECONDS = 2.0  # between the looks of an open page at runs that may be at work
LOOK_SECONDS = 1.0  # in which runs are read that nobody read before; the next look goes on
MOST_LOGS = 64  # whole logs in memory: those that pages looked at last

_logs: OrderedDict[Path, RunLog] = OrderedDict()  # by the log's path
_lock = threading.Lock()  # pages of several people run in threads of one process


@contextmanager
def _reading_for_list(run: RunDir) -> Iterator[RunLog]:
    """The log up to now; it is kept while there is room, since curves may be next."""
    with _lock:
        log = _logs.get(run.events_file) or RunLog(run.events_file)
        if len(_logs) < MOST_LOGS:
            _logs.setdefault(log.path, log)
        log.refresh()
        yield log


_index = RunIndex(_reading_for_list)


def runs_dir() -> Path:
    """The folder that this dashboard serves: $SEGLAB_RUNS, else `runs` of the project."""
    return Path(os.environ.get("SEGLAB_RUNS") or PROJECT / "runs").expanduser().absolute()


def all_runs() -> list[RunDir]:
    """Every run, newest first."""
    return RunDir.all(runs_dir())


def look_at_runs(seconds: float = LOOK_SECONDS) -> Look:
    """The runs as far as they can be read in that time; the next look goes on from there."""
    return _index.look(runs_dir(), seconds)


def any_runs() -> bool:
    """Whether there is any run."""
    look = look_at_runs(0.0)
    return bool(look.rows or look.unread)


def existing_rows(run_ids: Sequence[str]) -> list[RunRow]:
    """The rows, up to now, of those of the runs that are there, newest first."""
    rows = (_index.known(RunDir(runs_dir() / run_id)) for run_id in set(run_ids))
    return sorted(filter(None, rows), key=lambda row: row.run.id, reverse=True)


def row_of(run: RunDir) -> RunRow:
    """One run with its state up to now."""
    return _index.row(run)


def log_of(run: RunDir) -> RunLog:
    """The run's log up to now. Treat it as read-only: all pages share it."""
    with reading(run) as log:
        return log


@contextmanager
def reading(run: RunDir) -> Iterator[RunLog]:
    """The run's log up to now. It stands still meanwhile: all that is read of it fits together.

    Ask for no row meanwhile: rows wait for logs.
    """
    with _lock:
        log = _logs.setdefault(run.events_file, RunLog(run.events_file))
        _logs.move_to_end(log.path)
        if len(_logs) > MOST_LOGS:
            _logs.popitem(last=False)
        log.refresh()
        yield log


def read_ahead() -> None:
    """Read the logs of the newest runs, so that their curves open at once.

    It takes its time: a page that opens meanwhile comes first.
    """
    for run in all_runs()[:MOST_LOGS]:
        begin = time.monotonic()
        with reading(run):
            took = time.monotonic() - begin
        time.sleep(took)


def status_of(run: RunDir) -> RunStatus:
    """The run's state up to now."""
    return row_of(run).status
