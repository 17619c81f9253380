"""SIGTERM ends a run within 10 seconds, whatever it is doing, and no finished step is lost."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from segengine.config import RunConfig
from segengine.run import stopping
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopped, Stopper
from tests import tiny

GRACE = {"step": stopping.GRACE, "validation": 0.3}  # place -> seconds it is given
LIMIT = 10.0  # seconds from the signal to the end of the process
# The training process with a model that hangs: in a training step (after batch norm and random
# numbers have moved) or in validation. The hang is a call during which Python runs no handlers.
HANGING = """
import ctypes, sys
import torch
from segengine.run import stopping
from segengine.models.base import SegmentationModel
from segengine.run.rundir import RunDir
from segengine.training.session import run_training
from pathlib import Path

torch.set_num_threads(1)
runs, run_id, place, grace = sys.argv[1:]
stopping.GRACE = float(grace)
decode = SegmentationModel.decode

def hang():
    print("inside", flush=True)
    lock, pthread = ctypes.create_string_buffer(64), ctypes.CDLL(None)
    pthread.pthread_mutex_lock(lock)
    pthread.pthread_mutex_lock(lock)

def hanging(self, features, size):
    logits = decode(self, features, size)
    if (place == "step") == self.training and not logits.is_meta:
        hang()
    return logits

SegmentationModel.decode = hanging
stopper = stopping.Stopper()
stopper.listen()
sys.exit(run_training(RunDir.open(Path(runs), run_id), stopper))
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    root = tiny.write_pets(tmp_path_factory.mktemp("pets"))
    return tiny.decoded(tiny.config(root, augment=("hflip",), seed=4))


@pytest.fixture(scope="module")
def whole(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """The run without interruption."""
    return tiny.train(tmp_path_factory.mktemp("whole"), config)


def start_hanging(run: RunDir, place: str) -> subprocess.Popen[str]:
    """A process that resumes the run and hangs in that place."""
    words = [sys.executable, "-c", HANGING, str(run.path.parent), run.id, place, str(GRACE[place])]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def seconds_to_stop(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None and process.stdout.readline() == "inside\n"
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(LIMIT + 20) == 0
        return time.monotonic() - began
    finally:
        process.kill()


@pytest.fixture(scope="module")
def stopped(
    config: RunConfig, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[RunDir, float]]:
    """Runs that were stopped inside a place -> (the run, seconds that this took)."""
    # One step of the first epoch is done.
    runs_dir = tmp_path_factory.mktemp("stopped")
    runs = {place: tiny.train(runs_dir, config, tiny.StopsAt(1)) for place in GRACE}
    processes = {place: start_hanging(run, place) for place, run in runs.items()}
    return {place: (runs[place], seconds_to_stop(processes[place])) for place in runs}


@pytest.mark.parametrize("place", GRACE)
def test_a_stop_in_the_middle_of_a_slow_step_saves_the_state_from_before_it(
    whole: RunDir, stopped: dict[str, tuple[RunDir, float]], place: str
) -> None:
    run, seconds = stopped[place]
    assert seconds < LIMIT
    log = tiny.events(run)
    assert [event["event"] for event in log[-2:]] == ["checkpoint", "run_stopped"]
    assert log[-2]["sha256"] == hashlib.sha256(run.last_checkpoint.read_bytes()).hexdigest()
    position = torch.load(run.last_checkpoint, weights_only=True)["position"]
    done = 1 if place == "step" else 3
    assert (position["epoch"], position["batch"], position["step"]) == (1, done, done)

    tiny.go_on(run)
    assert tiny.epochs(run) == tiny.epochs(whole)
    mine, theirs = (
        torch.load(trained.last_checkpoint, weights_only=True)["model"] for trained in (run, whole)
    )
    assert all(torch.equal(mine[key], theirs[key]) for key in theirs)


@pytest.mark.usefixtures("signal_handlers")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_between_two_steps_ends_the_run_at_the_next_check(
    whole: RunDir, config: RunConfig, tmp_path: Path, number: signal.Signals
) -> None:
    class Signaled(Stopper):
        checks = 0

        def check(self) -> None:
            self.checks += 1
            if self.checks == 2:
                os.kill(os.getpid(), number)
            super().check()

    stopper = Signaled()
    stopper.listen()
    run = tiny.train(tmp_path, config, stopper)
    assert stopper.checks == 2
    ended = tiny.events(run)[-1]
    closed = "Stopped because its terminal was closed."
    reason = closed if number == signal.SIGHUP else "Stopped on request."
    assert (ended["event"], ended["reason"]) == ("run_stopped", reason)
    tiny.go_on(run)
    assert tiny.epochs(run) == tiny.epochs(whole)


@pytest.mark.usefixtures("signal_handlers")
def test_a_run_under_nohup_outlives_its_terminal() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stopper = Stopper()
    stopper.listen()
    os.kill(os.getpid(), signal.SIGHUP)
    stopper.check()


def test_only_a_request_stops() -> None:
    stopper = Stopper()
    stopper.check()
    stopper.request()
    with pytest.raises(Stopped, match="Stopped on request"):
        stopper.check()
