"""Segmentation scores as pure functions of a confusion matrix.

A confusion matrix counts pixels: rows are the true class, columns the predicted one. Void pixels
are not in it. Where a ratio is 0/0 the score is NaN, that is, undefined and not bad:

- IoU and Dice of a class that is neither in the truth nor predicted,
- precision of a class that is never predicted (its recall is then 0),
- recall of a class that is not in the truth (its precision is then 0).

Every mean is over the classes in truth or prediction, in which an undefined precision or recall
counts as 0: a model that never predicts a class earns nothing by it. So do scikit-learn
(`zero_division=0`) and torchmetrics.

The functions per class also take stacks of matrices, (..., classes, classes) -> (..., classes).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import TypedDict

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class Scores(TypedDict):
    """The scores of one confusion matrix, 0 to 1.

    A mean is over the classes in truth or prediction, where an undefined precision or recall counts
    as 0; without such classes it is 0. An undefined score of a class is None.
    """

    miou: Annotated[float, "mean IoU over the classes in truth or prediction"]
    pixel_accuracy: Annotated[float, "share of the pixels that are right"]
    mean_dice: Annotated[float, "mean Dice over the same classes"]
    mean_precision: Annotated[
        float, "mean precision over the same classes; one that is never predicted counts as 0"
    ]
    mean_recall: Annotated[
        float, "mean recall over the same classes; one that is not in the truth counts as 0"
    ]
    iou: Annotated[list[float | None], "IoU per class; null: in neither truth nor prediction"]
    dice: Annotated[list[float | None], "Dice per class; null: in neither"]
    precision: Annotated[list[float | None], "precision per class; null: never predicted"]
    recall: Annotated[list[float | None], "recall per class; null: not in the truth"]


def confusion_matrix(
    predicted: ArrayLike, target: ArrayLike, classes: int, ignore_index: int = 255
) -> Counts:
    """The (classes, classes) int64 matrix of two index masks of the same shape.

    Pixels whose target is `ignore_index` are dropped.

    Raises:
        ValueError: the shapes differ, values are not integers, or a label is not a class.
    """
    guess, truth = np.asarray(predicted), np.asarray(target)
    if guess.shape != truth.shape:
        raise ValueError(
            f"Masks must have the same shape: predicted is {guess.shape}, target is {truth.shape}."
        )
    for name, mask in (("predicted", guess), ("target", truth)):
        if not np.issubdtype(mask.dtype, np.integer):
            raise ValueError(f"The {name} mask must hold integers, but is {mask.dtype}.")
    counted = truth != ignore_index
    guess, truth = guess[counted].astype(np.int64), truth[counted].astype(np.int64)
    for name, labels in (("Predicted", guess), ("Target", truth)):
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            raise ValueError(
                f"{name} labels must be 0 to {classes - 1} (void: {ignore_index}), "
                f"but {labels.min()} to {labels.max()} were given."
            )
    counts = np.bincount(truth * classes + guess, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def iou(confusion: ArrayLike) -> Floats:
    """Intersection over union per class, 0 to 1: hits / (truth + predicted - hits)."""
    hits, truth, predicted = _pixels_per_class(confusion)
    return ratio(hits, truth + predicted - hits)


def dice(confusion: ArrayLike) -> Floats:
    """Dice (F1) per class, 0 to 1: 2 hits / (truth + predicted)."""
    hits, truth, predicted = _pixels_per_class(confusion)
    return ratio(2 * hits, truth + predicted)


def precision(confusion: ArrayLike) -> Floats:
    """Per class: share of the pixels predicted as it that are of it, 0 to 1."""
    hits, _, predicted = _pixels_per_class(confusion)
    return ratio(hits, predicted)


def recall(confusion: ArrayLike) -> Floats:
    """Per class: share of its pixels that are predicted as it, 0 to 1."""
    hits, truth, _ = _pixels_per_class(confusion)
    return ratio(hits, truth)


def miou(confusion: ArrayLike) -> float:
    """Mean IoU over the classes in truth or prediction, 0 to 1; 0 where the matrix is empty."""
    return mean(iou(confusion))


def pixel_accuracy(confusion: ArrayLike) -> float:
    """Share of all pixels that are right, 0 to 1; 0 where the matrix is empty."""
    hits, truth, _ = _pixels_per_class(confusion)
    return float(hits.sum() / max(truth.sum(), 1))


def scores(confusion: ArrayLike) -> Scores:
    """All scores of one matrix, ready for JSON."""
    per_class = {
        "iou": iou(confusion),
        "dice": dice(confusion),
        "precision": precision(confusion),
        "recall": recall(confusion),
    }
    return {
        "miou": mean(per_class["iou"]),
        "pixel_accuracy": pixel_accuracy(confusion),
        "mean_dice": mean(per_class["dice"]),
        "mean_precision": class_mean(per_class["precision"], per_class["iou"]),
        "mean_recall": class_mean(per_class["recall"], per_class["iou"]),
        "iou": with_none(per_class["iou"]),
        "dice": with_none(per_class["dice"]),
        "precision": with_none(per_class["precision"]),
        "recall": with_none(per_class["recall"]),
    }


def mean(values: Floats) -> float:
    """The mean of the values that are not NaN; 0 where there are none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else 0.0


def class_mean(values: Floats, ious: Floats) -> float:
    """The mean over the classes in truth or prediction, those that have an IoU; NaN counts as 0."""
    return mean(np.where(np.isnan(ious), np.nan, np.nan_to_num(values)))


def with_none(values: Floats) -> list[float | None]:
    """The values as a list with None for NaN, for JSON."""
    return [None if np.isnan(value) else float(value) for value in values]


def ratio(part: Counts, whole: Counts) -> Floats:
    """part / whole, element by element; NaN for 0/0."""
    ratios = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=ratios, where=whole > 0)
    return ratios


def _pixels_per_class(confusion: ArrayLike) -> tuple[Counts, Counts, Counts]:
    """(predicted right, in the truth, predicted), each (..., classes)."""
    matrix = np.asarray(confusion)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(f"A confusion matrix is square, but its shape is {matrix.shape}.")
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    return hits, matrix.sum(axis=-1), matrix.sum(axis=-2)
