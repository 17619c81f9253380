"""One dashboard per runs folder, and only on a folder that can be written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dashboard.server import folder_lock


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
