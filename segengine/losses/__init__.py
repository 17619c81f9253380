"""Losses by name. One file an idea; importing this package does not import torch.

A loss file offers `ENTRIES`, a literal read by `segengine.registry`, and `build(config)`, a module
called as `loss(logits (N, classes, H, W), target (N, H, W))` that returns the mean over the pixels
that count (0-dimensional; 0 where none counts).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from segengine.config import OptimConfig
from segengine.registry import find

if TYPE_CHECKING:
    from torch import Tensor


def build_loss(config: OptimConfig) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss that the config names.

    Raises:
        UserError: no loss has that name.
    """
    loss: Callable[[Tensor, Tensor], Tensor] = find("losses", config.loss).load().build(config)
    return loss
