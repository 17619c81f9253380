"""What tests of losses share: a loss by its name, random batches, values and gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from segengine.config import OptimConfig
from segengine.losses import build_loss
from segengine.losses.base import Loss
from segengine.registry import find


def classes_for(name: str) -> int:
    """A number of classes that the loss takes."""
    return find("losses", name).classes or 4


def named_loss(name: str, classes: int = 4, weights: Tensor | None = None, **values: float) -> Loss:
    """The registered loss with the config's values."""
    return build_loss(OptimConfig(loss=name, **values), classes, weights)


def random_batch(classes: int = 4, void: float = 0.2, side: int = 12) -> tuple[Tensor, Tensor]:
    """Logits (3, classes, side, side) and a target of all classes, with that share of void."""
    torch.manual_seed(1)
    logits = 2 * torch.randn(3, classes, side, side)
    target = torch.randint(0, classes, (3, side, side))
    target[torch.rand(target.shape) < void] = 255
    return logits, target


def value_and_gradient(loss: Loss, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The loss, and its gradient in the shape of the logits."""
    logits = logits.detach().clone().requires_grad_()
    value = loss(logits, target)
    value.backward()
    assert logits.grad is not None
    return value.detach(), logits.grad
