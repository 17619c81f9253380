"""The watcher follows the runs that are looked at, by notices of the system or by polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from watchdog.observers.api import BaseObserver

from dashboard.server import watcher as watching
from dashboard.server.watcher import Watcher
from segengine.run.rundir import RunDir
from segengine.run.stopping import request_stop
from tests.made_runs import make_run

Result = TypeVar("Result")

LONG = 10.0  # seconds to wait for a notice
SILENCE = 0.5  # seconds to wait for one that is not to come


@pytest.fixture(params=["notices", "polling", "no watch left"])
def started(
    request: pytest.FixtureRequest, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watcher]:
    """A watcher at work, in each of the ways in which it may have to work."""
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.05)
    if request.param == "polling":
        monkeypatch.setenv("SEGLAB_POLL", "1")
    if request.param == "no watch left":
        monkeypatch.setattr(watching, "Observer", _observer_without_watches)
    watcher = Watcher(runs_dir)
    watcher.start()
    yield watcher
    watcher.stop()


def _observer_without_watches() -> BaseObserver:
    """An observer to whom the system gives no watch any more."""
    observer = watching._polling_observer()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    observer.schedule = refuse  # type: ignore[assignment]
    return observer


def completed(work: Coroutine[Any, Any, Result]) -> Result:
    """What the work returns. The browser tests leave a loop at work in the main thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def changes_after(
    watcher: Watcher, run: RunDir, action: Callable[[], object], wait: float = LONG
) -> set[str]:
    """The runs that a stream which looks at this run is told of, once the action is done."""

    async def follow() -> set[str]:
        with watcher.subscribed([run.id]) as subscription:
            await asyncio.to_thread(action)
            return await subscription.changed(wait)

    return completed(follow())


def append(path: Path) -> None:
    with open(path, "ab", buffering=0) as file:
        file.write(b"x")


def test_a_run_that_grows_or_is_asked_to_stop_wakes_its_stream(started: Watcher) -> None:
    run = make_run(started.folder, epochs_done=1, end=None)
    assert changes_after(started, run, lambda: append(run.events_file)) == {run.id}
    assert changes_after(started, run, lambda: request_stop(run)) == {run.id}
    assert changes_after(started, run, run.events_file.unlink) == {run.id}


def test_what_changes_no_curve_wakes_nobody(started: Watcher) -> None:
    run = make_run(started.folder, epochs_done=1)
    other = make_run(started.folder, epochs_done=1)

    def look_and_write_elsewhere() -> None:
        run.events_file.read_bytes()
        run.config()
        for folder in (run.masks(1), run.best_checkpoint.parent, run.predictions):
            folder.mkdir(parents=True, exist_ok=True)
            append(folder / "events.jsonl")
        append(run.output_file)
        append(other.events_file)

    assert changes_after(started, run, look_and_write_elsewhere, SILENCE) == set()


def test_a_run_folder_that_is_a_link_is_followed(started: Watcher, tmp_path: Path) -> None:
    run = make_run(tmp_path / "elsewhere", epochs_done=1)
    (started.folder / run.id).symlink_to(run.path)
    assert changes_after(started, run, lambda: append(run.events_file)) == {run.id}


def test_only_runs_that_are_looked_at_are_watched(started: Watcher) -> None:
    runs = [make_run(started.folder, epochs_done=1) for _ in range(3)]

    async def look() -> None:
        assert not started._watches
        with started.subscribed([runs[0].id, runs[1].id]):
            with started.subscribed([runs[0].id]):
                assert started._watches.keys() == {runs[0].id, runs[1].id}
            assert started._watches.keys() == {runs[0].id, runs[1].id}
        assert not started._watches

    completed(look())


def test_a_run_that_is_deleted_while_it_is_looked_at_does_no_harm(started: Watcher) -> None:
    run = make_run(started.folder, epochs_done=0, end=None)

    def delete() -> None:
        for path in run.path.iterdir():
            path.unlink()
        run.path.rmdir()

    changes_after(started, run, delete, SILENCE)
    changes_after(started, run, lambda: None, SILENCE)  # looked at again, though it is gone
    other = make_run(started.folder, epochs_done=1)
    assert changes_after(started, other, lambda: append(other.events_file)) == {other.id}


def test_a_runs_folder_that_cannot_be_made_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    watcher = Watcher(tmp_path / "file" / "runs")
    watcher.start()  # no traceback: the pages say what is wrong
    watcher.stop()
