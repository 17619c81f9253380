"""A trial: a few real steps of a config, from which the time of its whole run follows."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from segengine import launchers
from segengine.config import STORED, RunConfig
from segengine.datasets.sampler import steps_per_epoch
from segengine.datasets.splits.roles import role_sizes
from segengine.errors import UserError
from segengine.results.pace import FORWARD_SHARE
from segengine.results.runlog import RunLog, open_log
from segengine.results.status import read_status
from segengine.run.rundir import RunDir
from segengine.run.weights_source import weights_file
from segengine.studies.estimate import Pace

STEPS = 3  # of which the first one, that warms up, does not count
LONGEST = 600.0  # seconds


def measure(config: RunConfig, runs_dir: Path, look: Callable[[], None] = lambda: None) -> Pace:
    """Run STEPS steps and a validation of a config in a folder of its own, which then goes.

    Args:
        look: is called while the trial runs; what it raises ends the trial.

    Raises:
        UserError: the trial failed, or took longer than LONGEST seconds.
    """
    folder = Path(tempfile.mkdtemp(prefix="seglab-trial-"))
    run = RunDir.create(folder, _shortened(config, runs_dir))
    try:
        begun = time.time()
        launchers.submit(run)
        _wait(run, look)
        return _pace(config, open_log(run.events_file), time.time() - begun)
    finally:
        _end(run)
        shutil.rmtree(folder, ignore_errors=True)


def _shortened(config: RunConfig, runs_dir: Path) -> RunConfig:
    """The same work on as few images as STEPS steps and one batch of validation need."""
    batch, sizes = config.train.batch_size, role_sizes(config.data)
    changes: dict[str, object] = {
        "epochs": 1,
        "warmup_epochs": min(1.0, config.optim.warmup_epochs),
        "early_stop": 0,
        "val_split": "official",  # else the whole test split would be scored
        "train_limit": min(sizes["train"], STEPS * batch * config.train.accumulate),
        "val_limit": min(sizes["val"], batch),
    }
    if config.model.loads_weights and config.model.weights.startswith("run:"):
        changes["weights"] = str(weights_file(config.model, runs_dir))
    return RunConfig.from_flat({**config.flat(), **changes}, STORED)


def _wait(run: RunDir, look: Callable[[], None]) -> None:
    deadline, log = time.monotonic() + LONGEST, RunLog(run.events_file)
    while (status := read_status(run, log)).active:
        if time.monotonic() > deadline:
            raise UserError(f"The trial of {STEPS} steps took longer than {LONGEST:.0f} s.")
        look()
        time.sleep(0.1)
        log.refresh()
    if status.state != "finished":
        raise UserError(f"The trial {status.state}, as the runs would: {status.message}")


def _pace(config: RunConfig, log: RunLog, seconds: float) -> Pace:
    """Per epoch: its steps and, as often as it is validated, a validation."""
    sizes, step = role_sizes(config.data), log.pace.seconds_per_step or 0.0
    assert log.started is not None
    train = config.train
    per_step = train.batch_size * train.accumulate
    forward = FORWARD_SHARE * step / per_step  # seconds an image, without a gradient
    if log.pace.validations and log.started["val_images"]:
        forward = log.pace.validating / log.started["val_images"]
    validation = sizes["val"] * forward
    steps = steps_per_epoch(sizes["train"], train.batch_size, train.accumulate)
    epoch = step * steps + validation / train.val_every
    ending = forward * (sizes["val"] + sizes.get("test", 0))
    trained = log.pace.training + log.pace.warm_up + log.pace.validating
    return Pace(epoch, max(0.0, seconds - trained) + ending)


def _end(run: RunDir) -> None:
    """End the trial's process where it is still at work."""
    for _ in range(2):
        try:
            launchers.cancel(run)
        except UserError:  # it has ended
            return
        deadline = time.monotonic() + 15.0
        while read_status(run).active and time.monotonic() < deadline:
            time.sleep(0.1)
