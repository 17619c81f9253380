"""A real sweep of tiny runs: its coordinator is killed, its run is stopped, and it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from segengine.cli import main as cli
from segengine.results.status import read_status as read_run_status
from segengine.run.rundir import RunDir
from segengine.studies.control import start_sweep
from segengine.studies.plan import plan_sweep
from segengine.studies.state import read_status
from segengine.studies.sweepdir import SweepDir
from tests import tiny
from tests.launchers.waiting import kinds, until


def run_of(sweep: SweepDir, index: int) -> RunDir:
    """The run of a combination, as soon as it trains."""
    until(lambda: len(sweep.record().runs) > index and sweep.record().runs[index].started)
    run = RunDir(sweep.runs_dir / sweep.record().runs[index].run)
    until(lambda: "epoch" in kinds(run))
    return run


def test_a_sweep_is_killed_continued_stopped_and_worked_off_without_a_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    base = tiny.config(tiny.write_pets(tmp_path / "pets"), epochs=40, val_every=20)
    runs_dir = tmp_path / "läufe 'x'"
    sweep = start_sweep(plan_sweep(base, {"lr": ["1e-3", "5e-4"]}), runs_dir)
    first = run_of(sweep, 0)
    assert read_status(sweep).state == "running"
    coordinator = sweep.job()["pid"]
    assert coordinator != first.job()["pid"]

    os.kill(coordinator, signal.SIGKILL)
    until(lambda: read_status(sweep).state == "lost", 5)
    assert read_run_status(first).active  # it goes on by itself
    again = ["sweep-continue", sweep.id, "--runs-dir", str(runs_dir)]
    assert cli.main([*again, "--detach"]) == 0
    second = run_of(sweep, 1)
    assert read_run_status(first).state == "finished"
    assert kinds(first).count("run_started") == 1
    assert cli.main(again) == 2
    assert f"Sweep {sweep.id} is running already" in capfd.readouterr().err

    assert cli.main(["sweep-stop", sweep.id, "--runs-dir", str(runs_dir)]) == 0
    assert f"{sweep.id}: stopped. 1 of 2 runs ended: 1 finished." in capfd.readouterr().out
    assert read_run_status(second).state == "stopped"

    words = [sys.executable, "-m", "segengine", *again]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{sweep.id}: finished. 2 of 2 runs ended: 2 finished." in done.stdout
    assert kinds(second).count("run_started") == 2
    assert {run.id for run in RunDir.all(runs_dir)} == {first.id, second.id}
    assert read_status(sweep).state == "finished"
