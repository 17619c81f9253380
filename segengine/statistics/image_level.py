"""Scores that give each image the same weight, however many pixels its objects have.

Source: Wang et al., 2023, Revisiting Evaluation Metrics for Semantic Segmentation, NeurIPS
(arXiv 2310.19252). The IoU of a class in an image counts only where the class is in the truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from segengine.statistics.scores import Counts, Floats, iou, mean

WORST = 0.05  # share of a class's images


@dataclass(frozen=True)
class ImageLevel:
    """Image-level mIoU, 0 to 1.

    Attributes:
        by_image: mean over images of the mean over their classes (mIoU_I).
        by_class: mean over classes of the mean over their images (mIoU_C).
        worst: the same as by_class, over the worst 5 % of each class's images (at least one).
    """

    by_image: float
    by_class: float
    worst: float


def image_ious(confusion: Counts) -> Floats:
    """(images, classes): the IoU where the class is in the truth, else NaN.

    Args:
        confusion: (images, classes, classes), rows are the true class.
    """
    ious = iou(confusion)
    return np.where(np.asarray(confusion).sum(axis=-1) > 0, ious, np.nan)


def image_level(confusion: Counts) -> ImageLevel:
    """The image-level scores of a stack of matrices, one per image."""
    ious = image_ious(confusion)
    by_image = np.array([mean(row) for row in ious if not np.isnan(row).all()])
    columns = [column[~np.isnan(column)] for column in ious.T]
    present = [np.sort(column) for column in columns if column.size]
    worst = [column[: math.ceil(WORST * column.size)].mean() for column in present]
    return ImageLevel(
        by_image=mean(by_image),
        by_class=mean(np.array([column.mean() for column in present])),
        worst=mean(np.array(worst)),
    )


def wins(a: Counts, b: Counts) -> tuple[float, float, Floats]:
    """On which share of images a, and b, has the higher mIoU; and both, (images, 2).

    The mIoU of an image is over the classes in its truth.
    """
    both = np.stack([_means(a), _means(b)], axis=1)
    return float(np.mean(both[:, 0] > both[:, 1])), float(np.mean(both[:, 1] > both[:, 0])), both


def _means(confusion: Counts) -> Floats:
    return np.array([mean(row) for row in image_ious(confusion)])
