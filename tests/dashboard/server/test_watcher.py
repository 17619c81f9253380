"""The watcher follows its runs folder, by notices of the system or by polling."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dashboard.server import watcher as watching
from tests.made_runs import make_run


def test_a_runs_folder_that_cannot_be_made_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    watcher = watching.Watcher(tmp_path / "file" / "runs")
    watcher.start()  # no traceback: the pages say what is wrong
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
