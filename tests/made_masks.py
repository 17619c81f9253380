"""Runs with masks written by hand, for tests of what reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from segengine.datasets.base import ClassInfo
from segengine.results.masks.sets import MaskSet, mask_set
from segengine.results.runlog import open_log
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from tests.made_runs import config_for, started_fields

PETS = (
    ClassInfo("pet", "#0072B2"),
    ClassInfo("background", "#999999"),
    ClassInfo("border", "#F0E442"),
)


def masks_of(run: RunDir) -> MaskSet:
    masks = mask_set(run, open_log(run.events_file))
    assert masks
    return masks


def run_with_masks(runs_dir: Path, *epochs: int) -> RunDir:
    """A run in training with one 2x2 mask at each of these validations."""
    run = RunDir.create(runs_dir, config_for())
    with EventLog(run.events_file) as log:
        log.write({"event": "run_started", **started_fields(run.config(), ["one"])})
        for epoch in epochs:
            folder = run.masks(epoch)
            folder.mkdir(parents=True)
            Image.fromarray(np.full((2, 2), epoch % 3, np.uint8)).save(folder / "one.png")
            log.write(
                {
                    "event": "masks",
                    "epoch": epoch,
                    "folder": folder.relative_to(run.path).as_posix(),
                }
            )
    return run
