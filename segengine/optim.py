"""Optimizer and learning-rate schedule."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR, LRScheduler

from segengine.config import OptimConfig


def build_optimizer(model: nn.Module, config: OptimConfig) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019) over the parameters that learn, and no others."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        learning,
        lr=config.lr,
        weight_decay=config.weight_decay,
        amsgrad=config.amsgrad,
        fused=True,
    )


def build_scheduler(optimizer: torch.optim.Optimizer, config: OptimConfig) -> LRScheduler:
    """The schedule, stepped once an epoch."""
    gamma = config.gamma if config.scheduler == "exponential" else 1.0
    return ExponentialLR(optimizer, gamma)
