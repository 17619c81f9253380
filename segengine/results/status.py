"""What state a run is in, decided from its log, its job and what was asked of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from segengine import launchers
from segengine.results.runlog import RunLog, open_log
from segengine.run.rundir import RunDir

State = Literal["queued", "running", "finished", "stopped", "failed", "crashed", "unresponsive"]
ACTIVE: tuple[State, ...] = ("queued", "running", "unresponsive")

SILENCE = 300.0  # seconds without an event after which a living process is called unresponsive
NEVER_STARTED = 30.0  # seconds after which a run that no process took up is called crashed
_ENDS: dict[str, State] = {
    "run_finished": "finished",
    "run_stopped": "stopped",
    "run_failed": "failed",
}


@dataclass(frozen=True)
class RunStatus:
    """A run at one moment.

    Attributes:
        epoch: epochs completed.
        epochs: epochs planned; 0 before the run has said so.
        progress: share of the training steps done, 0 to 1.
        seconds_left: estimated from this session's speed; None where it cannot be known.
        best_miou: highest validation mIoU so far, 0 to 1; None before a validation.
        best_epoch: its epoch.
        activity: what it does right now, such as "Reading images 120/300"; "" in plain training.
        message: why it ended, in one sentence; for a crash the end of its output.
        problems: all that is wrong with its data, a sentence each; empty where that is not why it
            failed.
    """

    state: State
    epoch: int = 0
    epochs: int = 0
    progress: float = 0.0
    seconds_left: float | None = None
    best_miou: float | None = None
    best_epoch: int | None = None
    activity: str = ""
    message: str = ""
    problems: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """Whether a process may still be at work."""
        return self.state in ACTIVE


def read_status(run: RunDir, log: RunLog | None = None, now: float | None = None) -> RunStatus:
    """The status of a run. Give its (refreshed) RunLog where one is at hand."""
    log = log or open_log(run.events_file)
    now = time.time() if now is None else now
    job = run.job()
    alive = launchers.is_alive(job) if job else False
    state = _state(run, log, alive, now)
    best = log.best()
    started = log.started or {}
    return RunStatus(
        state=state,
        epoch=max(log.epochs, default=0),
        epochs=started.get("epochs", 0),
        progress=1.0 if state == "finished" else _progress(log),
        seconds_left=_seconds_left(log, _submitted(run), now) if state == "running" else None,
        best_miou=best["val"]["miou"] if best else None,
        best_epoch=best["epoch"] if best else None,
        activity=_activity(log) if state in ACTIVE else "",
        message=_message(run, log, state),
        problems=tuple(log.terminal.get("problems", ())) if log.terminal else (),
    )


def _state(run: RunDir, log: RunLog, alive: bool | None, now: float) -> State:
    if log.terminal and not _taken_up_again(run, log, alive):
        return _ENDS[log.terminal["event"]]
    if alive is False:
        if run.request_file.exists():
            return "stopped"
        age = now - run.config_file.stat().st_mtime
        never_taken = run.job() is None and not log.last_time
        return "queued" if never_taken and age < NEVER_STARTED else "crashed"
    if now - max(log.last_time, _submitted(run)) > SILENCE:
        return "unresponsive"
    return "queued" if log.terminal or not log.last_time else "running"


def _taken_up_again(run: RunDir, log: RunLog, alive: bool | None) -> bool:
    """Whether an ended run was submitted again and its new process has not logged yet."""
    ended = log.terminal["time"] if log.terminal else 0.0
    return bool(alive) and _submitted(run) > ended


def _submitted(run: RunDir) -> float:
    return float((run.job() or {}).get("submitted", 0.0))


def _progress(log: RunLog) -> float:
    """Share of all training steps done, 0 to 1."""
    if not log.started:
        return 0.0
    total = log.started["epochs"] * log.started["steps_per_epoch"]
    return min(1.0, _steps_done(log) / total) if total else 0.0


def _steps_done(log: RunLog) -> int:
    """Training steps done; step events are sparse, so finished epochs count too."""
    assert log.started is not None
    by_epochs = max(log.epochs, default=0) * log.started["steps_per_epoch"]
    return int(max(by_epochs, log.steps[-1]["step"] if log.steps else 0))


def _seconds_left(log: RunLog, submitted: float, now: float) -> float | None:
    """From the mean speed since this session's start, validations included."""
    if not log.started or log.started["time"] < submitted:
        return None  # this session still gets ready; the last one's clock says nothing
    done = _steps_done(log)
    here = done - log.started["start_step"]
    if here <= 0:
        return None
    total = log.started["epochs"] * log.started["steps_per_epoch"]
    seconds_a_step = (log.last_time - log.started["time"]) / here
    left: float = (total - done) * seconds_a_step - (now - log.last_time)
    return max(0.0, left)


def _activity(log: RunLog) -> str:
    if not log.progress:
        return "" if log.started else "Starting"
    return f"{log.progress['phase']} {log.progress['done']:,}/{log.progress['total']:,}"


def _message(run: RunDir, log: RunLog, state: State) -> str:
    if state == "crashed":
        return tail(run.output_file) or "The process ended without a word: it may have been killed."
    if state == "failed" and log.terminal:
        return str(log.terminal.get("error", ""))
    if state == "stopped" and log.terminal:
        return str(log.terminal.get("reason", ""))
    return ""


def tail(path: Path, lines: int = 12) -> str:
    """The last lines of a text file, as a terminal would show them (progress bars: last state)."""
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 16_384))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    return "\n".join([line for line in shown if line.strip()][-lines:])
