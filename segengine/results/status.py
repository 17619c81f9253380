"""The state of a run, decided from its log, its job and whether a stop was requested."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from segengine import launchers
from segengine.errors import UserError
from segengine.files import open_regular
from segengine.results.pace import work_of
from segengine.results.runlog import RunLog, open_log
from segengine.results.scored_on import best_note, test_of, val_in_short
from segengine.run.records import Job
from segengine.run.rundir import RunDir
from segengine.run.stopping import seconds_since_stop_request

RunState = Literal[
    "waiting",
    "starting",
    "running",
    "finished",
    "stopped",
    "failed",
    "crashed",
    "unresponsive",
    "unreadable",
]
ACTIVE: tuple[RunState, ...] = ("waiting", "starting", "running", "unresponsive")

SILENCE = 300.0  # seconds without an event after which a running process counts as unresponsive
_ENDS: dict[str, RunState] = {
    "run_finished": "finished",
    "run_stopped": "stopped",
    "run_failed": "failed",
}


@dataclass(frozen=True)
class RunStatus:
    """A run at one moment.

    Attributes:
        epoch: whole epochs trained.
        epochs: epochs planned; 0 before the run has said so.
        progress: share of the whole work done (steps, validations, final prediction), 0 to 1.
        seconds_left: estimated for the whole from this session's parts; None where unknown.
        best_miou: mIoU of the best validation so far, 0 to 1; None before one.
        best_epoch: the epoch of that mIoU, 1-based.
        chosen_on: the images of that validation in two words: "held out".
        test_miou: mIoU of its weights on a test split that chose nothing; None where there is none.
        best_note: what the best mIoU is over: "held out, 64x64", and the test mIoU.
        activity: what it does now, such as "Reading images 120 of 300"; "" during training steps.
        message: why it ended or cannot be read, in one sentence; for a crash the end of its output.
        problems: one sentence per problem of its data, where that is why it failed.
        damage: one sentence per file of the run of which something cannot be read.
    """

    state: RunState
    epoch: int = 0
    epochs: int = 0
    progress: float = 0.0
    seconds_left: float | None = None
    best_miou: float | None = None
    best_epoch: int | None = None
    chosen_on: str = ""
    test_miou: float | None = None
    best_note: str = ""
    activity: str = ""
    message: str = ""
    problems: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """Whether a process may still be at work."""
        return self.state in ACTIVE


def read_status(run: RunDir, log: RunLog | None = None, now: float | None = None) -> RunStatus:
    """The status of a run. What cannot be read of it is said in the status.

    Args:
        log: its log, refreshed, where the caller has it.
        now: seconds since 1970; left out, the present.
    """
    log = log or open_log(run.events_file)
    if log.unreadable or (log.damaged and not log.last_time):
        return RunStatus("unreadable", message=log.unreadable or _damage(run, log))
    now = time.time() if now is None else now
    job, problem = _job(run)
    state = _state(run, log, job, now)
    if state == "crashed" and log.refresh():  # it logged its end while we looked at its process
        state = _state(run, log, job, now)
    best = log.best()
    return RunStatus(
        state=state,
        epoch=max(log.epochs, default=0),
        epochs=log.started["epochs"] if log.started else 0,
        progress=1.0 if state == "finished" else _progress(log),
        seconds_left=_seconds_left(log, _submitted(job), now) if state == "running" else None,
        best_miou=best.scores["miou"] if best else None,
        best_epoch=best.epoch if best else None,
        chosen_on=val_in_short(log),
        best_note=best_note(log) if best else "",
        test_miou=test["miou"] if (test := test_of(log)) else None,
        activity=_activity(log) if state in ("running", "unresponsive") else "",
        message=_message(run, log, job, state),
        problems=_problems(log),
        damage=tuple(filter(None, [_damage(run, log), problem])),
    )


def _job(run: RunDir) -> tuple[Job | None, str]:
    """(the run's job, why its record cannot be read)."""
    try:
        return run.job(), ""
    except UserError as problem:
        return None, str(problem)


def _damage(run: RunDir, log: RunLog) -> str:
    """What of the log was left out; "" where nothing was."""
    if not log.damaged:
        return ""
    lines = "One line" if log.damaged == 1 else f"{log.damaged:,} lines"
    first = "" if log.damaged == 1 else "the first: "
    return f"{lines} of {run.events_file} cannot be read ({first}{log.damage[0]})."


def _state(run: RunDir, log: RunLog, job: Job | None, now: float) -> RunState:
    if log.end and _submitted(job) <= log.end["time"]:
        return _ENDS[log.end["event"]]
    job_state = launchers.state_of(run, job)
    if log.end and job_state == "gone":  # submitted again, and its new process has not logged
        return _ENDS[log.end["event"]]
    if job_state in ("waiting", "gone") and seconds_since_stop_request(run) is not None:
        return "stopped"
    if job_state == "waiting":
        return "waiting"
    if job_state == "gone":
        return "failed" if job and "error" in job else "crashed"
    if now - max(log.last_time, _submitted(job)) > SILENCE:
        return "unresponsive"
    return "starting" if log.end or not log.last_time else "running"


def _submitted(job: Job | None) -> float:
    """Seconds since 1970; 0 without a job."""
    return job["submitted"] if job else 0.0


def _progress(log: RunLog) -> float:
    """Share of the whole work done, 0 to 1: of its seconds, as far as the run's pace is known."""
    if not log.started:
        return 0.0
    for pace in (log.pace, log.earlier_pace):
        if work := work_of(log.started, pace, _steps_done(log), len(log.validated())):
            return work.share
    total = log.started["epochs"] * log.started["steps_per_epoch"]
    return min(1.0, _steps_done(log) / total) if total else 0.0


def _steps_done(log: RunLog) -> int:
    """Training steps done; step events are sparse, so finished epochs count too."""
    assert log.started is not None
    by_epochs = max(log.epochs, default=0) * log.started["steps_per_epoch"]
    return int(max(by_epochs, log.steps[-1]["step"] if log.steps else 0, log.pace.step))


def _seconds_left(log: RunLog, submitted: float, now: float) -> float | None:
    """Until the run is over: training, validations and the final prediction."""
    if not log.started or log.started["time"] < submitted:
        return None  # this session has not begun to train; the last one's speed says nothing
    work = work_of(log.started, log.pace, _steps_done(log), len(log.validated()))
    return max(0.0, work.left - (now - log.last_time)) if work else None


def _activity(log: RunLog) -> str:
    if not log.progress:
        return ""
    return f"{log.progress['phase']} {log.progress['done']:,} of {log.progress['total']:,}"


def _message(run: RunDir, log: RunLog, job: Job | None, state: RunState) -> str:
    if state == "crashed":
        return tail(run.output_file) or "The process ended without a word: it may have been killed."
    if state == "failed":
        by_log = log.end["error"] if log.end and log.end["event"] == "run_failed" else ""
        return by_log or (job.get("error", "") if job else "")
    if state == "stopped" and log.end and log.end["event"] == "run_stopped":
        return log.end["reason"]
    return ""


def _problems(log: RunLog) -> tuple[str, ...]:
    """One sentence per problem of a failed run's data."""
    if log.end and log.end["event"] == "run_failed":
        return tuple(log.end.get("problems", ()))
    return ()


def tail(path: Path, lines: int = 12) -> str:
    """The last lines of a text file as a terminal shows them: of a progress bar the last state."""
    try:
        with open_regular(path) as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:  # most often there is none: the run was started in a terminal
        return ""
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    return "\n".join([line for line in shown if line.strip()][-lines:])
