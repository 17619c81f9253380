"""Runs with scores per image, written as the engine writes them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from segengine.results.comparison.compare import Comparison, compare, entrants_of
from segengine.results.runlog import open_log
from segengine.results.table import read_row
from segengine.run.rundir import RunDir
from segengine.statistics.scores import Counts
from tests.made_runs import make_run

CLASSES = 3  # of pets


def matrices(images: int, good: float, seed: int = 0) -> Counts:
    """A matrix per image; the truth is the same for all runs."""
    truth = np.random.default_rng(5).integers(300, 1500, (images, CLASSES))
    right = np.random.default_rng(seed).beta(40 * good, 40 * (1 - good), (images, CLASSES))
    hits = (truth * right).astype(np.int64)
    found = np.zeros((images, CLASSES, CLASSES), np.int64)
    for label in range(CLASSES):
        found[:, label, label] = hits[:, label]
        found[:, label, (label + 1) % CLASSES] = truth[:, label] - hits[:, label]
    return found


def scored_run(
    runs_dir: Path, confusion: Counts, names: list[str] | None = None, **values: Any
) -> RunDir:
    """A finished run with these matrices of its validation images."""
    run = make_run(runs_dir, **values)
    write(run.per_image_file, run.confusion_file, confusion, names)
    return run


def write(table: Path, file: Path, confusion: Counts, names: list[str] | None = None) -> None:
    table.parent.mkdir(parents=True, exist_ok=True)
    names = names or [f"pet_{index}" for index in range(len(confusion))]
    with open(table, "w", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["image", "miou", "boundary_iou"])
        rows.writerows([name, "0.5", "0.25"] for name in names)
    np.save(file, confusion)


def compared(*runs: RunDir, **values: Any) -> Comparison:
    logs = [open_log(run.events_file) for run in runs]
    rows = [read_row(run, log) for run, log in zip(runs, logs, strict=True)]
    names = [f"run {letter}" for letter in "ABCDEFGHIJKL"[: len(runs)]]
    return compare(entrants_of(rows, logs, names), **{"resamples": 1000, **values})
