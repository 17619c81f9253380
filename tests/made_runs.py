"""Run folders written by hand through the contract (no training), for tests of what reads them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segengine import launchers
from segengine.config import RunConfig
from segengine.datasets import chosen_names, open_dataset, spread
from segengine.datasets.decoded import resize_mask
from segengine.launchers import local
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from segengine.statistics.scores import confusion_matrix, iou, miou, scores
from tests import made_events

STEPS_PER_EPOCH = 5


def config_for(root: Path | None = None, **values: Any) -> RunConfig:
    """A small config on real pets (a root is given) or on nothing that must exist."""
    base: dict[str, Any] = {
        "dataset": "oxford_pets",
        "val_split": "official",
        "epochs": 6,
        "batch_size": 8,
    }
    return RunConfig.from_flat({**base, **({"root": str(root)} if root else {}), **values})


def started_fields(config: RunConfig, film: list[str], **more: Any) -> dict[str, Any]:
    """The fields of a `run_started`."""
    planned = {"epochs": config.train.epochs, "steps_per_epoch": STEPS_PER_EPOCH}
    size = list(config.data.height_width)
    return made_events.started(image_size=size, film=film, **planned, **more)


def epoch_fields(epoch: int, seed: int = 0, *, validated: bool = True) -> dict[str, Any]:
    """The fields of an `epoch`, with a confusion matrix that gets better with the epochs."""
    rng = np.random.default_rng([seed, epoch])
    good = 1 - np.exp(-epoch / 4)
    matrix = (rng.uniform(0.8, 1.0, (3, 3)) * 1000 * (1 - good)).astype(int)
    matrix += np.diag([int(4000 * good), int(9000 * good), int(900 * good)])
    loss = float(0.3 + 0.9 * np.exp(-epoch / 5) + rng.normal(0, 0.01))
    values = scores(matrix)
    return {
        "epoch": epoch,
        "step": epoch * STEPS_PER_EPOCH,
        "train": {**values, "loss": loss * 0.95, "miou": values["miou"] * 1.03},
        "val": {"loss": loss, **values} if validated else None,
        "confusion": matrix.tolist() if validated else None,
        "lr": 1e-3 * 0.98 ** (epoch - 1),
        "seconds": 2.5,
    }


def write_epoch(log: EventLog, epoch: int, seed: int = 0, *, validated: bool = True) -> None:
    """The steps and the record of one epoch."""
    fields = epoch_fields(epoch, seed, validated=validated)
    for step in range((epoch - 1) * STEPS_PER_EPOCH + 1, epoch * STEPS_PER_EPOCH + 1):
        loss = fields["train"]["loss"]
        log.write(
            {
                "event": "step",
                "epoch": epoch,
                "step": step,
                "loss": loss,
                "lr": 0.001,
                "images_per_second": 50.0,
            }
        )
    log.write({"event": "epoch", **fields})


def make_run(
    runs_dir: Path,
    *,
    root: Path | None = None,
    epochs_done: int = 6,
    end: str | None = "run_finished",
    seed: int = 0,
    **values: Any,
) -> RunDir:
    """A run folder as the engine leaves it.

    Args:
        root: a folder with real pets; then masks and predictions are written too (the truth at the
            run's size with a seeded share of wrong blocks).
        end: run_finished, run_stopped, run_failed, or None for a log without an end (with no job
            such a run has crashed; see `alive`).
    """
    config = config_for(root, seed=seed, **values)
    run = RunDir.create(runs_dir, config)
    gone(run)
    film: list[str] = []
    if root:
        dataset = open_dataset(config.data, "val")
        film = list(spread(chosen_names(dataset, config.data, "val"), 8))
    with EventLog(run.events_file) as log:
        log.write({"event": "run_started", **started_fields(config, film)})
        for epoch in range(1, epochs_done + 1):
            validated = epoch % config.train.val_every == 0 or epoch == config.train.epochs
            write_epoch(log, epoch, seed, validated=validated)
            if film and validated:
                _write_masks(run.masks(epoch), config, film, seed, wrong=0.5 / epoch)
                folder = run.masks(epoch).relative_to(run.path).as_posix()
                log.write({"event": "masks", "epoch": epoch, "folder": folder})
        if end == "run_finished":
            if film:
                names = chosen_names(open_dataset(config.data, "val"), config.data, "val")
                _write_predictions(run, config, list(names), seed)
            log.write({"event": end, "best_epoch": epochs_done, "best_miou": 0.6, "seconds": 15.0})
        elif end == "run_stopped":
            log.write({"event": end, "reason": "Stopped on request."})
        elif end == "run_failed":
            log.write({"event": end, "error": "Loss became NaN at step 17.", "traceback": "..."})
    return run


def gone(run: RunDir) -> RunDir:
    """Make the run's job a process that is there no more: our own pid, of another century."""
    handle = {**local.handle_of(os.getpid()), "started": 1.0}
    run.write_job("local", handle)
    return run


def alive(run: RunDir) -> RunDir:
    """Make this test's own process the run's job, so that the run counts as running."""
    run.request_file.unlink(missing_ok=True)
    run.write_job("local", local.handle_of(os.getpid()))
    assert launchers.state(run.job()) == "alive"
    return run


def _write_masks(
    folder: Path, config: RunConfig, names: list[str], seed: int, wrong: float
) -> None:
    dataset = open_dataset(config.data, "val")
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for name in names:
        mask = resize_mask(dataset.mask(name), config.data.height_width).copy()
        height, width = mask.shape
        for _ in range(int(20 * wrong) + 1):
            top, left = rng.integers(0, height - 8), rng.integers(0, width - 8)
            mask[top : top + 8, left : left + 8] = rng.integers(0, 3)
        Image.fromarray(mask).save(folder / f"{name}.png")


def _write_predictions(run: RunDir, config: RunConfig, names: list[str], seed: int) -> None:
    _write_masks(run.predictions, config, names, seed, wrong=0.1)
    dataset = open_dataset(config.data, "val")
    matrices, rows = [], ["image,miou,iou_pet,iou_background,iou_border"]
    for name in names:
        truth = resize_mask(dataset.mask(name), config.data.height_width)
        pred = np.asarray(Image.open(run.predictions / f"{name}.png"))
        matrix = confusion_matrix(pred, truth, 3)
        matrices.append(matrix)
        cells = ["" if np.isnan(value) else f"{value:.6f}" for value in iou(matrix)]
        rows.append(",".join([name, f"{miou(matrix):.6f}", *cells]))
    np.save(run.confusion_file, np.stack(matrices))
    run.per_image_file.write_text("\n".join(rows) + "\n")


if __name__ == "__main__":  # python -m tests.made_runs RUNS_DIR [ROOT]: something to look at
    import sys

    target, pets = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None
    print(json.dumps([make_run(target, root=pets, seed=s).id for s in range(3)]), time.ctime())
