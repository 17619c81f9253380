"""Absurdly small experiments that train for real: a few drawn pets at 32 pixels, whole runs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from segengine.config import RunConfig
from segengine.datasets.decoded import load_splits
from segengine.results.runlog import open_log
from segengine.run.event_log import read_events
from segengine.run.events import Event
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopped, Stopper
from segengine.training.components import Components, build_components
from segengine.training.session import run_training

torch.set_num_threads(1)  # so small a model only waits for further threads on a busy machine

TRAIN, VAL = 7, 3  # 3 steps per epoch at batch size 2: 2, 2 and 3 images
VOLATILE = {"v", "seq", "time", "seconds"}


def no_progress(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


class Killed(BaseException):
    """What a kill does: the run ends here, without an event."""


class StopsAt(Stopper):
    """A person's stop (or a kill) that arrives at the n-th chance to notice it; 0: never.

    There is a chance after each step, each batch of a validation and each batch of predictions. On
    `decoded` data, the tiny config has 3 + 2 of them per epoch, and 2 more at the end.
    """

    def __init__(self, chance: int = 0, error: type[BaseException] = Stopped) -> None:
        super().__init__()
        self.chance = chance
        self.error = error
        self.seen = 0

    def check(self) -> None:
        self.seen += 1
        if self.seen == self.chance:
            raise self.error("Stopped on request.")


def write_pets(
    root: Path, train: int = TRAIN, val: int = VAL, size: tuple[int, int] = (40, 52)
) -> Path:
    """Random pictures of `size` (height, width) in the official layout, with void in the masks."""
    folder = root / "oxford-iiit-pet"
    trimaps = folder / "annotations" / "trimaps"
    (folder / "images").mkdir(parents=True)
    trimaps.mkdir(parents=True)
    for file, count in (("trainval.txt", train), ("test.txt", val)):
        names = [f"{Path(file).stem}_{index}" for index in range(count)]
        lines = [f"{name} 1 1 1\n" for name in names]
        (folder / "annotations" / file).write_text("".join(lines))
        for index, name in enumerate(names):
            image, trimap = draw(size, [count, index])
            Image.fromarray(image).save(folder / "images" / f"{name}.jpg")
            Image.fromarray(trimap).save(trimaps / f"{name}.png")
    return root


def image_file(root: Path, name: str) -> Path:
    """The file of an image of `write_pets`."""
    return root / "oxford-iiit-pet" / "images" / f"{name}.jpg"


def mask_file(root: Path, name: str) -> Path:
    """The file of its mask."""
    return root / "oxford-iiit-pet" / "annotations" / "trimaps" / f"{name}.png"


def draw(size: tuple[int, int], seed: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """(image, trimap) of `size` (height, width): a bright pet on noise, border, a strip of void."""
    rng = np.random.default_rng(seed)
    height, width = size
    top, left = rng.integers(2, height // 2), rng.integers(2, width // 2)
    trimap = np.full(size, 2, np.uint8)
    trimap[top - 2 : top + height // 2, left - 2 : left + width // 2] = 3
    trimap[top : top + height // 2 - 2, left : left + width // 2 - 2] = 1
    trimap[:, : int(rng.integers(1, 8))] = 255
    image = rng.integers(0, 120, (*size, 3), dtype=np.uint8)
    image[trimap == 1] += 120
    return image, trimap


def config(root: Path, **values: Any) -> RunConfig:
    """A whole run within a second: SegFormer-B0 at 32 pixels, 3 steps per epoch."""
    base: dict[str, Any] = {
        "dataset": "oxford_pets",
        "root": str(root),
        "val_split": "official",
        "image_size": "32",
        "epochs": 2,
        "batch_size": 2,
        "device": "cpu",
        "amsgrad": False,  # a third less to save
        "workers": 1,
    }
    return RunConfig.from_flat({**base, **values})


def decoded(settings: RunConfig) -> RunConfig:
    """The same config; its images are in the cache now, so that runs begin with a step."""
    load_splits(settings.data, ("train", "val"), no_progress)
    return settings


def build(
    settings: RunConfig, runs_dir: Path = Path("runs"), *, fill_encoder: bool = True
) -> Components:
    """The components of a run."""
    return build_components(settings, no_progress, runs_dir, fill_encoder=fill_encoder)


def flags(root: Path, *more: str) -> list[str]:
    """The tiny config as command-line flags; later flags win."""
    return [*config(root).flags(), *more]


def new_run(runs_dir: Path, settings: RunConfig) -> RunDir:
    """A run folder in which nothing has run yet."""
    return RunDir.create(runs_dir, settings)


def train(
    runs_dir: Path, settings: RunConfig, stopper: Stopper | None = None, *, code: int = 0
) -> RunDir:
    """A new run, trained; `code` is the exit code that is expected."""
    run = new_run(runs_dir, settings)
    go_on(run, stopper, code=code)
    return run


def go_on(run: RunDir, stopper: Stopper | None = None, *, code: int = 0) -> None:
    """Train a run from its last checkpoint, or from the start."""
    assert run_training(run, stopper or Stopper()) == code, events(run)[-1]


def events(run: RunDir, kind: str = "") -> list[Event]:
    """The run's log; of one kind of event where it is given."""
    logged, _ = read_events(run.events_file)
    return [event for event in logged if not kind or event["event"] == kind]


def epochs(run: RunDir) -> list[Event]:
    """The epoch records as a reader sees them after all resumes, without clock times."""
    log = open_log(run.events_file)
    records = [log.epochs[number] for number in sorted(log.epochs)]
    return [{key: record[key] for key in record.keys() - VOLATILE} for record in records]


def copy_of(run: RunDir, runs_dir: Path) -> RunDir:
    """The same run in another runs folder."""
    return RunDir(shutil.copytree(run.path, runs_dir / run.id))
