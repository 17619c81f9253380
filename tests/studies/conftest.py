"""What the tests of sweeps share: planned sweeps, and runs that end as a test says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segengine.config import RunConfig
from segengine.launchers import local
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from segengine.studies.plan import plan_sweep
from segengine.studies.sweepdir import SweepDir
from tests import made_events
from tests.launchers.conftest import no_process_is_left  # noqa: F401 - for every test here
from tests.made_runs import config_for

Curve = dict[int, float]  # epoch -> mIoU


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def sweep(runs_dir: Path) -> SweepDir:
    """Two learning rates with two seeds, of which nothing has run."""
    vary = {"lr": ["0.001", "0.0005"], "seed": ["0..1"]}
    return SweepDir.create(runs_dir, plan_sweep(config_for(), vary))


def write_log(run: RunDir, curve: Curve, end: str | None = "run_finished") -> None:
    """The log of a run with these validations that ended so (or goes on)."""
    with EventLog(run.events_file) as log:
        log.write(made_events.started(epochs=max(curve, default=4), val_every=1))
        for epoch, miou in curve.items():
            log.write(made_events.epoch(epoch, miou))
        if end == "run_finished":
            best = max(curve, key=lambda epoch: curve[epoch])
            log.write({"event": end, "best_epoch": best, "best_miou": curve[best], "seconds": 9.0})
        elif end == "run_stopped":
            log.write({"event": end, "reason": "Stopped on request."})
        elif end == "run_failed":
            log.write({"event": end, "error": "Loss became NaN.", "traceback": "..."})


def record_process(run: RunDir, *, alive: bool) -> None:
    """Make the run's job this process, or one that is gone."""
    handle = local.handle_of(os.getpid())
    run.write_job("local", handle if alive else {**handle, "started": 1.0})


class FakeRuns:
    """Stands in for the processes of runs: what each config's run comes to is decided at once.

    Attributes:
        started: ids of the runs that were started; resumed: of those taken up again.
        score: of a config: its validations.
        end: of a config: how its run ends.
    """

    def __init__(self) -> None:
        self.started: list[str] = []
        self.resumed: list[str] = []
        self.score: Callable[[RunConfig], Curve] = lambda config: {1: 0.5}
        self.end: Callable[[RunConfig], str | None] = lambda config: "run_finished"

    def start(self, config: RunConfig, runs_dir: Path, *, run_id: str = "", **_: Any) -> RunDir:
        run = RunDir.create(runs_dir, config, run_id)
        self.started.append(run.id)
        self._run(run, config)
        return run

    def submit(self, run: RunDir, backend: str = "local") -> None:
        self.resumed.append(run.id)
        run.request_file.unlink(missing_ok=True)
        run.events_file.unlink(missing_ok=True)
        self._run(run, run.config())

    def _run(self, run: RunDir, config: RunConfig) -> None:
        end = self.end(config)
        record_process(run, alive=end is None)
        write_log(run, self.score(config), end)


@pytest.fixture
def fake_runs(monkeypatch: pytest.MonkeyPatch) -> FakeRuns:
    """The runs of a coordinator in this process."""
    fake = FakeRuns()
    monkeypatch.setattr("segengine.studies.coordinator.start_run", fake.start)
    monkeypatch.setattr("segengine.studies.coordinator.launchers.submit", fake.submit)
    monkeypatch.setattr("segengine.studies.coordinator.POLL", 0.01)
    return fake
