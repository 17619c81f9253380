"""Losses by name, one file per loss. Importing this package does not import torch.

A loss file offers `ENTRIES`, a literal read by `segengine.registry`, and `build(config, classes,
class_weights)`, a `Loss` called as `loss(logits (N, classes, H, W), target (N, H, W))`. It gives
the mean over the pixels that count, 0-dimensional; 0 with zero gradients where none counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from segengine.config import OptimConfig
from segengine.errors import UserError
from segengine.registry import Entry, find

if TYPE_CHECKING:
    from torch import Tensor

    from segengine.losses.base import Loss


def build_loss(config: OptimConfig, classes: int, class_weights: Tensor | None = None) -> Loss:
    """The loss that the config names.

    Args:
        classes: number of classes: channels of the logits.
        class_weights: (classes,) float32, on the device of the logits; None: all count the same.

    Raises:
        UserError: no loss has that name, or it is for another number of classes.
    """
    entry = find("losses", config.loss)
    check_classes(entry, classes)
    loss: Loss = entry.load().build(config, classes, class_weights)
    return loss


def check_classes(loss: Entry, classes: int) -> None:
    """UserError where a loss is for another number of classes."""
    if loss.classes and loss.classes != classes:
        raise UserError(
            f"loss {loss.name} is for {loss.classes} classes, but the data has {classes}: choose "
            "cross_entropy.",
            field="loss",
        )
