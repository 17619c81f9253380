"""Real trainers: what a run that is started, stopped, killed and resumed leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from segengine import launchers
from segengine.cli import main as cli
from segengine.config import RunConfig
from segengine.results.status import read_status
from segengine.run.event_log import read_events
from segengine.run.rundir import RunDir
from tests.launchers.waiting import STATES_AT_WORK, kinds, until
from tests.tiny import write_pets

PROJECT = Path(__file__).resolve().parents[2]

# Starts a run as the dashboard does, says its id, and would live on.
_A_DASHBOARD = """
import sys, time
from pathlib import Path
from segengine.config import RunConfig
from segengine.launchers.start import start_run
run = start_run(RunConfig.load(Path(sys.argv[1])), Path(sys.argv[2]))
print(run.id, flush=True)
time.sleep(600)
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """A run on a few random pictures that lasts some seconds, in a folder with a hostile name."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    root = tmp_path / "Bilder von 'Mia' & \"Tom\" äöü"
    write_pets(root, train=8, val=4)
    values = {"root": str(root), "image_size": "32", "batch_size": 4, "workers": 1}
    values["val_split"] = "official"
    limits = {"train_limit": 8, "val_limit": 4, "val_every": 1000, "device": "cpu"}
    return RunConfig.from_flat({**values, **limits, "epochs": 40})


def start(config: RunConfig, runs_dir: Path) -> RunDir:
    run = RunDir.create(runs_dir, config)
    launchers.submit(run)
    return run


def torch_is_being_imported(run: RunDir) -> bool:
    return "libtorch_cpu" in Path(f"/proc/{run.job()['pid']}/maps").read_text()


def test_a_run_outlives_its_dashboard_and_shows_as_crashed_when_killed(
    config: RunConfig, tmp_path: Path
) -> None:
    runs_dir = tmp_path / "läufe 'x'"
    file = tmp_path / "config.json"
    file.write_text(config.with_values(epochs=100_000).to_json())
    words = [sys.executable, "-c", _A_DASHBOARD, str(file), str(runs_dir)]
    dashboard = subprocess.Popen(words, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    run = RunDir.open(runs_dir, dashboard.stdout.readline().strip())
    until(lambda: read_status(run).state in STATES_AT_WORK)
    dashboard.kill()
    dashboard.wait()
    until(lambda: "epoch" in kinds(run))
    assert read_status(run).state == "running"

    os.kill(run.job()["pid"], signal.SIGKILL)
    status = until(lambda: (now := read_status(run)).state == "crashed" and now, 3)
    assert "8 training and 4 validation images" in status.message
    assert 0 < status.progress < 1
    assert not {"run_finished", "run_stopped", "run_failed"} & set(kinds(run))


def test_a_run_is_stopped_and_resumed_to_its_end(
    config: RunConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = start(config, tmp_path / "runs")
    until(lambda: "epoch" in kinds(run))
    job = run.job()
    again = [sys.executable, "-m", "segengine", "resume", run.id, "--runs-dir", run.path.parent]
    refused = subprocess.run(again, cwd=PROJECT, capture_output=True, text=True)
    assert refused.returncode == 2
    assert f"{run.id} is already running" in refused.stderr
    assert run.job() == job

    asked = time.monotonic()
    assert cli.main(["stop", run.id, "--runs-dir", str(run.path.parent)]) == 0
    assert time.monotonic() - asked < 10  # the promise of the command, not a measure of speed
    assert f"{run.id}: stopped" in capfd.readouterr().out
    status = read_status(run)
    assert (status.state, status.message) == ("stopped", "Stopped on request.")
    assert kinds(run)[-2:] == ["checkpoint", "run_stopped"]
    assert run.last_checkpoint.is_file()

    launchers.submit(run)
    assert read_status(run).state in STATES_AT_WORK
    until(lambda: not read_status(run).active)
    status = read_status(run)
    assert (status.state, status.epoch, status.progress) == ("finished", 40, 1.0)
    events = read_events(run.events_file)[0]
    starts = [event for event in events if event["event"] == "run_started"]
    first, second = [event["start_step"] for event in starts]
    assert first == 0 and 2 <= second < 80
    epochs = [event["epoch"] for event in events if event["event"] == "epoch"]
    assert epochs == list(range(1, 41))
    assert [event["seq"] for event in events] == list(range(len(events)))


def test_a_run_that_is_stopped_while_torch_is_imported_says_so(
    config: RunConfig, tmp_path: Path
) -> None:
    run = start(config, tmp_path / "runs")
    until(lambda: torch_is_being_imported(run))
    launchers.cancel(run)
    until(lambda: not read_status(run).active, 20)
    assert read_status(run).state == "stopped"
    assert kinds(run)[-1] == "run_stopped"


def test_a_run_that_is_stopped_at_birth_is_stopped(config: RunConfig, tmp_path: Path) -> None:
    run = start(config, tmp_path / "runs")
    launchers.cancel(run)
    until(lambda: not read_status(run).active, 20)
    assert read_status(run).state == "stopped"
