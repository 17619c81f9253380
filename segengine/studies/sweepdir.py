"""SweepDir: the one owner of every path of a sweep, `runs/sweeps/<id>/`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from filelock import FileLock, Timeout
from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from segengine.errors import UserError
from segengine.files import cannot_write, write_text
from segengine.run.records import JOB, STRICT, Job, Seconds, read_record
from segengine.run.rundir import Handle, absolute
from segengine.run.writer_lock import PATIENCE
from segengine.studies.record import SweepRecord

_SWEEP_ID = re.compile(r"\d{8}-\d{6}-sweep-[0-9a-f]{4}")
_RECORD = TypeAdapter(SweepRecord)

Want = Literal["go", "stop", "no_more"]  # stop: the run at work, too; no_more: it may finish


@with_config(ConfigDict(**STRICT, extra="ignore"))
class SweepRequest(TypedDict):
    """The last word of a person about the sweep."""

    want: Annotated[Want, "go: on; stop: with the run at work; no_more: when that has ended"]
    time: Seconds  # since 1970


_REQUEST = TypeAdapter(SweepRequest)


@dataclass(frozen=True)
class SweepDir:
    """A sweep's folder and the paths in it. Its runs lie beside all others in the runs folder."""

    path: Path

    @classmethod
    def create(cls, runs_dir: Path, record: SweepRecord) -> SweepDir:
        """Write a new sweep; nothing of it runs yet.

        Raises:
            UserError: `runs_dir` cannot be written.
        """
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-sweep-{secrets.token_hex(2)}"
        sweep = cls(absolute(runs_dir) / "sweeps" / name)
        sweep.write(record)
        return sweep

    @classmethod
    def open(cls, runs_dir: Path, sweep_id: str) -> SweepDir:
        """The sweep of that id.

        Raises:
            UserError: there is none.
        """
        sweep = cls(absolute(runs_dir) / "sweeps" / sweep_id)
        if not _SWEEP_ID.fullmatch(sweep_id) or not os.path.isfile(sweep.record_file):
            known = [other.id for other in cls.all(runs_dir)]
            raise UserError(
                f"There is no sweep '{sweep_id[:80]}' in {runs_dir} (sweeps there: {len(known)}"
                f"{', the newest is ' + known[0] if known else ''}).",
                field="sweep",
            )
        return sweep

    @classmethod
    def all(cls, runs_dir: Path) -> list[SweepDir]:
        """Every sweep of a runs folder, newest first."""
        folder = absolute(runs_dir) / "sweeps"
        try:
            names = [name for name in os.listdir(folder) if _SWEEP_ID.fullmatch(name)]
        except OSError:  # there is none yet
            return []
        found = [cls(folder / name) for name in sorted(names, reverse=True)]
        return [sweep for sweep in found if os.path.isfile(sweep.record_file)]

    @property
    def id(self) -> str:
        """`<yyyymmdd>-<hhmmss>-sweep-<4 hex>`."""
        return self.path.name

    @property
    def runs_dir(self) -> Path:
        """The folder that holds the sweep's runs."""
        return self.path.parent.parent

    @property
    def record_file(self) -> Path:
        """The base config, the varied fields, the method, and every combination with its run."""
        return self.path / "sweep.json"

    @property
    def request_file(self) -> Path:
        """What a person asked of the sweep last: to go on, to stop, or to start no more runs."""
        return self.path / "request.json"

    @property
    def job_file(self) -> Path:
        """The process of the coordinator."""
        return self.path / "job.json"

    @property
    def output_file(self) -> Path:
        """What a coordinator in the background printed."""
        return self.path / "output.log"

    @property
    def lock_file(self) -> Path:
        """Locked by the living coordinator, so that a sweep has one."""
        return self.path / ".lock"

    def record(self) -> SweepRecord:
        """What the sweep is and how far.

        Raises:
            UserError: it cannot be read.
        """
        record = read_record(self.record_file, _RECORD)
        if record is None:
            raise UserError(f"{self.record_file} is gone.", field="sweep")
        return record

    def write(self, record: SweepRecord) -> None:
        """Write the record; after its creation only the coordinator does.

        Raises:
            UserError: it cannot be written; the old one stays.
        """
        write_text(self.record_file, record.model_dump_json(indent=2) + "\n")

    def want(self) -> Want:
        """The last word of a person; to go on where there is none, or none that can be read."""
        return self.request()[0]

    def request(self) -> tuple[Want, float]:
        """(the last word of a person, when it was said, in seconds since 1970)."""
        with contextlib.suppress(UserError):
            if request := read_record(self.request_file, _REQUEST):
                return request["want"], request["time"]
        return "go", 0.0

    def ask(self, want: Want) -> None:
        """Write down what a person wants of the sweep."""
        write_text(self.request_file, json.dumps({"want": want, "time": time.time()}) + "\n")

    def job(self) -> Job | None:
        """The coordinator's process; None where there was none, or its record is damaged."""
        with contextlib.suppress(UserError):
            return read_record(self.job_file, JOB)
        return None

    def write_job(self, handle: Handle) -> None:
        """Record the coordinator's process."""
        job = {"backend": "local", "submitted": time.time(), **handle}
        write_text(self.job_file, json.dumps(job, indent=2) + "\n")


@contextlib.contextmanager
def only_coordinator(sweep: SweepDir) -> Iterator[None]:
    """While the body runs, no other process works on the sweep.

    Raises:
        UserError: another one does, or the folder cannot be written.
    """
    lock = FileLock(sweep.lock_file)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise UserError(f"Sweep {sweep.id} is being run already.", field="sweep") from None
    except OSError as error:
        raise cannot_write(sweep.path, error) from error
    try:
        yield
    finally:
        lock.release()
