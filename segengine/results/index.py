"""The rows of a whole runs folder, for lists: a run that has ended is read once."""

from __future__ import annotations

import itertools
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from segengine.results.kept_rows import KeptRows
from segengine.results.runlog import RunLog
from segengine.results.table import RunRow, read_row
from segengine.run.rundir import RunDir, absolute

SETTLED = 2.0  # seconds after a change, from which on the stamp tells the next one from it
MOST_WRITTEN = 500  # new rows that are kept at once: a look that is cut short keeps the others
_versions = itertools.count()  # of all folders together: no two of them look alike
FEWEST_CHECKED = 100  # ended runs that every look asks, however little time it has
ASKING = 0.02  # seconds in which a look asks others: of 10,000 runs, a third or all of them


Reading = Callable[[RunDir], AbstractContextManager[RunLog]]


class Stamp(NamedTuple):
    """A folder's state on disk: another one after anything in it was made, replaced or removed.

    Whoever takes up an ended run replaces its `job.json`.
    """

    inode: int
    changed: int  # ns

    def settled(self, now: float) -> bool:
        """Whether the next change will make another stamp."""
        return now - self.changed / 1e9 > SETTLED


class Look(NamedTuple):
    """What a look at a runs folder found.

    Attributes:
        rows: of every run that was read so far, newest first. Treat it as read-only.
        unread: how many more there are.
        version: another number where any row is another.
    """

    rows: list[RunRow]
    unread: int
    version: int


class RunIndex:
    """What lists show of every run of a runs folder.

    Each look reads the new bytes of runs at work, and asks the others' folders whether they
    changed: of very many, as many as can be asked in ASKING, the next look the next ones. Safe to
    use from several threads.
    """

    def __init__(self, reading: Reading | None = None) -> None:
        """An index of no folder yet.

        Args:
            reading: gives the log of a run that is not at work, up to now: who reads logs for more
                than their rows need not have them read twice.
        """
        self._reading = reading or _reading
        self._folders: dict[Path, _Folder] = {}
        self._lock = threading.Lock()

    def rows(self, runs_dir: Path) -> list[RunRow]:
        """The row of every run, newest first.

        Raises:
            UserError: `runs_dir` is not a folder, or cannot be read.
        """
        return list(self.look(runs_dir).rows)

    def look(self, runs_dir: Path, seconds: float = math.inf) -> Look:
        """The rows as far as they can be had in that time; the next look goes on from there.

        Raises:
            UserError: as `rows`.
        """
        with self._lock:
            return self._folder(runs_dir).look(time.monotonic() + seconds)

    def newest(self, runs_dir: Path) -> Iterator[RunRow]:
        """The rows, newest first; each is read when it is asked for.

        Raises:
            UserError: as `rows`.
        """
        with self._lock:
            yield from self._folder(runs_dir).newest()

    def row(self, run: RunDir) -> RunRow:
        """The row of one run."""
        with self._lock:
            return self._folder(run.path.parent).row(run) or read_row(run)

    def known(self, run: RunDir) -> RunRow | None:
        """The row of one run of that name; None where there is none."""
        with self._lock:
            return self._folder(run.path.parent).row(run)

    def _folder(self, runs_dir: Path) -> _Folder:
        path = absolute(runs_dir)
        if path not in self._folders:
            self._folders[path] = _Folder(path, self._reading)
        return self._folders[path]


class _Folder:
    """A runs folder and the rows that are known of it."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self._path = path
        self._reading = reading
        self._kept = KeptRows(path)
        self._runs: dict[str, RunDir] = {}  # id -> whatever is named as a run, newest first
        self._paths: dict[str, str] = {}  # their folders
        self._listed: Stamp | None = None  # when they were listed; None: list them again
        self._rows: dict[str, RunRow] = {}
        self._stamps: dict[str, Stamp] = {}  # of the folders of ended runs
        self._logs: dict[str, RunLog] = {}  # of the others
        self._new: list[RunRow] = []  # of ended runs that were read since rows were kept
        self._asked = 0  # ended runs that were asked since all of them were
        self._version = next(_versions)
        self._look: Look | None = None

    def look(self, deadline: float) -> Look:
        self._list()
        unread = 0
        for run_id in [run_id for run_id in self._runs if run_id not in self._stamps]:
            if run_id in self._rows or time.monotonic() < deadline:
                self._read(run_id)
            else:
                unread += 1
        for run_id in self._some_ended(min(deadline, time.monotonic() + ASKING)):
            if self._stamps[run_id] != _stamp(self._paths[run_id]):
                self._read(run_id)
        self._keep(0)
        if self._look is None or (self._look.version, self._look.unread) != (self._version, unread):
            rows = [self._rows[run_id] for run_id in self._runs if run_id in self._rows]
            self._look = Look(rows, unread, self._version)
        return self._look

    def newest(self) -> Iterator[RunRow]:
        self._list()
        try:
            for run in list(self._runs.values()):
                if row := self.row(run):
                    yield row
        finally:
            self._keep(0)

    def row(self, run: RunDir) -> RunRow | None:
        """A run's row; None where there is no such run."""
        if run.id not in self._runs:
            self._listed = None
            self._list()
        if run.id not in self._runs:
            return None
        if run.id not in self._rows or self._stamps.get(run.id) != _stamp(self._paths[run.id]):
            self._read(run.id)
        return self._rows.get(run.id)

    def _list(self) -> None:
        """List the folder again, unless nothing came or went."""
        stamp = _stamp(str(self._path))
        if stamp and stamp == self._listed:
            return
        self._runs = {run.id: run for run in RunDir.candidates(self._path)}
        self._paths = {run_id: str(run.path) for run_id, run in self._runs.items()}
        self._listed = stamp if stamp and stamp.settled(time.time()) else None
        gone = [run_id for run_id in self._rows if run_id not in self._runs]
        for run_id in gone:
            self._set(run_id, None)
        if gone:
            self._kept.forget(gone)

    def _some_ended(self, deadline: float) -> Iterator[str]:
        """Ended runs, from where the last look left off, until the time is over."""
        ended = list(self._stamps)
        for count in range(len(ended)):
            if count >= FEWEST_CHECKED and not count % 50 and time.monotonic() > deadline:
                return
            self._asked = (self._asked + 1) % len(ended)
            yield ended[self._asked]

    def _read(self, run_id: str) -> None:
        """Read a run anew, or take its kept row."""
        run = self._runs[run_id]
        stamp = _stamp(self._paths[run_id])
        if stamp and run_id not in self._rows and (kept := self._kept.row(run)):
            self._set(run_id, kept, stamp)
            return
        if not run.exists():
            self._set(run_id, None)
            return
        own = self._logs.get(run_id)
        with self._reading(run) if own is None else _up_to_now(own) as log:
            row = read_row(run, log)
        at_work = row.status.active or row.status.state == "unreadable"
        settled = stamp and not at_work and _settled(stamp, run)
        self._set(run_id, row, stamp if settled else None)
        if at_work:
            self._logs[run_id] = own or RunLog(run.events_file)
        elif settled:
            self._new.append(row)
            self._keep(MOST_WRITTEN)

    def _set(self, run_id: str, row: RunRow | None, stamp: Stamp | None = None) -> None:
        """Note what is known of a run: a row, and the stamp of its folder where it has ended."""
        if self._rows.get(run_id) != row:
            self._version = next(_versions)
        for known in (self._rows, self._stamps, self._logs):
            known.pop(run_id, None)
        if row:
            self._rows[run_id] = row
        if stamp:
            self._stamps[run_id] = stamp

    def _keep(self, more_than: int) -> None:
        if len(self._new) > more_than:
            self._kept.keep(self._new)
            self._new = []


@contextmanager
def _up_to_now(log: RunLog) -> Iterator[RunLog]:
    log.refresh()
    yield log


def _reading(run: RunDir) -> AbstractContextManager[RunLog]:
    return _up_to_now(RunLog(run.events_file))


def _settled(stamp: Stamp, run: RunDir) -> bool:
    """Whether nothing of an ended run changed a moment ago."""
    now = time.time()
    return stamp.settled(now) and now - _written(run) > SETTLED


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Stamp(found.st_ino, found.st_ctime_ns)


def _written(run: RunDir) -> float:
    """When the log was written last, in seconds since 1970; 0 where it was not."""
    try:
        return os.stat(run.events_file).st_mtime
    except OSError:
        return 0.0
