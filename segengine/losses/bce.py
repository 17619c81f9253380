"""Binary cross entropy, for data of two classes."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from segengine.config import OptimConfig
from segengine.losses.base import Loss, Sums, counted, exact, sums_over

ENTRIES = {"bce": {"label": "Binary cross entropy", "classes": 2}}


def build(config: OptimConfig, classes: int, class_weights: Tensor | None) -> Loss:
    """Binary cross entropy; class weights have no effect."""
    return BinaryCrossEntropy()


class BinaryCrossEntropy(Loss):
    """Sigmoid cross entropy on the difference of the two logits, in nats, in float32.

    The difference z = logit of class 1 - logit of class 0 is the logit of a binary model, so that
    models, metrics and masks need no special case. Mean over the pixels whose target is not 255.
    """

    def sums(self, logits: Tensor, target: Tensor) -> Sums:
        """Logits (N, 2, H, W) and target (N, H, W) of 0, 1 or 255, to (sum, number of pixels)."""
        background, foreground = exact(logits).unbind(dim=1)
        valid = counted(target)
        truth = target.where(valid, 0).to(background)
        difference = foreground - background  # (N, H, W)
        losses = F.binary_cross_entropy_with_logits(difference, truth, reduction="none")
        return sums_over(losses, valid)
