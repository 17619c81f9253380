"""Cross entropy plus Dice: the one is smooth everywhere, the other weighs classes equally."""

from __future__ import annotations

from torch import Tensor, nn

from segengine.config import OptimConfig
from segengine.losses.cross_entropy import CrossEntropy
from segengine.losses.dice import DiceLoss

ENTRIES = {"ce_dice": {"label": "Cross entropy + Dice"}}


def build(config: OptimConfig, classes: int, class_weights: Tensor | None) -> nn.Module:
    """The sum of both, each with weight 1; class weights apply to the cross entropy."""
    return CrossEntropyDice(class_weights)


class CrossEntropyDice(nn.Module):
    """Cross entropy (in nats) plus Dice loss (0 to 1), over the pixels whose target is not 255."""

    def __init__(self, class_weights: Tensor | None = None) -> None:
        super().__init__()
        self.cross_entropy = CrossEntropy(class_weights)
        self.dice = DiceLoss()

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Logits (N, classes, H, W) and target (N, H, W), 0-based or 255, to a scalar."""
        loss: Tensor = self.cross_entropy(logits, target) + self.dice(logits, target)
        return loss
