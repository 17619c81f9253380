"""A run's state, progress and scores as text, for its line under the live curves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.colors import STATE_LOOKS
from dashboard.shared.formats import (
    format_count,
    format_epochs,
    format_loss,
    format_miou,
    format_time_left,
)
from segengine.results.amounts import size_text
from segengine.results.runlog import RunLog
from segengine.results.status import RunStatus, read_status
from segengine.run.events import ClassRecord
from segengine.run.rundir import RunDir


@dataclass(frozen=True)
class LiveStatus:
    """What the line says of a run: text, ready to be shown.

    Attributes:
        epochs: where the epoch axis ends: those planned, or those done of a run that has ended.
        left: the time left.
        best_at: epoch of the best validation, which the charts mark; 0 before any.
        best_miou: the mIoU of that epoch, 0 to 1.
        end: how it ended, for its mark: "" (it has not), finished, early (stopped by its own rule),
            stopped or failed.
        active: whether more is to come.
    """

    state: str
    shape: str
    color: str
    active: bool
    activity: str
    epoch: str
    epochs: int
    best: str
    best_epoch: str
    train_loss: str
    val_loss: str
    left: str
    message: str
    best_at: int
    best_miou: float | None
    end: str

    def without_clock(self) -> LiveStatus:
        """The same without what changes by the mere passing of time."""
        return replace(self, left="")


def live_status(run: RunDir, log: RunLog) -> LiveStatus:
    """The line of a run, from its refreshed log."""
    status = read_status(run, log)
    shape, color = STATE_LOOKS[status.state]
    return LiveStatus(
        state=status.state,
        shape=shape,
        color=color,
        active=status.active,
        activity=status.activity or (_use_words(log) if status.state == "running" else ""),
        epoch=format_epochs(status.epoch, status.epochs),
        epochs=status.epochs if status.active else status.epoch,
        best=format_miou(status.best_miou),
        best_epoch=f"epoch {format_count(status.best_epoch)}" if status.best_epoch else "",
        train_loss=format_loss(_last_loss(log, "train")),
        val_loss=format_loss(_last_loss(log, "val")),
        left=format_time_left(status.seconds_left),
        message=_message(status),
        best_at=status.best_epoch or 0,
        best_miou=status.best_miou,
        end=_end(status),
    )


@dataclass(frozen=True)
class LiveFacts:
    """What the charts must know of a run beside its points; it changes only when a session begins.

    Attributes:
        classes: name and color (#rrggbb) of each class, in label order.
        steps: optimizer steps per epoch; 0 before the run has started.
        images: training images, which an epoch sees once.
        resumed: epochs done at the beginning of each session but the first, fractional.
    """

    classes: tuple[ClassRecord, ...] = ()
    steps: int = 0
    images: int = 0
    resumed: tuple[float, ...] = ()


def live_facts(log: RunLog) -> LiveFacts:
    """The facts of a run, from its refreshed log."""
    if not log.started:
        return LiveFacts()
    steps = log.started["steps_per_epoch"]
    return LiveFacts(
        classes=tuple(log.started["classes"]),
        steps=steps,
        images=log.started["train_images"],
        resumed=tuple(round(session.step / max(steps, 1), 4) for session in log.sessions[1:]),
    )


def _use_words(log: RunLog) -> str:
    """What the run uses of the machine: "CPU 196 %, 1.2 GB, GPU 80 %"; "" before it is known."""
    if not log.uses:
        return ""
    use = log.uses[-1][1]
    words = [f"CPU {use['cpu_percent']:.0f} %", size_text(use["memory_bytes"])]
    if "gpu_percent" in use:
        words.append(f"GPU {use['gpu_percent']:.0f} %")
    return ", ".join(words)


def _end(status: RunStatus) -> str:
    if status.state == "finished":
        return "early" if status.epoch < status.epochs else "finished"
    if status.state in ("failed", "crashed"):
        return "failed"
    return "stopped" if status.state == "stopped" else ""


def _message(status: RunStatus) -> str:
    """Why the run ended, or what of it cannot be read."""
    if status.state == "failed":
        return in_browser_words(status.message)
    return status.message or " ".join(status.damage)


def _last_loss(log: RunLog, split: Literal["train", "val"]) -> float | None:
    """The loss of the last epoch that has scores for this split."""
    for epoch in sorted(log.epochs, reverse=True):
        if record := log.epochs[epoch][split]:
            return record["loss"]
    return None
