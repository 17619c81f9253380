"""The curves of a run: every logged number over epochs, ready for a chart."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tsdownsample import NaNMinMaxLTTBDownsampler

from segengine.results.runlog import RunLog
from segengine.run.events import Epoch, Event, Resources, Step, TrainRecord, ValRecord

# Column -> its numbers, None where one was not logged or not finite, which is a gap in the curve.
# Every table has the columns of `X`; the others are curves.
Table = dict[str, list[float | None]]
X = ("epoch", "seconds")

MAX_POINTS = 2000  # of a curve in a chart; more points than pixels only cost time
_LEAST = 4  # points to which the library can thin a curve

# Score of the log -> curve, without its split.
_SCORES: dict[str, str] = {
    "loss": "loss",
    "miou": "miou",
    "mean_dice": "dice",
    "mean_precision": "precision",
    "mean_recall": "recall",
    "pixel_accuracy": "accuracy",
    "boundary_iou": "boundary_iou",
}
# Score per class of the log -> curve, without its split and its class.
_CLASS_SCORES: dict[str, str] = {"iou": "iou", "boundary_iou_per_class": "boundary_iou"}


@dataclass
class Series:
    """The curves of a run.

    Attributes:
        steps: `loss`, `lr` and `images_per_second` of single training steps.
        epochs: `train_` and `val_` scores (`val_miou`, `val_iou_0` of the first class), `lr` and
            `epoch_seconds`, one row per epoch.
        uses: `cpu` and `gpu` (percent; 100 is one core, one GPU), `memory` and `gpu_memory` (GB).

    In all, `epoch` is the number of epochs done, fractional for steps (step 3 of 4 in epoch 2 is
    1.75), and `seconds` the time since the run began, without the pauses between its sessions.
    """

    steps: Table = field(default_factory=dict)
    epochs: Table = field(default_factory=dict)
    uses: Table = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.steps or self.epochs or self.uses)


def series_of(log: RunLog, most_steps: int | None = None) -> Series:
    """All curves of a run, with every epoch and step once, or with at most so many steps."""
    steps = log.steps if most_steps is None else thinned(log.steps, most_steps)
    epochs = [log.epochs[epoch] for epoch in sorted(log.epochs)]
    return _series(steps, epochs, log.uses, log)


def points_of(events: Iterable[Event], log: RunLog) -> Series:
    """The points that these events of a log add to its curves."""
    steps: list[Step] = []
    epochs: list[Epoch] = []
    uses: list[tuple[int, Resources]] = []
    done = log.steps[-1]["step"] if log.steps else 0
    for event in events:
        if event["event"] == "step":
            steps.append(event)
        elif event["event"] == "epoch":
            epochs.append(event)
        elif event["event"] == "resources":
            uses.append((done, event))
    return _series(steps, epochs, uses, log)


def _series(
    steps: Sequence[Step],
    epochs: Sequence[Epoch],
    uses: Sequence[tuple[int, Resources]],
    log: RunLog,
) -> Series:
    per_epoch = log.started["steps_per_epoch"] if log.started else 0
    series = Series(steps=_step_columns(steps, per_epoch, log) if steps and per_epoch else {})
    for event in epochs:
        _add(series.epochs, _epoch_row(event, log))
    for done, use in uses:
        _add(series.uses, _use_row(use, done, per_epoch, log))
    return series


def thinned(steps: Sequence[Step], limit: int) -> Sequence[Step]:
    """At most `limit` of the steps, chosen so that the curves of loss and speed look the same."""
    if len(steps) <= limit:
        return steps
    at = np.array([event["step"] for event in steps], float)
    loss = [event["loss"] for event in steps]
    speed = [event["images_per_second"] for event in steps]
    kept = {*_telling(at, loss, limit * 2 // 3), *_telling(at, speed, limit // 3)}
    return [steps[row] for row in sorted(kept)]


def rounded(table: Table) -> Table:
    """The same numbers with the six digits that a chart can show."""
    return {
        name: [None if value is None else float(f"{value:.6g}") for value in column]
        for name, column in table.items()
    }


def rows(table: Table) -> int:
    """The number of rows of a table."""
    return len(table.get("epoch", ()))


def as_csv(series_by_run: Mapping[str, Series]) -> str:
    """One line per point: run, curve, epoch, seconds, value (empty where it was not finite)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "curve", *X, "value"])
    for run_id, series in series_by_run.items():
        for kind, table in (("step_", series.steps), ("", series.epochs), ("", series.uses)):
            for curve in (name for name in table if name not in X):
                points = zip(*(table[name] for name in (*X, curve)), strict=True)
                writer.writerows(
                    [run_id, kind + curve, f"{epoch:g}", f"{seconds:g}", "" if y is None else y]
                    for epoch, seconds, y in points
                    if y is not None or not curve.startswith("val_")  # it was not validated
                )
    return text.getvalue()


def _step_columns(steps: Sequence[Step], per_epoch: int, log: RunLog) -> Table:
    """A long run has 100,000 of these: column by column."""
    return {
        "epoch": [round(event["step"] / per_epoch, 4) for event in steps],
        "seconds": [log.elapsed(event) for event in steps],
        "loss": [event["loss"] for event in steps],
        "lr": [event["lr"] for event in steps],
        "images_per_second": [event["images_per_second"] for event in steps],
    }


def _use_row(event: Resources, step: int, per_epoch: int, log: RunLog) -> dict[str, float | None]:
    gpu_memory = event.get("gpu_memory_bytes")
    return {
        "epoch": round(step / max(1, per_epoch), 4),
        "seconds": log.elapsed(event),
        "cpu": event["cpu_percent"],
        "memory": event["memory_bytes"] / 1e9,
        "gpu": event.get("gpu_percent"),
        "gpu_memory": None if gpu_memory is None else gpu_memory / 1e9,
    }


def _epoch_row(event: Epoch, log: RunLog) -> dict[str, float | None]:
    return {
        "epoch": float(event["epoch"]),
        "seconds": log.elapsed(event),
        "lr": event["lr"],
        "epoch_seconds": event["seconds"],
        **_scores("train", event["train"]),
        **(_scores("val", event["val"]) if event["val"] else {}),
    }


def _scores(split: str, record: TrainRecord | ValRecord) -> dict[str, float | None]:
    logged: Mapping[str, Any] = record
    found = {f"{split}_{curve}": logged[name] for name, curve in _SCORES.items() if name in logged}
    for name, curve in _CLASS_SCORES.items():
        for label, value in enumerate(logged.get(name, ())):
            found[f"{split}_{curve}_{label}"] = value
    return found


def _add(table: Table, row: Mapping[str, float | None]) -> None:
    """Append a row; a column that is new, or missing in it, has None elsewhere."""
    count = rows(table)
    for name in row.keys() - table.keys():
        table[name] = [None] * count
    for name, column in table.items():
        column.append(row.get(name))


def _telling(x: np.ndarray, curve: Sequence[float | None], limit: int) -> list[int]:
    """The rows, at most `limit`, that give a curve its look; None is a gap, which stays."""
    y = np.array(curve, float)
    limit = max(limit, _LEAST)
    if len(y) <= limit:
        return list(range(len(y)))
    kept = NaNMinMaxLTTBDownsampler().downsample(x, y, n_out=limit)  # type: ignore[no-untyped-call]
    return [int(row) for row in kept]
