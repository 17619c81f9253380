"""What the losses share: sums that add up over batches, which pixels count, and the precision."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from segengine.datasets.base import IGNORE_INDEX

Sums = tuple[Tensor, ...]


class Loss(nn.Module):
    """A loss as a function of sums over pixels: `value(*sums(logits, target))`.

    Sums of batches add up, so that the loss of a whole set does not depend on how it was cut into
    batches. What is no function of such sums (Lovász) gives its mean times the pixels, and its loss
    over a set is the mean of its batches', by pixels.
    """

    def sums(self, logits: Tensor, target: Tensor) -> Sums:
        """What the loss of these pixels is computed from; by default (total, mass).

        Args:
            logits: (N, classes, H, W).
            target: (N, H, W), 0-based classes or 255 for void.
        """
        raise NotImplementedError

    def value(self, *sums: Tensor) -> Tensor:
        """The loss, 0-dimensional; 0 with zero gradients where no pixel counts."""
        total, mass = sums
        least = torch.finfo(mass.dtype).tiny if mass.is_floating_point() else 1
        return total / mass.clamp(min=least)

    def mass(self, target: Tensor) -> Tensor:
        """What a batch weighs beside other batches of a step: what its mean is over, 0-dim."""
        return counted(target).sum()

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The mean over the pixels that count, 0-dimensional; arguments as for `sums`."""
        return self.value(*self.sums(logits, target))


def exact(logits: Tensor) -> Tensor:
    """Logits in float32 at least: half precision cannot hold the sums over a batch's pixels."""
    return logits if logits.dtype == torch.float64 else logits.float()


def counted(target: Tensor) -> Tensor:
    """Which pixels count: those that are not void. (N, H, W) labels to (N, H, W) bool."""
    return target != IGNORE_INDEX


def sums_over(values: Tensor, valid: Tensor) -> Sums:
    """(sum of `values` where `valid`, bool, is true; number of such pixels)."""
    return values.where(valid, 0).sum(), valid.sum()
