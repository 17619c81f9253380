"""The live path over real HTTP: what a browser gets while a run grows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.server import stream
from dashboard.server.watcher import Watcher
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from tests.event_stream import Reader
from tests.made_runs import alive, config_for, make_run, started_fields, write_epoch


def step(log: EventLog, number: int, loss: float = 0.5) -> None:
    log.write(
        {
            "event": "step",
            "epoch": 1,
            "step": number,
            "loss": loss,
            "lr": 0.001,
            "images_per_second": 9.0,
        }
    )


def points(news: dict[str, Any]) -> tuple[list[float], list[float | None]]:
    """The steps' losses in a message: (epochs done, losses)."""
    return news["steps"]["epoch"], news["steps"]["loss"]


def test_everything_comes_first_and_then_only_what_is_new(
    runs_dir: Path, listen: Callable[..., Reader]
) -> None:
    run = alive(make_run(runs_dir, epochs_done=2, end=None))
    reader = listen(run)
    first = reader.next()[run.id]
    assert first["reset"]
    assert first["epochs"]["epoch"] == [1.0, 2.0]
    assert first["status"]["state"] == "running"
    assert first["status"]["epoch"] == "2 of 6"
    with EventLog(run.events_file) as log:
        step(log, 11, 0.25)
        second = reader.next()[run.id]
    assert not second["reset"]
    assert points(second) == ([2.2], [0.25])
    assert reader.last_id == str(run.events_file.stat().st_size)


def test_a_browser_that_comes_back_misses_and_repeats_nothing(
    runs_dir: Path, listen: Callable[..., Reader]
) -> None:
    still = make_run(runs_dir, epochs_done=1, seed=1)
    run = alive(make_run(runs_dir, epochs_done=1, end=None))
    reader = listen(run, still)
    reader.next()
    reached = reader.last_id
    reader.close()
    with EventLog(run.events_file) as log:
        step(log, 6, 0.6)
        step(log, 7, 0.7)
    for again in (
        listen(run, still, **{"Last-Event-ID": reached}),
        listen(run, still, offsets=reached),
    ):
        news = again.next()[run.id]
        assert points(news) == ([1.2, 1.4], [0.6, 0.7])
        assert not news["reset"]


def test_a_line_still_being_written_is_sent_once_it_is_whole(
    runs_dir: Path, listen: Callable[..., Reader]
) -> None:
    run = alive(make_run(runs_dir, epochs_done=1, end=None))
    reader = listen(run)
    reader.next()
    with EventLog(run.events_file) as log:
        step(log, 6, 0.6)
    reader.next()
    torn = b'{"v":1,"seq":99,"time":1,"event":"step","epoch":2,"step":7,"lo'
    with open(run.events_file, "ab", buffering=0) as file:
        file.write(torn)
        time.sleep(0.3)
        file.write(b'ss":0.7,"lr":0.001,"images_per_second":9.0}\n{"v":1,"se')
    assert points(reader.next()[run.id]) == ([1.4], [0.7])
    assert int(reader.last_id) == run.events_file.stat().st_size - len(b'{"v":1,"se')


def test_a_resumed_run_replaces_the_epochs_it_does_again(
    runs_dir: Path, listen: Callable[..., Reader]
) -> None:
    run = alive(make_run(runs_dir, epochs_done=3, end=None))
    reader = listen(run)
    assert reader.next()[run.id]["epochs"]["epoch"] == [1.0, 2.0, 3.0]
    with EventLog(run.events_file) as log:
        again = {"start_epoch": 3, "start_step": 10}
        log.write({"event": "run_started", **started_fields(config_for(), [], **again)})
        news = reader.next()[run.id]
        assert news["reset"]
        assert news["epochs"]["epoch"] == [1.0, 2.0]
        write_epoch(log, 3)
    seen: list[float] = []
    while not seen:
        news = reader.next()[run.id]
        seen = news["epochs"].get("epoch", [])
    assert (news["reset"], seen) == (None, [3.0])


def test_a_run_made_after_the_stream_began_to_wait_shows_its_first_step(
    runs_dir: Path, listen: Callable[..., Reader]
) -> None:
    run = alive(RunDir.create(runs_dir, config_for()))
    reader = listen(run)
    first = reader.next()[run.id]
    assert (first["steps"], first["status"]["state"]) == ({}, "starting")
    with EventLog(run.events_file) as log:
        log.write({"event": "run_started", **started_fields(config_for(), [])})
        step(log, 1, 1.5)
    news: dict[str, Any] = {"steps": {}}
    while not news["steps"]:
        news = reader.next()[run.id]
    assert points(news) == ([0.2], [1.5])
    assert news["status"]["state"] == "running"


def test_a_killed_trainer_shows_as_crashed_though_no_file_changes(
    runs_dir: Path, listen: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = alive(make_run(runs_dir, epochs_done=1, end=None))
    reader = listen(run)
    assert reader.next()[run.id]["status"]["state"] == "running"
    monkeypatch.setattr("segengine.launchers.state", lambda job: "gone")
    news = reader.next()[run.id]
    assert (news["status"]["state"], news["steps"]) == ("crashed", {})


def test_too_many_steps_are_thinned_out_by_a_new_picture(
    runs_dir: Path,
) -> None:
    run = alive(make_run(runs_dir, epochs_done=1, end=None))
    feed = stream.Feed(run, most=3)
    assert (feed.news() or {})["reset"]
    pictures = []
    with EventLog(run.events_file) as log:
        for number in range(6, 11):
            step(log, number)
            pictures.append(bool((feed.news() or {})["reset"]))
    assert pictures == [False, False, False, True, False]
    assert feed.news() is None


def test_a_reader_that_leaves_is_forgotten(
    runs_dir: Path, watcher: Watcher, listen: Callable[..., Reader]
) -> None:
    run = alive(make_run(runs_dir, epochs_done=1, end=None))
    reader = listen(run)
    reader.next()
    assert len(watcher._subscriptions) == 1
    reader.close()
    deadline = time.monotonic() + 5
    while watcher._subscriptions and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not watcher._subscriptions


def test_streams_end_when_the_server_stops(
    runs_dir: Path, watcher: Watcher, listen: Callable[..., Reader]
) -> None:
    reader = listen(make_run(runs_dir, epochs_done=1))
    reader.next()
    watcher.end_streams()
    assert reader.ends()


def test_a_silent_stream_gives_signs_of_life(
    runs_dir: Path, listen: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.1)
    reader = listen(make_run(runs_dir, epochs_done=1))
    reader.next()
    lines = [reader.reply.readline() for _ in range(4)]
    assert b": still here\n" in lines
