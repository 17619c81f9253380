"""Boundary IoU (Cheng et al. 2021, arXiv 2103.16562): IoU of the strips along the classes' edges.

The boundary of a class consists of its pixels within d pixels (chessboard distance) of a pixel that
is not of the class, or of the image's edge; d is a share of the image's diagonal: by default 2 %,
as in the paper's code. Boundary IoU is the IoU of the true and the predicted boundary. Void pixels
are of no class, neither in the truth nor in the prediction.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from typing_extensions import TypedDict

from segengine.datasets.base import IGNORE_INDEX
from segengine.metrics.seg_metrics import bin_counts
from segengine.statistics.boundary import WIDTH_SHARE, boundary_width
from segengine.statistics.scores import Floats, mean, ratio, with_none

_VALUES = 256  # of uint8 labels


class BoundaryScores(TypedDict):
    """Boundary IoU, 0 to 1; None per class where it is in neither truth nor prediction."""

    boundary_iou: float
    boundary_iou_per_class: list[float | None]


class BoundaryMetrics:
    """Counts boundary pixels over batches, on the device that computes them, without synchronizing.

    Args:
        classes: number of classes, at most 255.
        device: where the counts are kept.
        share: of an image's diagonal, how wide its boundaries are.
    """

    def __init__(
        self, classes: int, device: torch.device | str = "cpu", share: float = WIDTH_SHARE
    ) -> None:
        self.classes = classes
        self.share = share
        self._counts = torch.zeros(3, classes, dtype=torch.int64, device=device)

    def update(self, labels: Tensor, target: Tensor) -> None:
        """Count a batch; arguments as for `boundary_counts`."""
        self._counts += boundary_counts(labels, target, self.classes, self.share).sum(0)

    def iou(self) -> Floats:
        """Boundary IoU per class so far: (classes,), 0 to 1; NaN where in neither mask."""
        return boundary_iou(self._counts.cpu().numpy())

    def scores(self) -> BoundaryScores:
        """The mean over the classes in truth or prediction (0 where none is), and per class."""
        per_class = self.iou()
        return {"boundary_iou": mean(per_class), "boundary_iou_per_class": with_none(per_class)}


def boundary_iou(counts: np.ndarray) -> Floats:
    """Boundary IoU per class from `boundary_counts`: (..., 3, classes) -> (..., classes)."""
    common, true, predicted = np.moveaxis(counts, -2, 0)
    return ratio(common, true + predicted - common)


def boundary_counts(
    labels: Tensor, target: Tensor, classes: int, share: float = WIDTH_SHARE
) -> Tensor:
    """Boundary pixels per image and class.

    Args:
        labels: predicted classes (N, H, W), integer.
        target: true classes (N, H, W), integer, 255 for void. `SegMetrics` checks the range of
            both.
        share: of the images' diagonal, how wide the boundaries are; 1 pixel at least.

    Returns:
        (N, 3, classes) int64, on the labels' device: pixels in both boundaries, in the true one,
        in the predicted one.

    Raises:
        ValueError: a shape is not (N, H, W), or the shapes differ.
    """
    if labels.ndim != 3 or labels.shape != target.shape:
        raise ValueError(
            "labels and target must have one shape (N, H, W), but have "
            f"{tuple(labels.shape)} and {tuple(target.shape)}."
        )
    target = target.to(torch.uint8)
    labels = labels.to(torch.uint8).masked_fill(target == IGNORE_INDEX, IGNORE_INDEX)
    d = boundary_width(int(labels.shape[-2]), int(labels.shape[-1]), share)
    true, predicted = _boundaries(target, d), _boundaries(labels, d)
    common = true.masked_fill(true != predicted, IGNORE_INDEX)
    maps = torch.stack([common, true, predicted], dim=1)  # (N, 3, H, W)
    images = len(maps)
    first_bins = _VALUES * torch.arange(3 * images, dtype=torch.int32, device=maps.device)
    counts = bin_counts(maps + first_bins.view(images, 3, 1, 1), 3 * images * _VALUES)
    return counts.view(images, 3, _VALUES)[..., :classes]


def _boundaries(labels: Tensor, d: int) -> Tensor:
    """Labels (N, H, W), uint8, with void wherever a pixel is not on a boundary.

    A pixel is inside its class where all labels of the window around it are equal, that is, where
    the largest is the smallest. So one pass serves all classes.
    """
    framed = F.pad(labels, (d, d, d, d), value=IGNORE_INDEX)  # the image's edge is a boundary
    inside = _over_windows(torch.maximum, framed, d) == _over_windows(torch.minimum, framed, d)
    return labels.masked_fill(inside, IGNORE_INDEX)


def _over_windows(extremum: Callable[[Tensor, Tensor], Tensor], framed: Tensor, d: int) -> Tensor:
    """The extremum over each (2d+1) x (2d+1) window: (N, H+2d, W+2d) -> (N, H, W)."""
    for dim in (-2, -1):
        width = 1
        while width < 2 * d + 1:  # windows double until they are wide enough
            step = min(width, 2 * d + 1 - width)
            left = framed.shape[dim] - step
            framed = extremum(framed.narrow(dim, 0, left), framed.narrow(dim, step, left))
            width += step
    return framed
