"""One class against the rest: what every threshold on its probability would give.

The probability is stored in 256 levels, level k for k / 256 up to (k + 1) / 256. So the thresholds
t / 256 of t = 0 to 255 are all that there are: a pixel is called the class where its level is at
least t. At t = 0 every pixel is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from segengine.statistics.calibration import LEVELS
from segengine.statistics.scores import Counts, Floats, ratio


class ThresholdScores(NamedTuple):
    """Scores of one class at each threshold, (256,), 0 to 1; NaN where a ratio is 0/0."""

    iou: Floats
    dice: Floats
    precision: Floats
    recall: Floats


def level_histogram(levels: np.ndarray, of_class: np.ndarray) -> Counts:
    """(256, 2) pixels at each level: those of the class, and the others.

    Histograms of several images add up to that of all.

    Args:
        levels: the class's stored probabilities, uint8, without void pixels.
        of_class: whether each pixel is of the class, bool of the same shape.
    """
    places = levels.astype(np.int64) * 2 + ~of_class
    return np.bincount(places.ravel(), minlength=2 * LEVELS).reshape(LEVELS, 2)


def threshold_counts(histogram: Counts) -> Counts:
    """(..., 256, 2) pixels at each level to (..., 256, 4) tp, fp, fn and tn at each threshold."""
    totals = histogram.sum(axis=-2, keepdims=True)
    called = np.flip(np.flip(histogram, -2).cumsum(axis=-2), -2)  # at this level or above
    return np.concatenate([called, totals - called], axis=-1)


def threshold_scores(counts: Counts) -> ThresholdScores:
    """IoU, Dice, precision and recall of (256, 4) counts."""
    tp, fp, fn, _ = np.moveaxis(counts, -1, 0)
    return ThresholdScores(
        iou=ratio(tp, tp + fp + fn),
        dice=ratio(2 * tp, 2 * tp + fp + fn),
        precision=ratio(tp, tp + fp),
        recall=ratio(tp, tp + fn),
    )


def best_threshold(scores: ThresholdScores) -> int | None:
    """The threshold t of the best IoU, of equals the one nearest to one half.

    None where the class is not in the truth.
    """
    if np.isnan(scores.recall).all():
        return None
    best = np.flatnonzero(scores.iou == np.nanmax(scores.iou))
    return int(best[np.abs(best - LEVELS // 2).argmin()])
