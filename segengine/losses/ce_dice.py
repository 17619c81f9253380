"""Cross entropy plus Dice: the one is smooth everywhere, the other weighs classes equally."""

from __future__ import annotations

from torch import Tensor

from segengine.config import OptimConfig
from segengine.losses.base import Loss, Sums
from segengine.losses.cross_entropy import CrossEntropy
from segengine.losses.dice import DiceLoss

ENTRIES = {"ce_dice": {"label": "Cross entropy + Dice"}}


def build(config: OptimConfig, classes: int, class_weights: Tensor | None) -> Loss:
    """The sum of both, each with weight 1; class weights apply to the cross entropy."""
    return CrossEntropyDice(class_weights)


class CrossEntropyDice(Loss):
    """Cross entropy (in nats) plus Dice loss (0 to 1), over the pixels whose target is not 255."""

    def __init__(self, class_weights: Tensor | None = None) -> None:
        super().__init__()
        self.cross_entropy = CrossEntropy(class_weights)
        self.dice = DiceLoss()

    def sums(self, logits: Tensor, target: Tensor) -> Sums:
        """Logits (N, classes, H, W) and target (N, H, W), 0-based or 255, to the sums of both."""
        return *self.cross_entropy.sums(logits, target), *self.dice.sums(logits, target)

    def value(self, *sums: Tensor) -> Tensor:
        """Cross entropy plus Dice loss."""
        return self.cross_entropy.value(*sums[:2]) + self.dice.value(*sums[2:])

    def mass(self, target: Tensor) -> Tensor:
        """That of the cross entropy; Dice has none that would make many batches one."""
        return self.cross_entropy.mass(target)
