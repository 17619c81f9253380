"""Evaluations in the background: a process of their own that survives the browser."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from segengine.errors import UserError
from segengine.files import cannot_write, write_text
from segengine.launchers import local
from segengine.run.records import STRICT, Count, Job, Seconds, read_record
from segengine.run.rundir import RunDir

_STEP = 0.5  # seconds between two words about the progress


@with_config(ConfigDict(**STRICT, extra="allow"))
class EvaluatingJob(Job):
    """An evaluation in the background, with its process as in `job.json`."""

    split: str
    size: str
    weights: str


class Progress(TypedDict):
    """How far an evaluation is."""

    phase: str
    done: Count
    total: Count
    time: Seconds


_JOB, _PROGRESS = TypeAdapter(EvaluatingJob), TypeAdapter(Progress)


@dataclass(frozen=True)
class Evaluating:
    """The evaluation that was started last.

    Attributes:
        state: whether it runs, has ended well or has failed.
        phase, done, total: how far it is, while it runs.
        message: why it failed, in a sentence.
    """

    state: Literal["running", "done", "failed"]
    split: str
    size: str
    weights: str
    phase: str = ""
    done: int = 0
    total: int = 0
    message: str = ""


def start_evaluation(run: RunDir, split: str, size: str, weights: str) -> None:
    """Start `python -m segengine evaluate` on the run's own data.

    Raises:
        UserError: one is running already, or the run folder cannot be written.
    """
    if (now := evaluating(run)) and now.state == "running":
        raise UserError(
            f"Run {run.id} is being evaluated already ({now.split}): wait until that is done.",
            field="run",
        )
    try:
        run.evaluating_file.parent.mkdir(parents=True, exist_ok=True)
        for file in (run.evaluating_output, run.evaluating_progress):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(run.evaluating_file.parent, error) from error
    words = ["segengine", "evaluate", run.id, "--runs-dir", str(run.path.parent)]
    words += ["--split", split, "--size", size, "--weights", weights]
    words += ["--progress-file", str(run.evaluating_progress)]
    handle = local.start_detached(words, run.evaluating_output)
    record = {"backend": "local", "submitted": time.time(), **handle}
    what = {"split": split, "size": size, "weights": weights}
    write_text(run.evaluating_file, json.dumps({**record, **what}, indent=2) + "\n")


def evaluating(run: RunDir) -> Evaluating | None:
    """The evaluation that was started in the background last; None where none was."""
    try:
        job = read_record(run.evaluating_file, _JOB)
    except UserError:
        return None
    if job is None:
        return None
    what = (job["split"], job["size"], job["weights"])
    if local.state(job) == "alive":
        progress = _progress(run)
        if progress is None:
            return Evaluating("running", *what)
        return Evaluating("running", *what, progress["phase"], progress["done"], progress["total"])
    lines = _output(run)
    if any(line.startswith("Written to ") for line in lines):
        return Evaluating("done", *what)
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    why = " ".join(errors) or "Its process ended before it was done."
    return Evaluating("failed", *what, message=why)


def progress_into(path: Path) -> Callable[[str, int, int], None]:
    """A function that writes how far an evaluation is into a file, twice a second at most."""
    last = 0.0

    def progress(phase: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _STEP and done < total:
            return
        last = now
        record = {"phase": phase, "done": done, "total": total, "time": time.time()}
        with contextlib.suppress(UserError):  # a full disk shall not end what it tells of
            write_text(path, json.dumps(record))

    return progress


def _progress(run: RunDir) -> Progress | None:
    with contextlib.suppress(OSError, ValidationError):
        return _PROGRESS.validate_json(run.evaluating_progress.read_bytes())
    return None


def _output(run: RunDir) -> list[str]:
    try:
        return run.evaluating_output.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
