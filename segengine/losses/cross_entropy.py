"""Cross entropy over the pixels that have a class."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segengine.config import OptimConfig
from segengine.datasets.base import IGNORE_INDEX
from segengine.losses.base import counted, exact

ENTRIES = {"cross_entropy": {"label": "Cross entropy"}}


def build(config: OptimConfig, classes: int, class_weights: Tensor | None) -> nn.Module:
    """Cross entropy, weighted by class where weights are given."""
    return CrossEntropy(class_weights)


class CrossEntropy(nn.Module):
    """Mean over the pixels whose target is not 255, in nats, computed in float32.

    With class weights it is the weighted mean, as in PyTorch. A batch of void pixels only gives 0
    with zero gradients, where PyTorch's own mean gives NaN.
    """

    def __init__(self, class_weights: Tensor | None = None) -> None:
        super().__init__()
        self.class_weights = class_weights

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Logits (N, classes, H, W) and target (N, H, W), 0-based or 255, to a scalar."""
        target, logits, weights = target.long(), exact(logits), self.class_weights
        if weights is not None:
            weights = weights.to(logits)
        total = F.cross_entropy(logits, target, weights, ignore_index=IGNORE_INDEX, reduction="sum")
        valid = counted(target)
        if weights is None:
            return total / valid.sum().clamp(min=1)
        mass = weights[target.where(valid, 0)].where(valid, 0).sum()
        return total / mass.clamp(min=torch.finfo(mass.dtype).tiny)
