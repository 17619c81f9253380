"""How well a predicted mask fits the truth of its image."""

from __future__ import annotations

import contextlib
import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segengine.datasets.base import SegDataset
from segengine.datasets.decoded import resize_mask
from segengine.errors import UserError
from segengine.files.csv_cells import csv_name
from segengine.results.masks.sets import MaskSet
from segengine.statistics import scores
from segengine.statistics.boundary import boundary_width
from segengine.statistics.scores import Counts


@dataclass(frozen=True)
class ImageScore:
    """How well a predicted mask fits the truth.

    Attributes:
        miou: 0 to 1.
        iou: per class, 0 to 1; None for a class that is neither in the truth nor predicted.
    """

    miou: float
    iou: tuple[float | None, ...]

    @classmethod
    def of(cls, matrix: Counts) -> ImageScore:
        """The score of a confusion matrix."""
        ious = [None if math.isnan(value) else float(value) for value in scores.iou(matrix)]
        return cls(scores.miou(matrix), tuple(ious))


def confusion(
    predicted: np.ndarray, truth: np.ndarray, classes: int, ignore_index: int
) -> tuple[Counts, np.ndarray]:
    """Count a mask as training does: at its own size, with the truth resized to it.

    Args:
        predicted: (h, w) labels, uint8.
        truth: (H, W) labels, of any size.
        classes: the number of classes.

    Returns:
        The confusion matrix, and the truth at (h, w).

    Raises:
        UserError: a label is not a class of the run.
    """
    fitted = resize_mask(truth, (predicted.shape[0], predicted.shape[1]))
    try:
        return scores.confusion_matrix(predicted, fitted, classes, ignore_index), fitted
    except ValueError as error:
        raise UserError(f"This mask cannot be scored: {error}") from None


def boundary_reach(size: tuple[int, int], dataset: SegDataset) -> int:
    """How far boundary strips reach from an edge in masks of that (height, width), in pixels."""
    return boundary_width(*size, dataset.boundary_share)


def saved_scores(path: Path) -> dict[str, ImageScore]:
    """Image -> score, from a `per_image.csv`; damaged rows are skipped, a missing file has none."""
    try:
        with open(path, newline="", encoding="utf-8", errors="replace") as file:
            rows = list(csv.DictReader(file))
    except (OSError, csv.Error):
        return {}
    score_by_image = {}
    for row in rows:
        columns = [name for name in row if name and name.startswith("iou_")]
        try:
            ious = tuple(float(row[name]) if row[name] else None for name in columns)
            score_by_image[csv_name(row["image"])] = ImageScore(float(row["miou"]), ious)
        except (KeyError, TypeError, ValueError):
            continue
    return score_by_image


def matrices_of_set(
    masks: MaskSet, names: Sequence[str], dataset: SegDataset, classes: int, ignore_index: int
) -> dict[str, Counts]:
    """Image -> confusion matrix, counted now; images that cannot be read are left out."""
    found = {}
    for name in names:
        with contextlib.suppress(UserError):
            truth = dataset.mask(name)
            found[name], _ = confusion(masks.mask(name), truth, classes, ignore_index)
    return found
