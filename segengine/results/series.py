"""The curves of a run: points of loss and mIoU over epochs, ready for a chart."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from tsdownsample import NaNMinMaxLTTBDownsampler

from segengine.results.runlog import RunLog
from segengine.run.events import Epoch, Event

Curve = Literal["step_loss", "train_loss", "val_loss", "train_miou", "val_miou"]
CURVES: tuple[Curve, ...] = get_args(Curve)

MAX_POINTS = 2000  # of a curve in a chart; more points than pixels only cost time


@dataclass
class Points:
    """One curve.

    Attributes:
        x: epochs done, fractional for steps (step 3 of 4 in epoch 2 is 1.75); ascending.
        y: loss or mIoU (0 to 1); None where the number was not finite, a gap in the curve.
    """

    x: list[float] = field(default_factory=list)
    y: list[float | None] = field(default_factory=list)

    def add(self, x: float, y: float | None) -> None:
        """Append one point."""
        self.x.append(x)
        self.y.append(y)


Series = dict[Curve, Points]


def series_of(log: RunLog) -> Series:
    """All curves of a run, with every epoch and step once."""
    events: list[Event] = [*log.steps, *(log.epochs[epoch] for epoch in sorted(log.epochs))]
    return points_of(events, logged_steps_per_epoch(log))


def points_of(events: Iterable[Event], steps_per_epoch: int) -> Series:
    """The points that these events add to the curves; curves without any are left out.

    Args:
        steps_per_epoch: by the run's `run_started`; with 0 (unknown), steps add no points.
    """
    series: Series = {}
    for event in events:
        if event["event"] == "step" and steps_per_epoch:
            x = round(event["step"] / steps_per_epoch, 4)
            series.setdefault("step_loss", Points()).add(x, event["loss"])
        elif event["event"] == "epoch":
            _add_epoch(series, event)
    return series


def logged_steps_per_epoch(log: RunLog) -> int:
    """Optimizer steps per epoch, by the log; 0 before `run_started`."""
    return log.started["steps_per_epoch"] if log.started else 0


def downsampled(series: Series, limit: int = MAX_POINTS) -> Series:
    """The same curves with at most `limit` points each, chosen so that they look the same."""
    return {curve: _thin(points, limit) for curve, points in series.items()}


def as_csv(series_by_run: Mapping[str, Series]) -> str:
    """One row per point: run, curve, epoch, value (empty where it was not finite)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "curve", "epoch", "value"])
    for run_id, series in series_by_run.items():
        for curve, points in series.items():
            rows = zip(points.x, points.y, strict=True)
            writer.writerows([run_id, curve, f"{x:g}", "" if y is None else y] for x, y in rows)
    return text.getvalue()


def _add_epoch(series: Series, event: Epoch) -> None:
    """The loss and mIoU of an `epoch` event; an epoch without validation adds no point to it."""
    epoch, train, val = float(event["epoch"]), event["train"], event["val"]
    series.setdefault("train_loss", Points()).add(epoch, train["loss"])
    series.setdefault("train_miou", Points()).add(epoch, train["miou"])
    if val:
        series.setdefault("val_loss", Points()).add(epoch, val["loss"])
        series.setdefault("val_miou", Points()).add(epoch, val["miou"])


def _thin(points: Points, limit: int) -> Points:
    if len(points.x) <= limit:
        return points
    x = np.asarray(points.x)
    y = np.asarray([np.nan if value is None else value for value in points.y])  # keeps the gaps
    kept = NaNMinMaxLTTBDownsampler().downsample(x, y, n_out=limit)  # type: ignore[no-untyped-call]
    return Points([points.x[i] for i in kept], [points.y[i] for i in kept])
