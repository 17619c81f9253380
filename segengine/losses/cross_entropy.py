"""Cross entropy over the pixels that have a class."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from segengine.config import OptimConfig
from segengine.datasets.base import IGNORE_INDEX
from segengine.losses.base import Loss, Sums, counted, exact

ENTRIES = {"cross_entropy": {"label": "Cross entropy"}}


def build(config: OptimConfig, classes: int, class_weights: Tensor | None) -> Loss:
    """Cross entropy, weighted by class where weights are given."""
    return CrossEntropy(class_weights)


class CrossEntropy(Loss):
    """Mean over the pixels whose target is not 255, in nats, computed in float32.

    With class weights it is the weighted mean, as in PyTorch. A batch of void pixels only gives 0
    with zero gradients, where PyTorch's own mean gives NaN.
    """

    def __init__(self, class_weights: Tensor | None = None) -> None:
        super().__init__()
        self.class_weights = class_weights

    def sums(self, logits: Tensor, target: Tensor) -> Sums:
        """Logits (N, classes, H, W) and target (N, H, W), 0-based or 255, to (sum, mass)."""
        target, logits, weights = target.long(), exact(logits), self.class_weights
        if weights is not None:
            weights = weights.to(logits)
        total = F.cross_entropy(logits, target, weights, ignore_index=IGNORE_INDEX, reduction="sum")
        mass = self.mass(target)
        return total, mass if weights is None else mass.to(total)

    def mass(self, target: Tensor) -> Tensor:
        """The number of pixels that count, or the sum of their classes' weights."""
        valid, weights = counted(target), self.class_weights
        if weights is None:
            return valid.sum()
        return weights[target.long().where(valid, 0)].where(valid, 0).sum()
