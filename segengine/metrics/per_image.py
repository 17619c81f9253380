"""The scores of every image of a split, as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from segengine.datasets.base import ClassInfo
from segengine.files.csv_cells import csv_cell
from segengine.metrics.boundary import boundary_counts, boundary_iou
from segengine.statistics.boundary import WIDTH_SHARE
from segengine.statistics.scores import (
    Counts,
    confusion_matrix,
    dice,
    iou,
    mean,
    pixel_accuracy,
    scores,
    with_none,
)


class ImageScores:
    """One row per image, kept as text only.

    Columns: image, miou, iou_<class> per class, dice (mean over the classes), pixel_accuracy,
    boundary_iou (mean) and, where images come in groups, group. A cell is empty where the class is
    in neither truth nor prediction.

    Attributes:
        matrices: the confusion matrix of each image, (classes, classes), rows are the true class.
    """

    def __init__(
        self,
        classes: Sequence[ClassInfo],
        groups: Mapping[str, str] | None = None,
        boundary_share: float = WIDTH_SHARE,
    ) -> None:
        """Begin a table.

        Args:
            groups: image -> its group, of those that belong together.
            boundary_share: how wide boundaries are, of an image's diagonal.
        """
        self._groups = groups or {}
        self._share = boundary_share
        self.classes = len(classes)
        self.matrices: list[Counts] = []
        self._boundary = torch.zeros(3, self.classes, dtype=torch.int64)
        self._text = io.StringIO()
        self._rows = csv.writer(self._text, lineterminator="\n")
        ious = [f"iou_{info.name}" for info in classes]
        group = ["group"] if self._groups else []
        self._rows.writerow(
            ["image", "miou", *ious, "dice", "pixel_accuracy", "boundary_iou", *group]
        )

    def add(self, name: str, predicted: np.ndarray, target: np.ndarray) -> None:
        """Add the row and the matrix of one image.

        Args:
            predicted: (H, W) classes.
            target: (H, W) classes, 255 for void.

        Raises:
            ValueError: the shapes differ, or a label is not a class.
        """
        matrix = confusion_matrix(predicted, target, self.classes)
        batches = _as_batch(predicted), _as_batch(target)
        counts = boundary_counts(*batches, self.classes, self._share)
        borders = boundary_iou(counts[0].numpy())
        self.matrices.append(matrix)
        self._boundary += counts[0]
        ious = iou(matrix)
        values = [
            mean(ious),
            *ious,
            mean(dice(matrix)),
            pixel_accuracy(matrix),
            mean(borders),
        ]
        numbers = ["" if np.isnan(value) else f"{value:.6f}" for value in values]
        group = [csv_cell(self._groups.get(name, ""))] if self._groups else []
        self._rows.writerow([csv_cell(name), *numbers, *group])

    def scores(self) -> dict[str, Any]:
        """The scores of all images together, as those of a validation."""
        borders = boundary_iou(self._boundary.numpy())
        boundary = {"boundary_iou": mean(borders), "boundary_iou_per_class": with_none(borders)}
        return {**scores(self.confusion()), **boundary}

    def confusion(self) -> Counts:
        """The matrix of all images together."""
        empty = np.zeros((self.classes, self.classes), np.int64)
        return np.sum(self.matrices, axis=0, dtype=np.int64) if self.matrices else empty

    def csv(self) -> str:
        """The table so far, with its header."""
        return self._text.getvalue()


def _as_batch(labels: np.ndarray) -> torch.Tensor:
    return torch.tensor(labels)[None]
