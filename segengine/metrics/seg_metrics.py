"""SegMetrics: one confusion matrix over many batches, on the device that computes them."""

from __future__ import annotations

import torch
from torch import Tensor

from segengine.statistics.scores import Scores, scores


class SegMetrics:
    """Counts pixels in one matrix (rows: true class, columns: predicted class).

    `update` never waits for a GPU. On CPU a label that is not a class is refused at once; on a GPU
    it is counted separately, and refused when the matrix is read. All scores are functions of the
    matrix: see `segengine.statistics.scores`.

    Args:
        classes: number of classes.
        ignore_index: target value of void pixels, which are dropped whatever is predicted there.
        device: where the matrix is kept.
    """

    def __init__(
        self, classes: int, ignore_index: int = 255, device: torch.device | str = "cpu"
    ) -> None:
        self.classes = classes
        self.ignore_index = ignore_index
        # The matrix, row by row, then two more bins: void pixels, and labels that are not a class.
        self._bins = torch.zeros(classes * classes + 2, dtype=torch.int64, device=device)

    def update(self, predicted: Tensor, target: Tensor) -> None:
        """Count one batch.

        Args:
            predicted: logits or probabilities (N, classes, H, W), float, or labels (N, H, W),
                integer.
            target: labels (N, H, W), integer: 0-based classes or `ignore_index`.

        Raises:
            ValueError: a wrong shape, type or (on CPU) label; the batch is then not counted.
        """
        self._check(predicted, target)
        labels = labels_of(predicted) if predicted.ndim == 4 else predicted
        labels, target = labels.long(), target.long()
        on_cpu = labels.device.type == target.device.type == "cpu"
        plain = self._count_plain(labels, target) if on_cpu else None
        counts = self._count(labels, target) if plain is None else plain
        if on_cpu:
            self._check_labels(counts)
        self._bins += counts.to(self._bins.device)

    @property
    def confusion(self) -> Tensor:
        """The matrix so far: (classes, classes) int64, a copy on the device.

        Raises:
            ValueError: a label was not a class.
        """
        self._check_labels(self._bins)
        return self._bins[:-2].view(self.classes, self.classes).clone()

    @confusion.setter
    def confusion(self, matrix: Tensor) -> None:
        if matrix.shape != (self.classes, self.classes) or not _is_integer(matrix):
            raise ValueError(
                f"The matrix must hold integers in shape ({self.classes}, {self.classes}), "
                f"but is {matrix.dtype} in {tuple(matrix.shape)}."
            )
        self.reset()
        self._bins[:-2] = matrix.flatten()

    def reset(self) -> None:
        """Forget all counts."""
        self._bins.zero_()

    def scores(self) -> Scores:
        """All scores so far; see `segengine.statistics.scores.scores`."""
        return scores(self.confusion.cpu().numpy())

    def _count(self, labels: Tensor, target: Tensor) -> Tensor:
        """The batch's bins, without reading a value on the CPU, which would wait for a GPU."""
        n = self.classes
        known = (labels >= 0) & (labels < n) & (target >= 0) & (target < n)
        index = torch.where(known, target * n + labels, n * n + 1)
        index = torch.where(target == self.ignore_index, n * n, index)
        return bin_counts(index, n * n + 2)

    def _count_plain(self, labels: Tensor, target: Tensor) -> Tensor | None:
        """The batch's bins in a third of the time; None where a label is not a class.

        For tensors on the CPU, where the range of the values is cheap to read.
        """
        n, void = self.classes, self.ignore_index
        rows = max(n, void + 1)
        if not 0 <= void <= 255 or not _within(labels, n - 1) or not _within(target, rows - 1):
            return None
        counts = bin_counts(torch.add(labels, target, alpha=n), rows * n).view(rows, n)
        dropped = counts[void].sum()
        counts[void] = 0
        return torch.cat([counts[:n].flatten(), dropped[None], counts[n:].sum()[None]])

    def _check(self, predicted: Tensor, target: Tensor) -> None:
        """ValueError where a shape or type is wrong; it says what was given and what is needed."""
        if target.ndim != 3 or not _is_integer(target):
            raise ValueError(
                f"target must be integer labels (N, H, W), but is {_type_and_shape(target)}."
            )
        if predicted.ndim == 4 and predicted.is_floating_point():
            needed: tuple[int, ...] = (target.shape[0], self.classes, *target.shape[1:])
        elif predicted.ndim == 3 and _is_integer(predicted):
            needed = tuple(target.shape)
        else:
            raise ValueError(
                "predicted must be float logits (N, classes, H, W) or integer labels (N, H, W), "
                f"but is {_type_and_shape(predicted)}."
            )
        if tuple(predicted.shape) != needed:
            raise ValueError(
                f"predicted must have shape {needed} to go with {self.classes} classes and target "
                f"{tuple(target.shape)}, but has {tuple(predicted.shape)}."
            )

    def _check_labels(self, bins: Tensor) -> None:
        wrong = int(bins[-1])  # waits for a GPU
        if wrong:
            raise ValueError(
                f"Labels must be 0 to {self.classes - 1}, or {self.ignore_index} in the target for "
                f"void, but {wrong} pixels hold other values: check the dataset's label mapping."
            )


def labels_of(logits: Tensor) -> Tensor:
    """The most likely class of each pixel: (N, C, H, W) -> (N, H, W) int64; of equals the first.

    (On CPU torch's `argmax` takes up to eight times as long as its `max`, for the same result.)
    """
    return logits.detach().max(dim=1).indices


def bin_counts(values: Tensor, bins: int) -> Tensor:
    """How often 0, ..., bins - 1 occur in integer `values` of any shape: (bins,) int64.

    (On a GPU torch.bincount waits for the largest value.)
    """
    values = values.flatten()
    if values.device.type == "cpu":
        return torch.bincount(values, minlength=bins)
    zeros = torch.zeros(bins, dtype=torch.int64, device=values.device)
    return zeros.scatter_add_(0, values.long(), zeros.new_ones(()).expand_as(values))


def _within(labels: Tensor, highest: int) -> bool:
    """Whether all labels are in 0 to `highest`."""
    if not labels.numel():
        return True
    low, high = labels.aminmax()
    return int(low) >= 0 and int(high) <= highest


def _is_integer(tensor: Tensor) -> bool:
    dtype = tensor.dtype
    return not (dtype.is_floating_point or dtype.is_complex or dtype == torch.bool)


def _type_and_shape(tensor: Tensor) -> str:
    return f"{tensor.dtype} of shape {tuple(tensor.shape)}"
