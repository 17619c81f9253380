"""A run's state in words and numbers as text, for the strip under the live curves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dashboard.shared import formats
from dashboard.shared.colors import STATE_LOOKS
from segengine.results.runlog import RunLog
from segengine.results.status import RunStatus, read_status
from segengine.run.rundir import RunDir


@dataclass(frozen=True)
class LiveStatus:
    """What the strip says of a run: text, ready to be shown.

    Attributes:
        marks: (epoch, mIoU, validation loss) of the best validation, to be marked in the charts.
        active: whether more is to come.
    """

    state: str
    shape: str
    color: str
    active: bool
    doing: str
    epoch: str
    best: str
    train_loss: str
    val_loss: str
    left: str
    message: str
    marks: tuple[float, float | None, float | None] | None

    def without_clock(self) -> LiveStatus:
        """The same without what changes by the mere passing of time."""
        return replace(self, left="")


def live_status(run: RunDir, log: RunLog) -> LiveStatus:
    """The strip's line for a run, from its refreshed log."""
    status = read_status(run, log)
    shape, color = STATE_LOOKS[status.state]
    return LiveStatus(
        state=status.state,
        shape=shape,
        color=color,
        active=status.active,
        doing=status.activity,
        epoch=_epoch(status),
        best=_best(status),
        train_loss=formats.loss(_last_loss(log, "train")),
        val_loss=formats.loss(_last_loss(log, "val")),
        left=_left(status),
        message=status.message,
        marks=_marks(log),
    )


def _epoch(status: RunStatus) -> str:
    if not status.epochs:
        return formats.NOTHING
    return f"{formats.count(status.epoch)}/{formats.count(status.epochs)}"


def _best(status: RunStatus) -> str:
    if status.best_miou is None:
        return formats.NOTHING
    return f"{formats.miou(status.best_miou)} at epoch {status.best_epoch}"


def _last_loss(log: RunLog, split: str) -> float | None:
    """The loss of the last epoch that has one for this split."""
    for epoch in sorted(log.epochs, reverse=True):
        if record := log.epochs[epoch].get(split):
            value = record.get("loss")
            return None if value is None else float(value)
    return None


def _left(status: RunStatus) -> str:
    return formats.NOTHING if status.seconds_left is None else formats.duration(status.seconds_left)


def _marks(log: RunLog) -> tuple[float, float | None, float | None] | None:
    best = log.best()
    if best is None:
        return None
    return float(best["epoch"]), best["val"]["miou"], best["val"].get("loss")
