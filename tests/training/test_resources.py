"""What a run uses of its machine is in its log, and ends nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from segengine.results.runlog import MOST_USES, RunLog, open_log
from segengine.results.series import series_of
from segengine.run import logger
from segengine.training import resources
from segengine.training.resources import Meter
from tests import made_events, tiny


def test_a_run_tells_what_it_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger, "USE_INTERVAL", 0.0)
    run = tiny.train(tmp_path / "runs", tiny.config(tiny.write_pets(tmp_path / "pets"), epochs=2))
    log = open_log(run.events_file)
    assert log.end and log.damaged == 0
    _, last = log.uses[-1]
    assert 1e8 < last["memory_bytes"] < 1e11 and last["cpu_percent"] >= 0
    assert "gpu_percent" not in last
    uses = series_of(log).uses
    assert len(uses["cpu"]) == len(log.uses) and uses["epoch"][-1] == 2.0
    assert set(uses["gpu"]) == {None}


def test_work_of_the_process_and_of_its_children_is_measured() -> None:
    meter, started = Meter(), time.monotonic()
    begin = time.process_time()
    while time.process_time() - begin < 0.3:
        pass
    child = subprocess.Popen([sys.executable, "-c", "import time\nwhile True: pass"])
    try:
        time.sleep(0.7)
        worked = 0.3 + psutil.Process(child.pid).cpu_times().user
        use, passed = meter(), time.monotonic() - started
    finally:
        child.kill()
        child.wait()
    assert use["cpu_percent"] > 0.8 * 100 * worked / passed  # a busy machine gives them less
    assert meter()["cpu_percent"] < use["cpu_percent"] + 100


def test_a_machine_without_nvml_still_tells_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources.torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(resources, "pynvml", None)
    assert set(Meter()()) == {"cpu_percent", "memory_bytes"}


def test_use_between_two_words_of_progress_hides_neither(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "events.jsonl")
    use = {"event": "resources", "cpu_percent": 150.0, "memory_bytes": 2_000_000_000}
    for event in (
        {**made_events.started(), "time": 1.0},
        {**made_events.progress("Validating", 3, 9), "time": 2.0},
        {**use, "time": 3.0},
    ):
        log._fold(event)  # type: ignore[arg-type]
    assert log.progress and log.progress["done"] == 3
    log._fold({**made_events.finished(), "time": 4.0})  # type: ignore[arg-type]
    log._fold({**use, "time": 5.0})  # type: ignore[arg-type]
    assert log.end


def test_a_long_run_keeps_a_bounded_number(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "events.jsonl")
    log._fold({**made_events.started(), "time": 0.0})  # type: ignore[arg-type]
    for second in range(3 * MOST_USES):
        use = {"event": "resources", "cpu_percent": float(second), "memory_bytes": 1}
        log._fold({**use, "time": float(second)})  # type: ignore[arg-type]
    kept = [event["cpu_percent"] for _, event in log.uses]
    assert len(kept) <= MOST_USES and kept == sorted(kept)
    assert kept[-1] == 3 * MOST_USES - 1 and kept[0] < 10
