"""What the server does beside its pages: it holds its runs folder, and follows it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from dashboard.server import folder_lock
from dashboard.server import watcher as watching
from tests.made_runs import make_run


@pytest.fixture
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"  # not there yet
    monkeypatch.setenv("SEGLAB_RUNS", str(folder))
    return folder


def test_only_one_dashboard_serves_a_runs_folder(runs_dir: Path) -> None:
    assert folder_lock.problem() is None
    other = folder_lock.FileLock(runs_dir / ".dashboard.lock", thread_local=False)
    with pytest.raises(folder_lock.Timeout):
        other.acquire(timeout=0)
    assert json.loads((runs_dir / ".dashboard.json").read_text())["pid"] == os.getpid()
    folder_lock.release()
    with other.acquire(timeout=0):
        (runs_dir / ".dashboard.json").write_text('{"pid": 77, "url": "http://127.0.0.1:8501"}')
        sentence = folder_lock.problem() or ""
        assert "http://127.0.0.1:8501 (process 77)" in sentence
        assert "SEGLAB_RUNS" in sentence
    assert folder_lock.problem() is None
    folder_lock.release()


def test_a_runs_folder_that_cannot_be_made_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEGLAB_RUNS", str(tmp_path / "file" / "runs"))
    assert "cannot be saved" in (folder_lock.problem() or "")
    watcher = watching.Watcher(tmp_path / "file" / "runs")
    watcher.start()  # no traceback at the start of the server either
    watcher.stop()


def test_polling_sees_a_new_run_and_its_growth(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGLAB_POLL", "1")
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.05)
    watcher = watching.Watcher(runs_dir)
    seen: list[str] = []
    monkeypatch.setattr(watcher, "_see", lambda path: seen.append(os.fsdecode(path)))
    watcher.start()
    run = make_run(runs_dir, epochs_done=1)
    (run.masks(1)).mkdir(parents=True)
    (run.masks(1) / "a.png").touch()
    deadline = time.monotonic() + 5
    while str(run.events_file) not in seen and time.monotonic() < deadline:
        time.sleep(0.02)
    watcher.stop()
    assert str(run.events_file) in seen
    assert not any(path.endswith(".png") for path in seen)
