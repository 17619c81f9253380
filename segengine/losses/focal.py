"""Focal loss (Lin et al. 2017, arXiv 1708.02002)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from segengine.config import OptimConfig
from segengine.datasets.base import IGNORE_INDEX
from segengine.losses.base import Loss, Sums, counted, exact, sums_over

ENTRIES = {"focal": {"label": "Focal"}}


def build(config: OptimConfig, classes: int, class_weights: Tensor | None) -> Loss:
    """Focal loss with the config's gamma; class weights are its alpha."""
    return FocalLoss(config.focal_gamma, class_weights)


class FocalLoss(Loss):
    """Mean of -alpha_t (1 - p_t)^gamma log(p_t), where p_t is the true class's softmax probability.

    Over the pixels whose target is not 255, in float32. As in the paper, the mean is not divided by
    alpha. With gamma 0 and without alpha it is cross entropy.

    Args:
        gamma: 0 or more; the larger, the less do pixels count that are right already.
        alpha: (classes,), one factor per class; None: 1.
    """

    def __init__(self, gamma: float = 2.0, alpha: Tensor | None = None) -> None:
        super().__init__()
        self.gamma = gamma
        self.alpha = alpha

    def sums(self, logits: Tensor, target: Tensor) -> Sums:
        """Logits (N, classes, H, W) and target (N, H, W), 0-based or 255, to (sum, pixels)."""
        target, valid = target.long(), counted(target)
        log_p = -F.cross_entropy(
            exact(logits), target, ignore_index=IGNORE_INDEX, reduction="none"
        )  # (N, H, W); void: 0
        # 1 - p without cancellation; at exactly 0 a gamma below 1 would have an infinite slope.
        wrong = (-torch.expm1(log_p)).clamp(min=torch.finfo(log_p.dtype).tiny)
        losses = -(wrong**self.gamma) * log_p
        if self.alpha is not None:
            losses = losses * self.alpha.to(losses)[target.where(valid, 0)]
        return sums_over(losses, valid)
