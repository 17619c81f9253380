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
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from segengine.config import RunConfig
from segengine.config.section import conditions
from segengine.datasets.cache import cache_dir
from segengine.results.status import RunStatus
from segengine.results.table import RunFacts, RunRow, read_config
from segengine.run.records import Notes, SweepPlace
from segengine.run.rundir import RunDir

VERSION = 3  # count up when a status, a fact or a setting comes to mean something else
_TABLE = (
    "CREATE TABLE IF NOT EXISTS kept_rows (folder TEXT, run TEXT, stamp TEXT, row TEXT, "
    "PRIMARY KEY (folder, run)) WITHOUT ROWID"
)
_OLDER = "DROP TABLE IF EXISTS rows"
# Behind a run's folder; as text, since paths would cost as much as the looking.
_READ = [f"{os.sep}{path}" for path in (RunDir(Path()).events_file, RunDir(Path()).config_file)]
_NOTES = f"{os.sep}{RunDir(Path()).notes_file}"
_WAIT = 0.5  # seconds for another process that writes


class _Kept(TypedDict):
    """A row as the cache holds it."""

    status: RunStatus
    notes: Notes
    facts: RunFacts
    sweep: SweepPlace | None
    settings: dict[str, Any]


_KEPT = TypeAdapter(_Kept)


class KeptRow(RunRow):
    """A row out of the cache. Its config is read from the run folder when somebody asks for it."""

    def __init__(self, run: RunDir, kept: _Kept) -> None:
        settings = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in kept["settings"].items()
        }
        vars(self).update(kept, run=run, settings=settings)

    @cached_property
    def config(self) -> RunConfig | None:
        """The run's config; None where it cannot be read any more."""
        return read_config(self.run)

    def __eq__(self, other: object) -> bool:
        """Whether the other row, of whatever kind, tells the same."""
        names = RunRow.__dataclass_fields__
        return isinstance(other, RunRow) and all(
            getattr(self, name) == getattr(other, name) for name in names
        )

    __hash__ = RunRow.__hash__


class KeptRows:
    """The kept rows of one runs folder."""

    def __init__(self, runs_dir: Path) -> None:
        self._folder = str(runs_dir)
        self._form = _form()
        self._found: dict[str, tuple[str, str]] = {}  # run id -> stamp, row
        query = "SELECT run, stamp, row FROM kept_rows WHERE folder = ?"
        with contextlib.suppress(sqlite3.Error, OSError), _open() as database:
            found = database.execute(query, (self._folder,))
            self._found = {run: (stamp, row) for run, stamp, row in found}

    def row(self, run: RunDir) -> RunRow | None:
        """The row of a run that has not changed since it was kept."""
        if run.id not in self._found:
            return None
        stamp, text = self._found.pop(run.id)
        if stamp != self._stamp(run):
            return None
        try:
            return KeptRow(run, _KEPT.validate_json(text))
        except ValidationError:
            return None

    def keep(self, rows: Iterable[RunRow]) -> None:
        """Keep the rows of ended runs, except those with something to say that may be mended."""
        lines = [
            (self._folder, row.run.id, stamp, _text(row))
            for row in rows
            if row.config and not row.problem and (stamp := self._stamp(row.run))
        ]
        if not lines:
            return
        with contextlib.suppress(sqlite3.Error, OSError), _open() as database:
            database.executemany("INSERT OR REPLACE INTO kept_rows VALUES (?, ?, ?, ?)", lines)

    def forget(self, ids: Iterable[str]) -> None:
        """Take the rows of runs that are gone out of the cache."""
        with contextlib.suppress(sqlite3.Error, OSError), _open() as database:
            command = "DELETE FROM kept_rows WHERE folder = ? AND run = ?"
            database.executemany(command, [(self._folder, run_id) for run_id in ids])

    def _stamp(self, run: RunDir) -> str | None:
        """The state on disk of what a row is read from; None where it cannot be told."""
        path = str(run.path)
        try:
            folder = os.stat(path)
            files = [os.stat(f"{path}{name}") for name in _READ]
        except OSError:
            return None
        with contextlib.suppress(OSError):  # most runs have no notes
            files.append(os.stat(f"{path}{_NOTES}"))
        changed = " ".join(f"{found.st_size} {found.st_mtime_ns}" for found in files)
        return f"{self._form} {folder.st_ino} {folder.st_ctime_ns} {changed}"


def _text(row: RunRow) -> str:
    kept = _Kept(
        status=row.status,
        notes=row.notes,
        facts=row.facts,
        sweep=row.sweep,
        settings=row.settings,
    )
    return _KEPT.dump_json(kept).decode()


def _form() -> str:
    """What a kept row consists of: another version's rows are not taken for ours."""
    parts = [kind.__annotations__ for kind in (RunStatus, RunFacts, Notes, SweepPlace)]
    fields = {name: conditions(info) for name, info in RunConfig.declarations().items()}
    return f"{VERSION} {zlib.crc32(repr([parts, fields]).encode())}"


@contextlib.contextmanager
def _open() -> Iterator[sqlite3.Connection]:
    """The database; what is done to it in the body is done wholly or not at all."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(cache_dir() / "runs.sqlite", timeout=_WAIT)
    try:
        with database:
            database.execute(_OLDER)
            database.execute(_TABLE)
            yield database
    finally:
        database.close()
