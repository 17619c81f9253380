"""Cross entropy over the pixels that have a class."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from segengine.config import OptimConfig

ENTRIES = {"cross_entropy": {"label": "Cross entropy"}}

IGNORE_INDEX = 255


def build(config: OptimConfig) -> nn.Module:
    """Cross entropy; it has no settings."""
    return CrossEntropy()


class CrossEntropy(nn.Module):
    """Mean over the pixels whose target is not 255, in nats, computed in float32.

    A batch of void pixels only gives 0 with zero gradients, where PyTorch's own mean gives NaN.
    """

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Logits (N, classes, H, W) and target (N, H, W), 0-based or 255, to a scalar."""
        target = target.long()
        total = F.cross_entropy(logits.float(), target, ignore_index=IGNORE_INDEX, reduction="sum")
        return total / (target != IGNORE_INDEX).sum().clamp(min=1)
