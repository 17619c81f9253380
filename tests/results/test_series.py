"""Curves: what is drawn for what the log says, checked by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from segengine.results.runlog import RunLog, open_log
from segengine.results.series import Series, as_csv, points_of, series_of, thinned
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
    assert series.steps["epoch"] == [0.25, 1.0, 1.5]
    assert series.steps["loss"] == [1.2, 0.9, 0.8]
    assert series.epochs["epoch"] == [1.0, 2.0]
    assert series.epochs["train_loss"] == [1.0, 0.7]
    assert series.epochs["val_loss"] == [1.1, 0.75]
    assert series.epochs["val_miou"] == [0.25, 0.5]
    assert series.epochs["train_miou"] == [0.5, 0.5]


def test_every_logged_number_has_a_curve(log: EventLog) -> None:
    step(log, 1, 1.0)
    record = made_events.record(0.5)
    classes = {"iou": [0.1, None, 0.3], "boundary_iou": 0.2, "boundary_iou_per_class": [0.1] * 3}
    log.write(made_events.epoch(1, train=record, val={**record, **classes}, lr=0.002, seconds=7.0))
    series = series_of(open_log(log.path))
    assert series.steps.keys() == {"epoch", "seconds", "loss", "lr", "images_per_second"}
    assert (series.steps["lr"], series.steps["images_per_second"]) == ([0.001], [50.0])
    scores = ("loss", "miou", "dice", "precision", "recall", "accuracy", "iou_0", "iou_1", "iou_2")
    val_only = {f"val_boundary_iou{end}" for end in ("", "_0", "_1", "_2")}
    both = {f"{split}_{score}" for split in ("train", "val") for score in scores}
    assert series.epochs.keys() == {"epoch", "seconds", "lr", "epoch_seconds", *both, *val_only}
    assert [series.epochs[f"val_iou_{label}"] for label in range(3)] == [[0.1], [None], [0.3]]
    assert (series.epochs["lr"], series.epochs["epoch_seconds"]) == ([0.002], [7.0])


def test_an_epoch_without_validation_has_no_validation_scores(log: EventLog) -> None:
    epoch(log, 1, 1.0, None)
    epoch(log, 2, 0.9, {"loss": 0.8, "miou": 0.4})
    series = series_of(open_log(log.path))
    assert series.epochs["epoch"] == [1.0, 2.0]
    assert series.epochs["val_loss"] == [None, 0.8]


def test_a_loss_that_is_not_finite_leaves_a_gap(log: EventLog) -> None:
    step(log, 1, 1.0)
    step(log, 2, math.nan)
    epoch(log, 1, math.inf, {"loss": math.nan, "miou": 0.1})
    series = series_of(open_log(log.path))
    assert series.steps["loss"] == [1.0, None]
    assert series.epochs["train_loss"] == series.epochs["val_loss"] == [None]
    assert series.epochs["val_miou"] == [0.1]


def test_a_resumed_run_shows_every_epoch_and_step_once(log: EventLog) -> None:
    for number in (1, 2, 3):
        step(log, 4 * number, 1.0 / number)
        epoch(log, number, 1.0 / number, {"loss": 1.0, "miou": 0.1 * number})
    log.write(made_events.started(epoch=3, step=8, steps_per_epoch=4))
    step(log, 12, 0.31)
    assert series_of(open_log(log.path)).epochs["epoch"] == [1.0, 2.0]
    epoch(log, 3, 0.3, {"loss": 0.9, "miou": 0.35})
    series = series_of(open_log(log.path))
    assert series.steps["epoch"] == [1.0, 2.0, 3.0]
    assert series.steps["loss"] == [1.0, 0.5, 0.31]
    assert series.epochs["train_loss"] == [1.0, 0.5, 0.3]
    assert series.epochs["val_miou"] == pytest.approx([0.1, 0.2, 0.35])


def test_the_time_of_training_leaves_out_the_pause_between_two_sessions() -> None:
    log = RunLog(Path("events.jsonl"))
    begin = made_events.started(steps_per_epoch=2)
    again = made_events.started(epoch=2, step=2, steps_per_epoch=2)
    events = [
        {**begin, "time": 100.0},
        {**made_events.step(1), "time": 110.0},
        {**made_events.step(2), "time": 120.0},
        {**made_events.epoch(1, 0.5), "time": 125.0},
        {**made_events.step(3), "time": 140.0},  # is done again
        {**again, "time": 5000.0},
        {**made_events.step(3), "time": 5007.0},
        {**made_events.step(4), "time": 5010.0},
    ]
    for event in events:
        log._fold(event)  # type: ignore[arg-type]
    assert series_of(log).steps["seconds"] == [10.0, 20.0, 32.0, 35.0]
    assert series_of(log).epochs["seconds"] == [25.0]
    assert [(session.before, session.step) for session in log.sessions] == [(0.0, 0), (25.0, 2)]


def test_a_run_that_has_not_started_has_no_curves(tmp_path: Path) -> None:
    log = open_log(tmp_path / "events.jsonl")
    assert not series_of(log)
    assert not points_of([{"event": "step", "step": 3, "loss": 1.0}], log)  # type: ignore[list-item]


def test_long_curves_are_thinned_but_keep_their_ends_extremes_and_gaps() -> None:
    steps: list[Any] = [
        made_events.step(row, loss=math.sin(row / 500), images_per_second=50.0)
        for row in range(20_000)
    ]
    steps[7_000]["loss"], steps[9_000]["loss"] = 5.0, None
    steps[4_321]["images_per_second"] = 3.0
    thin = thinned(steps, 500)
    numbers = [event["step"] for event in thin]
    assert 400 < len(thin) <= 500
    assert (numbers[0], numbers[-1]) == (0, 19_999)
    assert {7_000, 9_000, 4_321} <= set(numbers)
    assert numbers == sorted(numbers)
    assert thinned(steps[:9], 500) == steps[:9]


def test_a_thinned_run_keeps_all_its_epochs(log: EventLog) -> None:
    for number in range(1, 101):
        step(log, number, 1 / number)
    epoch(log, 1, 1.0, None)
    whole, thin = series_of(open_log(log.path)), series_of(open_log(log.path), 20)
    assert len(whole.steps["epoch"]) == 100
    assert 10 < len(thin.steps["epoch"]) <= 20
    assert thin.epochs == whole.epochs


def test_the_csv_holds_every_point() -> None:
    table = {"epoch": [1.0, 2.0], "seconds": [3.0, 6.5]}
    epochs = {**table, "train_loss": [0.25, None], "val_loss": [None, 0.5]}
    text = as_csv({"a": Series(steps={**table, "lr": [0.1, 0.2]}, epochs=epochs), "b": Series()})
    assert text.splitlines() == [
        "run,curve,epoch,seconds,value",
        "a,step_lr,1,3,0.1",
        "a,step_lr,2,6.5,0.2",
        "a,train_loss,1,3,0.25",
        "a,train_loss,2,6.5,",
        "a,val_loss,2,6.5,0.5",
    ]
