"""Lovász-softmax loss (Berman et al. 2018, arXiv 1705.08790): a differentiable form of IoU."""

from __future__ import annotations

import torch
from torch import Tensor

from segengine.config import OptimConfig
from segengine.losses.base import Loss, Sums, counted, exact

ENTRIES = {"lovasz": {"label": "Lovász-softmax"}}


def build(config: OptimConfig, classes: int, class_weights: Tensor | None) -> Loss:
    """Lovász-softmax; it weighs the classes equally, so class weights have no effect."""
    return LovaszSoftmax()


class LovaszSoftmax(Loss):
    """The Lovász extension of 1 - IoU at the softmax errors, 0 to 1.

    Averaged over the classes in the target; the loss of a class is computed over all pixels of the
    batch whose target is not 255 (the "batch" and "present" variant of the paper). It sorts them,
    so that it is no function of sums: over a set it is the mean of its batches, whose size it thus
    depends on.
    """

    def sums(self, logits: Tensor, target: Tensor) -> Sums:
        """(the batch's loss times its pixels, its pixels)."""
        pixels = counted(target).sum()
        return self(logits, target) * pixels, pixels

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Logits (N, classes, H, W) and target (N, H, W), 0-based or 255, to a scalar."""
        valid = counted(target).flatten()
        total = logits.new_zeros((), dtype=torch.float64)
        present = valid.new_zeros((), dtype=torch.int64)
        for label, probabilities in enumerate(exact(logits).softmax(dim=1).unbind(dim=1)):
            truth = (target == label).flatten()
            errors = (truth.to(probabilities) - probabilities.flatten()).abs()
            # While their order stays, the extension is linear in the errors: the slopes are
            # constants, and neither the sort nor the sums are kept for the backward pass.
            slopes = _slopes(errors.detach(), truth, valid)
            in_target = truth.any()
            total = total + (errors * slopes).sum().where(in_target, 0)
            present = present + in_target
        return (total / present.clamp(min=1)).to(exact(logits).dtype)


def _slopes(errors: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """By how much each pixel's error raises 1 - IoU, when the largest errors are made first.

    Args:
        errors: (pixels,), 0 to 1.
        truth: (pixels,) bool, whether a pixel is of the class.
        valid: (pixels,) bool; void pixels are sorted behind all others and get 0.

    Returns:
        (pixels,), in the order and type of the errors.
    """
    order = errors.masked_fill(~valid, -1).argsort(descending=True, stable=True)
    missed = truth[order].cumsum(0, dtype=torch.float64)  # pixels of the class among the first n
    rank = torch.arange(1, len(order) + 1, device=order.device, dtype=torch.float64)  # n
    size = truth.sum()
    # 1 - intersection / union where the first n pixels are wrong and all others right. In float64:
    # neighbors differ by a millionth.
    losses = 1 - (size - missed) / (size + rank - missed)
    steps = torch.diff(losses, prepend=losses.new_zeros(1)).to(errors)
    return torch.empty_like(errors).scatter_(0, order, steps).where(valid, 0)
