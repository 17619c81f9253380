"""What a log says, folded: each epoch and step once, also in a run that was resumed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from segengine.results.runlog import RunLog, open_log
from segengine.run.event_log import EventLog


def started(log: EventLog, epoch: int = 1, step: int = 0) -> None:
    """A `run_started` of a new run, or of one that is resumed."""
    log.write(
        {
            "event": "run_started",
            "epochs": 4,
            "steps_per_epoch": 2,
            "start_epoch": epoch,
            "start_step": step,
        }
    )


def epoch(log: EventLog, number: int, miou: float | None, **more: Any) -> None:
    """The two steps and the record of an epoch; without mIoU it was not validated."""
    for step in (2 * number - 1, 2 * number):
        log.write({"event": "step", "epoch": number, "step": step, "loss": 1.0, **more})
    log.write(
        {"event": "epoch", "epoch": number, "val": None if miou is None else {"miou": miou}, **more}
    )


def steps_of(log: RunLog) -> list[int]:
    return [event["step"] for event in log.steps]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_an_absent_log_says_nothing(path: Path) -> None:
    log = open_log(path)
    assert (log.started, log.end, log.progress, log.epochs, log.last_time) == (
        *(None, None, None, {}),
        0.0,
    )
    assert log.best() is None and log.validated() == []


def test_the_best_validation_is_the_first_of_the_highest(path: Path) -> None:
    with EventLog(path) as writer:
        started(writer)
        for number, miou in enumerate([0.3, 0.5, None, 0.5], start=1):
            epoch(writer, number, miou)
    log = open_log(path)
    assert [epoch.epoch for epoch in log.validated()] == [1, 2, 4]
    assert log.best().epoch == 2


def test_a_refresh_folds_in_only_what_is_new(path: Path) -> None:
    log = RunLog(path)
    with EventLog(path) as writer:
        started(writer)
        assert [event["event"] for event in log.refresh()] == ["run_started"]
        epoch(writer, 1, 0.5)
        assert [event["event"] for event in log.refresh()] == ["step", "step", "epoch"]
        assert log.refresh() == []
    assert steps_of(log) == [1, 2]
    assert log.offset == path.stat().st_size


def test_progress_is_over_with_the_next_other_event(path: Path) -> None:
    log = RunLog(path)
    with EventLog(path) as writer:
        writer.write({"event": "progress", "phase": "Reading images", "done": 3, "total": 8})
        log.refresh()
        assert log.progress["done"] == 3
        started(writer)
        log.refresh()
        assert log.progress is None


@pytest.mark.parametrize("end", ["run_finished", "run_stopped", "run_failed"])
def test_an_end_lasts_until_the_run_is_resumed(path: Path, end: str) -> None:
    log = RunLog(path)
    with EventLog(path) as writer:
        started(writer)
        writer.write({"event": end})
        log.refresh()
        assert log.end["event"] == end
        writer.write({"event": "progress", "phase": "Reading images", "done": 0, "total": 8})
        log.refresh()
        assert log.end is None


def test_a_resumed_run_repeats_what_came_after_its_checkpoint(path: Path) -> None:
    """Killed in step 5, with a checkpoint of step 3, the first of epoch 2."""
    with EventLog(path) as writer:
        started(writer)
        epoch(writer, 1, 0.3, session=1)
        epoch(writer, 2, 0.9, session=1)
        writer.write({"event": "masks", "epoch": 1, "folder": "masks/epoch-0001"})
        writer.write({"event": "masks", "epoch": 2, "folder": "masks/epoch-0002"})
        writer.write({"event": "step", "epoch": 3, "step": 5, "loss": 1.0, "session": 1})
        started(writer, epoch=2, step=3)
    log = open_log(path)
    assert list(log.epochs) == [1]
    assert steps_of(log) == [1, 2, 3]
    assert list(log.masks) == [1]
    assert log.best().epoch == 1
    assert log.started["start_step"] == 3

    with EventLog(path) as writer:
        writer.write({"event": "step", "epoch": 2, "step": 4, "loss": 1.0, "session": 2})
        writer.write({"event": "epoch", "epoch": 2, "val": {"miou": 0.4}, "session": 2})
    log.refresh()
    assert log.epochs[2]["session"] == 2
    assert steps_of(log) == [1, 2, 3, 4]
    assert log.best().scores["miou"] == 0.4


def test_a_run_that_begins_anew_forgets_everything_before(path: Path) -> None:
    with EventLog(path) as writer:
        started(writer)
        epoch(writer, 1, 0.3)
        started(writer)
    log = open_log(path)
    assert (log.epochs, log.steps, log.masks) == ({}, [], {})


def test_a_log_that_was_away_for_a_moment_counts_once(path: Path) -> None:
    """As on a network disk that drops out."""
    with EventLog(path) as writer:
        started(writer)
        epoch(writer, 1, 0.3)
    log = open_log(path)
    os.rename(path, path.with_suffix(".away"))
    assert log.refresh() == []
    os.rename(path.with_suffix(".away"), path)
    log.refresh()
    assert (list(log.epochs), steps_of(log)) == ([1], [1, 2])


def test_reading_in_any_pieces_gives_the_same_as_reading_whole(path: Path, tmp_path: Path) -> None:
    with EventLog(path) as writer:
        started(writer)
        epoch(writer, 1, 0.3)
        epoch(writer, 2, 0.2)
        started(writer, epoch=2, step=2)
        epoch(writer, 2, 0.4)
        writer.write({"event": "run_finished"})
    whole, content = open_log(path), path.read_bytes()
    slow = RunLog(tmp_path / "slow.jsonl")
    for size in range(0, len(content) + 11, 11):
        slow.path.write_bytes(content[:size])
        slow.refresh()
    for name in ("started", "epochs", "steps", "masks", "end", "last_time", "offset"):
        assert getattr(slow, name) == getattr(whole, name), name
