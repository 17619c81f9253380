"""A real run of ours, epoch by epoch, so that it can alternate with another."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from segengine.config import RunConfig
from segengine.models import build_model
from segengine.run.event_log import EventLog, read_events
from segengine.run.logger import RunLogger
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopper
from segengine.run.terminal import Terminal
from segengine.training.components import build_components, run_started_event
from segengine.training.state import Position
from segengine.training.trainer import Trainer
from tests.benchmarks.measure import deterministic, seconds_of
from tests.conftest import REAL_PETS

FOREVER = 1000  # epochs; no benchmark gets there


class OurRun:
    """A run that trains as any other: log, checkpoints, validation and film included.

    It is set up as `segengine.training.session` does, on the official split, as its peers; every
    call of `epoch` trains one epoch.
    """

    def __init__(self, runs_dir: Path, **values: Any) -> None:
        config = RunConfig.from_flat({**values, "val_split": "official", "epochs": FOREVER})
        self.dir = RunDir.create(runs_dir, config)
        components = build_components(config, lambda *_: None, runs_dir)
        self._deterministic = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(False)  # others in this process did not ask for it
        self._terminal = open(os.devnull, "w")  # noqa: SIM115 (open as long as the run)
        logger = RunLogger(EventLog(self.dir.events_file), Terminal(self._terminal))
        position = Position.start(components)
        logger.started(run_started_event(components, position))
        self._trainer = Trainer(self.dir, components, position, Stopper(), logger)
        self._rng = torch.get_rng_state()  # as if it had the process to itself

    def epoch(self) -> float:
        """Train and validate once over the data; returns the seconds."""
        others = torch.get_rng_state()
        torch.set_rng_state(self._rng)
        with deterministic(self._deterministic):
            seconds = seconds_of(self._trainer.epoch)
        self._rng = torch.get_rng_state()
        torch.set_rng_state(others)
        return seconds

    def records(self) -> list[dict[str, Any]]:
        """The epoch events so far."""
        events, _ = read_events(self.dir.events_file)
        return [event for event in events if event["event"] == "epoch"]


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A folder for runs, and a cache of decoded images next to it; both go away at the end."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEGLAB_CACHE"] = str(Path(folder) / "cache")
        yield Path(folder) / "runs"


def real_pets() -> Path:
    """A root with real Oxford-IIIT Pet images: $SEGLAB_PETS, or where the tests find them."""
    root = Path(os.environ.get("SEGLAB_PETS", REAL_PETS))
    if not (root / "oxford-iiit-pet").is_dir():
        sys.exit(
            f"No real pets in {root}: set SEGLAB_PETS to the folder that holds oxford-iiit-pet/."
        )
    return root


def random_encoder(path: Path, arch: str) -> Path:
    """A file of random encoder weights, for strategies that load some."""
    path.parent.mkdir(parents=True, exist_ok=True)
    model = build_model(RunConfig.from_flat({"arch": arch}).model, 3)
    torch.save(model.encoder.state_dict(), path)
    return path
