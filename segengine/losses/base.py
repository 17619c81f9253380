"""What the losses share: which pixels count, and the precision."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from segengine.datasets.base import IGNORE_INDEX

# (logits (N, classes, H, W), target (N, H, W)) -> mean over the pixels that count, 0-dimensional.
Loss = Callable[[Tensor, Tensor], Tensor]


def exact(logits: Tensor) -> Tensor:
    """Logits in float32 at least: half precision cannot hold the sums over a batch's pixels."""
    return logits if logits.dtype == torch.float64 else logits.float()


def counted(target: Tensor) -> Tensor:
    """Which pixels count: those that are not void. (N, H, W) labels to (N, H, W) bool."""
    return target != IGNORE_INDEX


def mean_over(values: Tensor, valid: Tensor) -> Tensor:
    """The mean of `values` where `valid` (bool) is true; 0 with zero gradients if it never is."""
    return values.where(valid, 0).sum() / valid.sum().clamp(min=1)
