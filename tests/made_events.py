"""Events as the engine logs them, whole, with the numbers that a test cares about."""

from __future__ import annotations

from typing import Any

CLASSES = [
    {"name": "pet", "color": "#0072B2"},
    {"name": "background", "color": "#999999"},
    {"name": "border", "color": "#F0E442"},
]


def started(epoch: int = 1, step: int = 0, **fields: Any) -> dict[str, Any]:
    """A session that begins in that epoch, after so many steps: 4 epochs of 2 steps each."""
    return {
        "event": "run_started",
        "classes": CLASSES,
        "ignore_index": 255,
        "image_size": [64, 64],
        "train_images": 40,
        "val_images": 40,
        "film": [],
        "parameters": {"total": 3_714_915, "trainable": 3_714_915},
        "device": "cpu",
        "precision": "fp32",
        "versions": {"torch": "2.15.0"},
        "lineage": None,
        "epochs": 4,
        "steps_per_epoch": 2,
        "start_epoch": epoch,
        "start_step": step,
        **fields,
    }


def step(number: int, epoch: int = 1, **fields: Any) -> dict[str, Any]:
    """An optimizer step."""
    numbers = {"loss": 1.0, "lr": 0.001, "images_per_second": 50.0}
    return {"event": "step", "epoch": epoch, "step": number, **numbers, **fields}


def record(miou: float, loss: float | None = 1.0, classes: int = 3) -> dict[str, Any]:
    """The scores of an epoch, all of them the same number."""
    means = ("miou", "pixel_accuracy", "mean_dice", "mean_precision", "mean_recall")
    lists = ("iou", "dice", "precision", "recall")
    scores = dict.fromkeys(means, miou) | {name: [miou] * classes for name in lists}
    return {"loss": loss, **scores}


def epoch(number: int, miou: float | None = None, **fields: Any) -> dict[str, Any]:
    """The record of an epoch; without mIoU it was not validated."""
    return {
        "event": "epoch",
        "epoch": number,
        "step": 2 * number,
        "train": record(0.5),
        "val": None if miou is None else record(miou),
        "confusion": None if miou is None else [[9, 1, 0], [1, 9, 0], [0, 1, 9]],
        "lr": 0.001,
        "seconds": 2.5,
        **fields,
    }


def progress(phase: str, done: int, total: int) -> dict[str, Any]:
    """Work other than training steps."""
    return {"event": "progress", "phase": phase, "done": done, "total": total}


def masks(epoch: int) -> dict[str, Any]:
    """The film's masks of an epoch."""
    return {"event": "masks", "epoch": epoch, "folder": f"masks/epoch-{epoch:04d}"}


def finished(**fields: Any) -> dict[str, Any]:
    """All epochs are done."""
    numbers = {"best_epoch": 1, "best_miou": 0.6, "seconds": 15.0}
    return {"event": "run_finished", **numbers, **fields}


def stopped(reason: str = "Stopped on request.") -> dict[str, Any]:
    """A person stopped the run."""
    return {"event": "run_stopped", "reason": reason}


def failed(error: str = "Loss became NaN at step 17.", **fields: Any) -> dict[str, Any]:
    """The run failed."""
    return {"event": "run_failed", "error": error, "traceback": "...", **fields}


ENDS = {"run_finished": finished, "run_stopped": stopped, "run_failed": failed}
