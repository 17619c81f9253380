"""The live path over real HTTP: what a browser gets while a run grows."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from dashboard.server import stream
from dashboard.server.watcher import Watcher
from segengine.run.events import EventLog
from segengine.run.rundir import RunDir
from tests.browser.conftest import free_port
from tests.event_stream import Reader
from tests.made_runs import alive, config_for, make_run, started_fields, write_epoch

UNKNOWN = "20261121-142501-segformer_b0-scratch-3fa9"


@pytest.fixture
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"  # not there yet: following it makes it
    monkeypatch.setenv("SEGLAB_RUNS", str(folder))
    return folder


@pytest.fixture
def watcher(runs_dir: Path) -> Iterator[Watcher]:
    watcher = Watcher(runs_dir)
    watcher.start()
    yield watcher
    watcher.stop()


@pytest.fixture
def port(watcher: Watcher) -> Iterator[int]:
    """Of a server with the live routes."""
    number = free_port()
    app = Starlette(routes=stream.routes(watcher))
    server = uvicorn.Server(uvicorn.Config(app, port=number, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield number
    watcher.end_streams()
    server.should_exit = True
    thread.join(timeout=10)
    assert not thread.is_alive(), "an open stream kept the server from stopping"


@pytest.fixture
def listen(port: int) -> Iterator[Callable[..., Reader]]:
    """Opens event streams; closes them afterwards."""
    with contextlib.ExitStack() as stack:

        def opened(*runs: RunDir, offsets: str = "", **headers: str) -> Reader:
            ids = ",".join(run.id for run in runs)
            reader = Reader(port, f"/api/events?runs={ids}&offsets={offsets}", **headers)
            stack.callback(reader.close)
            return reader

        yield opened


def step(log: EventLog, number: int, loss: float = 0.5) -> None:
    log.write("step", epoch=1, step=number, loss=loss, lr=1e-3, images_per_second=9.0)


def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    reply = connection.getresponse()
    status, text = reply.status, reply.read().decode()
    connection.close()
    return status, text


def test_everything_comes_first_and_then_only_what_is_new(
    runs_dir: Path, listen: Callable[..., Reader]
) -> None:
    run = alive(make_run(runs_dir, epochs_done=2, end=None))
    reader = listen(run)
    first = reader.next()[run.id]
    assert first["reset"]
    assert first["series"]["val_loss"]["x"] == [1.0, 2.0]
    assert first["status"]["state"] == "running"
    assert first["status"]["epoch"] == "2/6"
    with EventLog(run.events_file) as log:
        step(log, 11, 0.25)
        second = reader.next()[run.id]
    assert not second["reset"]
    assert second["series"] == {"step_loss": {"x": [2.2], "y": [0.25]}}
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
        assert news["series"] == {"step_loss": {"x": [1.2, 1.4], "y": [0.6, 0.7]}}
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
        file.write(b'ss":0.7,"lr":0.001}\n{"v":1,"se')
    assert reader.next()[run.id]["series"] == {"step_loss": {"x": [1.4], "y": [0.7]}}
    assert int(reader.last_id) == run.events_file.stat().st_size - len(b'{"v":1,"se')


def test_a_resumed_run_replaces_the_epochs_it_does_again(
    runs_dir: Path, listen: Callable[..., Reader]
) -> None:
    run = alive(make_run(runs_dir, epochs_done=3, end=None))
    reader = listen(run)
    assert reader.next()[run.id]["series"]["val_loss"]["x"] == [1.0, 2.0, 3.0]
    with EventLog(run.events_file) as log:
        again = {"start_epoch": 3, "start_step": 10}
        log.write("run_started", **started_fields(config_for(), [], **again))
        news = reader.next()[run.id]
        assert news["reset"]
        assert news["series"]["val_loss"]["x"] == [1.0, 2.0]
        write_epoch(log, 3)
    seen: list[float] = []
    while not seen:
        news = reader.next()[run.id]
        seen = news["series"].get("val_loss", {}).get("x", [])
    assert (news["reset"], seen) == (False, [3.0])


def test_a_run_made_after_the_stream_began_to_wait_shows_its_first_step(
    runs_dir: Path, listen: Callable[..., Reader]
) -> None:
    run = alive(RunDir.create(runs_dir, config_for()))
    reader = listen(run)
    first = reader.next()[run.id]
    assert (first["series"], first["status"]["state"]) == ({}, "queued")
    with EventLog(run.events_file) as log:
        log.write("run_started", **started_fields(config_for(), []))
        step(log, 1, 1.5)
    series: dict[str, Any] = {}
    while not series:
        news = reader.next()[run.id]
        series = news["series"]
    assert series == {"step_loss": {"x": [0.2], "y": [1.5]}}
    assert news["status"]["state"] == "running"


def test_a_killed_trainer_shows_as_crashed_though_no_file_changes(
    runs_dir: Path, listen: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = alive(make_run(runs_dir, epochs_done=1, end=None))
    reader = listen(run)
    assert reader.next()[run.id]["status"]["state"] == "running"
    monkeypatch.setattr("segengine.launchers.is_alive", lambda job: False)
    news = reader.next()[run.id]
    assert (news["status"]["state"], news["series"]) == ("crashed", {})


def test_too_many_steps_are_thinned_out_by_a_new_picture(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_POINTS", 3)
    run = alive(make_run(runs_dir, epochs_done=1, end=None))
    feed = stream.Feed(run)
    assert (feed.news() or {})["reset"]
    pictures = []
    with EventLog(run.events_file) as log:
        for number in range(6, 11):
            step(log, number)
            pictures.append((feed.news() or {})["reset"])
    assert pictures == [False, False, False, True, False]
    assert feed.news() is None


@pytest.mark.parametrize("run_id", ["../secret", "..%2F..%2Fetc", "a/b", UNKNOWN, "x" * 300, "%00"])
def test_ids_that_are_no_runs_are_refused_with_a_sentence(port: int, run_id: str) -> None:
    status, text = get(port, f"/api/events?runs={run_id}")
    assert status == 404
    assert "run" in json.loads(text)["error"]


@pytest.mark.parametrize("query", ["", "?runs=", "?runs=,,", f"?runs={UNKNOWN}&offsets=1,2"])
def test_a_question_that_makes_no_sense_is_refused(port: int, query: str) -> None:
    assert get(port, f"/api/events{query}")[0] in (400, 404)


def test_bad_offsets_are_refused(port: int, runs_dir: Path) -> None:
    run = make_run(runs_dir, epochs_done=1)
    for offsets in ("1,2", "abc", "1.5"):
        assert get(port, f"/api/events?runs={run.id}&offsets={offsets}")[0] == 400


@pytest.mark.parametrize("path", ["/api/events", "/api/series.csv", "/api/plotly.min.js"])
def test_other_sites_cannot_reach_the_routes(port: int, runs_dir: Path, path: str) -> None:
    run = make_run(runs_dir, epochs_done=1)
    where = f"{path}?runs={run.id}"
    assert get(port, where, Host="evil.example")[0] == 403
    assert get(port, where, Host="127.0.0.1.evil.example")[0] == 403
    assert get(port, where, Origin="http://evil.example")[0] == 403
    assert get(port, where, Origin=f"http://127.0.0.1:{port + 1}")[0] == 403


def test_the_routes_only_answer_to_reading(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/api/events?runs=a")
    assert connection.getresponse().status == 405
    connection.close()


def test_plotly_comes_from_the_installed_package_and_is_kept_by_the_browser(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/api/plotly.min.js")
    reply = connection.getresponse()
    assert b"plotly.js" in reply.read()[:200]
    assert "immutable" in (reply.getheader("cache-control") or "")
    connection.close()


def test_the_curves_can_be_downloaded_as_a_table(port: int, runs_dir: Path) -> None:
    run = make_run(runs_dir, epochs_done=2)
    status, text = get(port, f"/api/series.csv?runs={run.id}")
    lines = text.splitlines()
    assert (status, lines[0]) == (200, "run,curve,epoch,value")
    assert len(lines) == 1 + 10 + 4 * 2  # 10 steps, 4 curves of 2 epochs


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
