"""Soft Dice loss (Milletari et al. 2016, arXiv 1606.04797; Sudre et al. 2017, arXiv 1707.03237)."""

from __future__ import annotations

import torch
from torch import Tensor

from segengine.config import OptimConfig
from segengine.losses.base import Loss, Sums, counted, exact

ENTRIES = {"dice": {"label": "Dice"}}


def build(config: OptimConfig, classes: int, class_weights: Tensor | None) -> Loss:
    """Dice; it weighs the classes equally, so class weights have no effect."""
    return DiceLoss()


class DiceLoss(Loss):
    """1 - Dice of the softmax probabilities, 0 to 1, averaged over the classes in the target.

    Dice of class c is 2 sum(p_c t_c) / (sum(p_c) + sum(t_c)), with sums over all pixels whose
    target is not 255: of a batch where it is minimized, of a whole set where it is reported. The
    denominator of a class in the target is one pixel at least, so that no smoothing constant is
    needed, which would shift the value.
    """

    def sums(self, logits: Tensor, target: Tensor) -> Sums:
        """Logits (N, classes, H, W) and target (N, H, W), 0-based or 255, to its three sums.

        Each is (classes,): of the probabilities of the class at its pixels, of those at all pixels
        that count, and the number of its pixels.
        """
        probabilities = exact(logits).softmax(dim=1)
        labels = torch.arange(logits.shape[1], device=logits.device)
        # (N, classes, H, W) bool, one byte per value; void pixels are in no class.
        truth = target[:, None] == labels[:, None, None]
        over_pixels = (0, 2, 3)
        hits = probabilities.where(truth, 0).sum(over_pixels)
        predicted = probabilities.where(counted(target)[:, None], 0).sum(over_pixels)
        true = truth.sum(over_pixels)
        return hits, predicted, true

    def value(self, *sums: Tensor) -> Tensor:
        """1 - Dice, averaged over the classes in the target."""
        hits, predicted, true = sums
        dice = 2 * hits / (predicted + true).clamp(min=1)
        present = true > 0
        return (1 - dice).where(present, 0).sum() / present.sum().clamp(min=1)
