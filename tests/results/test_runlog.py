"""What a log says, folded: each epoch and step once, also in a run that was resumed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from segengine.results.runlog import RunLog, open_log
from segengine.run.event_log import EventLog
from tests import made_events


def write_epoch(log: EventLog, number: int, miou: float | None, **more: Any) -> None:
    """The two steps and the record of an epoch; without mIoU it was not validated."""
    for step in (2 * number - 1, 2 * number):
        log.write(made_events.step(step, number))
    log.write(made_events.epoch(number, miou, **more))


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
        writer.write(made_events.started())
        for number, miou in enumerate([0.3, 0.5, None, 0.5], start=1):
            write_epoch(writer, number, miou)
    log = open_log(path)
    assert [epoch.epoch for epoch in log.validated()] == [1, 2, 4]
    assert log.best().epoch == 2


def test_a_refresh_folds_in_only_what_is_new(path: Path) -> None:
    log = RunLog(path)
    with EventLog(path) as writer:
        writer.write(made_events.started())
        assert [event["event"] for event in log.refresh()] == ["run_started"]
        write_epoch(writer, 1, 0.5)
        assert [event["event"] for event in log.refresh()] == ["step", "step", "epoch"]
        assert log.refresh() == []
    assert steps_of(log) == [1, 2]
    assert log.offset == path.stat().st_size


def test_progress_is_over_with_the_next_other_event(path: Path) -> None:
    log = RunLog(path)
    with EventLog(path) as writer:
        writer.write(made_events.progress("Reading images", 3, 8))
        log.refresh()
        assert log.progress["done"] == 3
        writer.write(made_events.started())
        log.refresh()
        assert log.progress is None


@pytest.mark.parametrize("end", ["run_finished", "run_stopped", "run_failed"])
def test_an_end_lasts_until_the_run_is_resumed(path: Path, end: str) -> None:
    log = RunLog(path)
    with EventLog(path) as writer:
        writer.write(made_events.started())
        writer.write(made_events.ENDS[end]())
        log.refresh()
        assert log.end["event"] == end
        writer.write(made_events.progress("Reading images", 0, 8))
        log.refresh()
        assert log.end is None


def test_a_resumed_run_repeats_what_came_after_its_checkpoint(path: Path) -> None:
    """Killed in step 5, with a checkpoint of step 3, the first of epoch 2."""
    with EventLog(path) as writer:
        writer.write(made_events.started())
        write_epoch(writer, 1, 0.3)
        write_epoch(writer, 2, 0.9, lr=0.1)
        writer.write(made_events.masks(1))
        writer.write(made_events.masks(2))
        writer.write(made_events.step(5, 3))
        writer.write(made_events.started(epoch=2, step=3))
    log = open_log(path)
    assert list(log.epochs) == [1]
    assert steps_of(log) == [1, 2, 3]
    assert list(log.masks) == [1]
    assert log.best().epoch == 1
    assert log.started["start_step"] == 3

    with EventLog(path) as writer:
        writer.write(made_events.step(4, 2))
        writer.write(made_events.epoch(2, 0.4, lr=0.2))
    log.refresh()
    assert log.epochs[2]["lr"] == 0.2
    assert steps_of(log) == [1, 2, 3, 4]
    assert log.best().scores["miou"] == 0.4


def test_a_run_that_begins_anew_forgets_everything_before(path: Path) -> None:
    with EventLog(path) as writer:
        writer.write(made_events.started())
        write_epoch(writer, 1, 0.3)
        writer.write(made_events.started())
    log = open_log(path)
    assert (log.epochs, log.steps, log.masks) == ({}, [], {})


def test_a_log_that_was_away_for_a_moment_counts_once(path: Path) -> None:
    """As on a network disk that drops out."""
    with EventLog(path) as writer:
        writer.write(made_events.started())
        write_epoch(writer, 1, 0.3)
    log = open_log(path)
    os.rename(path, path.with_suffix(".away"))
    assert log.refresh() == []
    os.rename(path.with_suffix(".away"), path)
    log.refresh()
    assert (list(log.epochs), steps_of(log)) == ([1], [1, 2])


def test_reading_in_any_pieces_gives_the_same_as_reading_whole(path: Path, tmp_path: Path) -> None:
    with EventLog(path) as writer:
        writer.write(made_events.started())
        write_epoch(writer, 1, 0.3)
        write_epoch(writer, 2, 0.2)
        writer.write(made_events.started(epoch=2, step=2))
        write_epoch(writer, 2, 0.4)
        writer.write(made_events.finished())
    whole, content = open_log(path), path.read_bytes()
    slow = RunLog(tmp_path / "slow.jsonl")
    for size in range(0, len(content) + 11, 11):
        slow.path.write_bytes(content[:size])
        slow.refresh()
    for name in ("started", "epochs", "steps", "masks", "end", "last_time", "offset"):
        assert getattr(slow, name) == getattr(whole, name), name
