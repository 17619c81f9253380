"""Curves: what is drawn for what the log says, checked by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segengine.results.runlog import open_log
from segengine.results.series import Points, as_csv, downsampled, points_of, series_of
from segengine.run.event_log import EventLog
from tests import made_events


def step(log: EventLog, number: int, loss: float) -> None:
    log.write(made_events.step(number, loss=loss))


def epoch(log: EventLog, number: int, loss: float, val: dict[str, Any] | None) -> None:
    train = made_events.record(0.5, loss)
    log.write(made_events.epoch(number, train=train, val=val and {**train, **val}))


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    log = EventLog(tmp_path / "events.jsonl")
    log.write(made_events.started(steps_per_epoch=4))
    return log


def test_steps_stand_at_fractions_of_an_epoch_and_epochs_at_their_number(log: EventLog) -> None:
    for number, loss in ((1, 1.2), (4, 0.9), (6, 0.8)):
        step(log, number, loss)
    epoch(log, 1, 1.0, {"loss": 1.1, "miou": 0.25})
    epoch(log, 2, 0.7, {"loss": 0.75, "miou": 0.5})
    series = series_of(open_log(log.path))
    assert series["step_loss"] == Points([0.25, 1.0, 1.5], [1.2, 0.9, 0.8])
    assert series["train_loss"] == Points([1.0, 2.0], [1.0, 0.7])
    assert series["val_loss"] == Points([1.0, 2.0], [1.1, 0.75])
    assert series["val_miou"] == Points([1.0, 2.0], [0.25, 0.5])
    assert series["train_miou"] == Points([1.0, 2.0], [0.5, 0.5])


def test_an_epoch_without_validation_adds_no_validation_point(log: EventLog) -> None:
    epoch(log, 1, 1.0, None)
    epoch(log, 2, 0.9, {"loss": 0.8, "miou": 0.4})
    series = series_of(open_log(log.path))
    assert series["train_loss"].x == [1.0, 2.0]
    assert series["val_loss"] == Points([2.0], [0.8])


def test_a_loss_that_is_not_finite_leaves_a_gap(log: EventLog) -> None:
    step(log, 1, 1.0)
    step(log, 2, math.nan)
    epoch(log, 1, math.inf, {"loss": math.nan, "miou": 0.1})
    series = series_of(open_log(log.path))
    assert series["step_loss"].y == [1.0, None]
    assert series["train_loss"].y == [None]
    assert series["val_loss"].y == [None]
    assert series["val_miou"].y == [0.1]


def test_a_resumed_run_shows_every_epoch_and_step_once(log: EventLog) -> None:
    for number in (1, 2, 3):
        step(log, 4 * number, 1.0 / number)
        epoch(log, number, 1.0 / number, {"loss": 1.0, "miou": 0.1 * number})
    log.write(made_events.started(epoch=3, step=8, steps_per_epoch=4))
    step(log, 12, 0.31)
    assert series_of(open_log(log.path))["train_loss"].x == [1.0, 2.0]
    epoch(log, 3, 0.3, {"loss": 0.9, "miou": 0.35})
    series = series_of(open_log(log.path))
    assert series["step_loss"] == Points([1.0, 2.0, 3.0], [1.0, 0.5, 0.31])
    assert series["train_loss"] == Points([1.0, 2.0, 3.0], [1.0, 0.5, 0.3])
    assert series["val_miou"].y == pytest.approx([0.1, 0.2, 0.35])


def test_a_run_that_has_not_started_has_no_curves(tmp_path: Path) -> None:
    assert series_of(open_log(tmp_path / "events.jsonl")) == {}
    assert points_of([{"event": "step", "step": 3, "loss": 1.0}], 0) == {}


def test_long_curves_are_thinned_but_keep_their_ends_extremes_and_gaps() -> None:
    y: list[float | None] = list(np.sin(np.arange(20_000) / 500))
    y[7_000], y[9_000] = 5.0, None
    thin = downsampled({"step_loss": Points(list(np.arange(20_000) / 100), y)}, 500)["step_loss"]
    assert len(thin.x) <= 500
    assert (thin.x[0], thin.x[-1]) == (0.0, 199.99)
    assert 5.0 in thin.y
    assert thin.y[thin.x.index(90.0)] is None
    assert thin.x == sorted(thin.x)
    short = {"val_loss": Points([1.0, 2.0], [0.5, None])}
    assert downsampled(short, 500) == short


def test_the_csv_holds_every_point() -> None:
    text = as_csv({"a": {"train_loss": Points([1.0, 2.5], [0.25, None])}, "b": {}})
    assert text == "run,curve,epoch,value\na,train_loss,1,0.25\na,train_loss,2.5,\n"
