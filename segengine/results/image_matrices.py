"""The confusion matrices that a run keeps per image: what comparisons are made of."""

from __future__ import annotations

import csv
import tokenize
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from segengine.files import open_regular
from segengine.files.csv_cells import csv_name
from segengine.results.evaluations import SavedEvaluation, saved_evaluations
from segengine.results.runlog import RunLog
from segengine.results.table import read_config
from segengine.run.rundir import RunDir
from segengine.statistics.scores import Counts

Split = Literal["val", "test"]
Size = Literal["training", "native"]
Weights = Literal["best", "last"]


@dataclass(frozen=True)
class ImageMatrices:
    """What a run did on each image of a split.

    Attributes:
        names: of the images.
        confusion: (images, classes, classes) int64, pixels; rows are the true class.
        boundary: image -> mean boundary IoU, 0 to 1.
        epoch: of the weights, 1-based; 0 where it is not known.
        groups: image -> its group, of those that belong together with others.
    """

    names: tuple[str, ...]
    confusion: Counts
    boundary: dict[str, float]
    epoch: int
    groups: dict[str, str] = field(default_factory=dict)


def matrices_of(
    run: RunDir, log: RunLog, split: Split, size: Size, weights: Weights
) -> ImageMatrices | None:
    """The matrices of a split of the run's own data; None where there are none, or damaged ones.

    The validation set's at training size with the best weights are those of the run's own last
    prediction; all others were made by `evaluate` (a held-back test split's at the end of the run).
    """
    if (split, size, weights) == ("val", "training", "best"):
        best = log.best()
        found = read_matrices(run.per_image_file, run.confusion_file, best.epoch if best else 0)
        if found:
            return found
    config = read_config(run)
    for saved in saved_evaluations(run) if config else ():
        assert config is not None
        own = (saved.dataset, saved.root) == (config.data.dataset, str(config.data.root))
        if own and _fits(saved, split, size, weights) and saved.epoch == _epoch(log, weights):
            place = (saved.name, saved.stem)
            found = read_matrices(
                run.evaluation_per_image(*place), run.evaluation_confusion(*place), saved.epoch
            )
            if found:
                return found
    return None


def command_for(run: RunDir, split: Split, size: Size, weights: Weights) -> str:
    """What makes the matrices that are missing."""
    words = ["python -m segengine evaluate", run.id]
    words += ["--split", split] if split != "val" else []
    words += ["--size", size] if size != "training" else []
    words += ["--weights", weights] if weights != "best" else []
    return " ".join(words)


def _epoch(log: RunLog, weights: Weights) -> int:
    """Of which epoch the weights are now: those of an older one were trained on."""
    best = log.best()
    return (best.epoch if best else 0) if weights == "best" else max(log.epochs, default=0)


def _fits(saved: SavedEvaluation, split: Split, size: Size, weights: Weights) -> bool:
    wanted = (split, size, weights)
    usual = saved.stem.removesuffix("-last").removesuffix("-native") == split  # not of a few images
    return usual and (saved.split, saved.scored_at, saved.weights) == wanted


def read_matrices(table: Path, matrices: Path, epoch: int) -> ImageMatrices | None:
    """What a table per image and its matrices hold; None where one is missing or damaged.

    Args:
        epoch: of the weights that they are of, 1-based; 0 where it is not known.
    """
    try:
        with open(table, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        with open_regular(matrices) as raw:
            confusion = np.load(raw, allow_pickle=False)
        names = tuple(csv_name(row["image"]) for row in rows)
        boundary = {
            csv_name(row["image"]): float(row["boundary_iou"])
            for row in rows
            if row.get("boundary_iou")
        }
        groups = {
            csv_name(row["image"]): csv_name(row["group"]) for row in rows if row.get("group")
        }
    except (OSError, ValueError, KeyError, TypeError, EOFError, csv.Error):
        return None
    except (SyntaxError, tokenize.TokenError):  # of the header of a damaged .npy
        return None
    square = confusion.ndim == 3 and confusion.shape[1] == confusion.shape[2]
    if not names or not square or confusion.shape[0] != len(names):
        return None
    if not np.issubdtype(confusion.dtype, np.integer) or confusion.min(initial=0) < 0:
        return None
    return ImageMatrices(names, confusion.astype(np.int64), boundary, epoch, groups)
