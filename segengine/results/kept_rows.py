"""The rows of ended runs, kept in the cache between processes, so that each is read once.

Nothing depends on it: a row whose run has changed on disk is not used, and where the cache is
damaged, locked or gone, runs are read again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from segengine.config import STORED, RunConfig
from segengine.datasets.cache import cache_dir
from segengine.results.status import RunStatus
from segengine.results.table import RunRow
from segengine.run.rundir import RunDir

VERSION = 1  # count up when a status comes to mean something else
_STATUS = TypeAdapter(RunStatus)
_FORM = f"{VERSION} {zlib.crc32(repr(RunStatus.__annotations__).encode())}"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS rows (folder TEXT, run TEXT, stamp TEXT, status TEXT, config TEXT, "
    "PRIMARY KEY (folder, run)) WITHOUT ROWID"
)
_WAIT = 0.5  # seconds for another process that writes


class KeptRows:
    """The kept rows of one runs folder."""

    def __init__(self, runs_dir: Path) -> None:
        self._folder = str(runs_dir)
        self._found: dict[str, tuple[str, str, str]] = {}  # run id -> stamp, status, config
        query = "SELECT run, stamp, status, config FROM rows WHERE folder = ?"
        with contextlib.suppress(sqlite3.Error, OSError), _open() as database:
            found = database.execute(query, (self._folder,))
            self._found = {run: (stamp, *rest) for run, stamp, *rest in found}

    def row(self, run: RunDir) -> RunRow | None:
        """The row of a run that has not changed since it was kept."""
        if run.id not in self._found:
            return None
        stamp, status, config = self._found.pop(run.id)
        if stamp != _stamp(run):
            return None
        try:
            read = RunConfig.model_validate_json(config, context=STORED)
            return RunRow(run, read, _STATUS.validate_json(status))
        except ValidationError:
            return None

    def keep(self, rows: Iterable[RunRow]) -> None:
        """Keep the rows of ended runs, except those with something to say that may be mended."""
        lines = [
            (self._folder, row.run.id, stamp, _STATUS.dump_json(row.status).decode(), config)
            for row in rows
            if row.config and not row.problem and (stamp := _stamp(row.run))
            for config in [row.config.model_dump_json()]
        ]
        if not lines:
            return
        with contextlib.suppress(sqlite3.Error, OSError), _open() as database:
            database.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?)", lines)


@contextlib.contextmanager
def _open() -> Iterator[sqlite3.Connection]:
    """The database; what is done to it in the body is done wholly or not at all."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(cache_dir() / "runs.sqlite", timeout=_WAIT)
    try:
        with database:
            database.execute(_TABLE)
            yield database
    finally:
        database.close()


def _stamp(run: RunDir) -> str | None:
    """The state on disk of what a row is read from; None where it cannot be told."""
    try:
        folder = os.stat(run.path)
        files = [os.stat(path) for path in (run.events_file, run.config_file)]
    except OSError:
        return None
    changed = " ".join(f"{found.st_size} {found.st_mtime_ns}" for found in files)
    return f"{_FORM} {folder.st_ino} {folder.st_ctime_ns} {changed}"
