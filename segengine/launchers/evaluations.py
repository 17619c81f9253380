"""Evaluations in the background: a process of their own each, and a record on disk.

An evaluation outlives whoever started it. What is known of it is read from the run folder: the
record says of what it is and which process makes it, the status file how far that is.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import time
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from segengine.errors import UserError
from segengine.files import cannot_write, open_regular, write_text
from segengine.launchers import claim_lock, local
from segengine.run.links import refuse_links
from segengine.run.records import TASK_STATUS, Job, TaskStatus, read_record
from segengine.run.rundir import RunDir

Part = Literal["train", "val", "test", "all"]
_PREFIX = "evaluating-"


@dataclass(frozen=True)
class Target:
    """What is to be scored, as the flags of `evaluate` say it; "" is what the run itself has.

    Attributes:
        limit: number of images, "0" for all; "" for as many as `evaluate` uses by itself.
        size: "training" for the size that the model sees, "native" for that of each mask.
        weights: "best" or "last".
    """

    split: Part = "val"
    dataset: str = ""
    root: str = ""
    limit: str = ""
    size: Literal["training", "native"] = "training"
    weights: Literal["best", "last"] = "best"

    def flags(self) -> list[str]:
        """The flags of `evaluate`: only those that are not left at their default."""
        usual = Target()
        given = {n: v for n, v in asdict(self).items() if v != getattr(usual, n)}
        return [word for name, value in given.items() for word in (f"--{name}", value)]

    @property
    def key(self) -> str:
        """The same for the same target: names its record."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:12]


class EvaluationJob(Job):
    """The record of an evaluation: its process and its target."""

    target: Target


_JOB = TypeAdapter(EvaluationJob)


@dataclass(frozen=True)
class BackgroundEvaluation:
    """An evaluation that was started, at one moment.

    Attributes:
        submitted: when it was started, seconds since 1970.
        phase: what it does now, such as "Reading images"; "" before it has begun.
        done, total: items of that phase.
        problem: why it failed, in one sentence.
    """

    key: str
    target: Target
    state: Literal["running", "done", "failed"]
    submitted: float
    phase: str = ""
    done: int = 0
    total: int = 0
    problem: str = ""


def start_evaluation(run: RunDir, target: Target) -> None:
    """Start `evaluate` in a process that outlives this one; an ended one of this target goes.

    Raises:
        UserError: it is being made already, the run has no such weights, the limit is no number,
            there is a link inside the run's folder, or it cannot be started.
    """
    _require_possible(run, target)
    refuse_links(run)
    key = target.key
    with claim_lock(run):
        if any(known.key == key and known.state == "running" for known in evaluations_of(run)):
            raise UserError("This evaluation is being made already.", field="run")
        try:
            run.evaluating(key).parent.mkdir(exist_ok=True)
            run.evaluating_output(key).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(run.evaluating(key), error) from error
        write_text(run.evaluating_status(key), json.dumps(_NOT_BEGUN) + "\n")
        words = ["segengine", "evaluate", run.id, *target.flags()]
        words += ["--runs-dir", str(run.path.parent)]
        words += ["--status-file", str(run.evaluating_status(key))]
        handle = local.start_detached(words, run.evaluating_output(key))
        job = {"backend": "local", "submitted": time.time(), **handle, "target": asdict(target)}
        write_text(run.evaluating(key), json.dumps(job, indent=2) + "\n")


def evaluations_of(run: RunDir) -> list[BackgroundEvaluation]:
    """Those that were started in the background, the newest first; damaged records are left out."""
    folder = run.evaluating("any").parent
    found = []
    for name in glob.glob(f"{_PREFIX}*.json", root_dir=folder):
        key = name.removeprefix(_PREFIX).removesuffix(".json")
        with contextlib.suppress(OSError, ValidationError), open_regular(folder / name) as file:
            found.append(_now(run, key, _JOB.validate_json(file.read())))
    return sorted(found, key=lambda one: -one.submitted)


def stop_evaluation(run: RunDir, key: str) -> None:
    """End an evaluation that is being made, and forget it; what it has not written is lost.

    Raises:
        UserError: its record cannot be read or removed.
    """
    job = read_record(run.evaluating(key), _JOB)
    if job is not None:
        local.cancel(run, job)
    forget_evaluation(run, key)


def forget_evaluation(run: RunDir, key: str) -> None:
    """Remove the record of an evaluation; its result stays.

    Raises:
        UserError: it cannot be removed.
    """
    for path in (run.evaluating(key), run.evaluating_status(key), run.evaluating_output(key)):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error


_NOT_BEGUN: TaskStatus = {"phase": "", "done": 0, "total": 0}


def _require_possible(run: RunDir, target: Target) -> None:
    file = run.last_checkpoint if target.weights == "last" else run.best_checkpoint
    if not file.is_file():
        when = "the first validation" if target.weights == "best" else "the first epoch"
        raise UserError(
            f"Run {run.id} has no {target.weights} weights yet: they are saved at {when}.",
            field="run",
        )
    if target.limit and not (target.limit.isascii() and target.limit.isdecimal()):
        raise UserError(
            f"limit '{target.limit}' was given: give a whole number of images, 0 for all.",
            field="limit",
        )


def _now(run: RunDir, key: str, job: EvaluationJob) -> BackgroundEvaluation:
    process = local.state(job)
    try:  # after the process was looked at: one that has ended has said how
        status = read_record(run.evaluating_status(key), TASK_STATUS) or _NOT_BEGUN
    except UserError:
        status = _NOT_BEGUN
    state: Literal["running", "done", "failed"] = "running"
    problem = status.get("error", "")
    if "result" in status:
        state = "done"
    elif problem or process != "alive":
        state = "failed"
        problem = problem or _without_a_word(run, key, process)
    return BackgroundEvaluation(
        key,
        job["target"],
        state,
        job["submitted"],
        status["phase"],
        status["done"],
        status["total"],
        problem,
    )


def _without_a_word(run: RunDir, key: str, process: str) -> str:
    """Why an evaluation has no result, where its status does not say."""
    if process == "unknown":
        return "It was started on another machine, which this one cannot ask: start it again."
    try:
        with open_regular(run.evaluating_output(key)) as file:
            lines = file.read(1 << 20).decode(errors="replace").split("\n")
    except OSError:
        lines = []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    said = f"its last words: {last[:300]}" if last else "it may have been killed"
    return f"The process ended before it was done ({said}): start it again."
