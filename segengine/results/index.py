"""The rows of a whole runs folder, for lists: a run that has ended is read once."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

from segengine.results.kept_rows import KeptRows
from segengine.results.runlog import RunLog
from segengine.results.table import RunRow, read_row
from segengine.run.rundir import RunDir, absolute

SETTLED = 2.0  # seconds after a change, from which on the stamp tells the next one from it


class Stamp(NamedTuple):
    """A run folder's state on disk: another one after any file in it was made or replaced.

    Whoever takes up an ended run replaces its `job.json`.
    """

    inode: int
    changed: int  # ns


class RunIndex:
    """What lists show of every run of a runs folder.

    Each look reads the new bytes of runs at work, and looks at the folders of the others. Safe to
    use from several threads.
    """

    def __init__(self) -> None:
        self._rows: dict[Path, tuple[Stamp, RunRow]] = {}  # of ended runs
        self._new: list[RunRow] = []  # of ended runs that were read since rows were kept
        self._kept: dict[Path, KeptRows] = {}  # by runs folder
        self._logs: dict[Path, RunLog] = {}  # of the others
        self._lock = threading.Lock()

    def rows(self, runs_dir: Path) -> list[RunRow]:
        """The row of every run, newest first.

        Raises:
            UserError: `runs_dir` is not a folder, or cannot be read.
        """
        with self._lock:
            runs = RunDir.candidates(runs_dir)
            folder = absolute(runs_dir)
            if folder not in self._kept:
                self._kept[folder] = KeptRows(folder)
            rows = [row for run in runs if (row := self._row(run, self._kept[folder]))]
            self._kept[folder].keep(self._new)
            self._new = []
            present = {row.run.path for row in rows}
            for kept in (self._rows, self._logs):
                for path in kept.keys() - present:
                    del kept[path]
        return rows

    def row(self, run: RunDir) -> RunRow:
        """The row of one run."""
        with self._lock:
            return self._row(run) or read_row(run)

    def _row(self, run: RunDir, kept_rows: KeptRows | None = None) -> RunRow | None:
        """A run's row; None where the folder is none."""
        stamp = _stamp(run)
        if stamp and (kept := self._rows.get(run.path)) and kept[0] == stamp:
            return kept[1]
        if stamp and kept_rows and (found := kept_rows.row(run)):
            self._rows[run.path] = stamp, found
            return found
        if not run.exists():
            return None
        log = self._logs.get(run.path) or RunLog(run.events_file)
        log.refresh()
        row = read_row(run, log)
        self._rows.pop(run.path, None)
        self._logs.pop(run.path, None)
        if row.status.active or row.status.state == "unreadable":
            self._logs[run.path] = log
        elif stamp and time.time() - max(stamp.changed / 1e9, _written(run)) > SETTLED:
            self._rows[run.path] = stamp, row
            self._new.append(row)
        return row


def _stamp(run: RunDir) -> Stamp | None:
    try:
        found = os.stat(run.path)
    except OSError:
        return None
    return Stamp(found.st_ino, found.st_ctime_ns)


def _written(run: RunDir) -> float:
    """When the log was written last, in seconds since 1970; 0 where it was not."""
    try:
        return os.stat(run.events_file).st_mtime
    except OSError:
        return 0.0
