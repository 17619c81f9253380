"""The optimizer and its learning rates."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import Parameter

from segengine.config import OptimConfig
from segengine.models.base import SegmentationModel


def build_optimizer(model: SegmentationModel, config: OptimConfig) -> torch.optim.Optimizer:
    """The config's optimizer over the parameters that learn, and no others.

    adamw: AdamW (Loshchilov and Hutter 2019); adam: Adam (Kingma and Ba 2015), whose weight decay
    is added to the gradient; sgd: with momentum.

    All parameters are one group. Where the encoder has a factor of its own there are two: the rest
    at the config's learning rate first, then the encoder's. Each group keeps its base learning
    rate as "initial_lr"; it comes from the config, also after `load_state_dict`.
    """
    optimizer = _optimizer(_groups(model, config), config)
    base = [float(group["lr"]) for group in optimizer.param_groups]

    def keep_base(of: torch.optim.Optimizer) -> None:
        for group, lr in zip(of.param_groups, base, strict=True):
            group["initial_lr"] = lr

    keep_base(optimizer)
    optimizer.register_load_state_dict_post_hook(keep_base)
    return optimizer


def set_lr(optimizer: torch.optim.Optimizer, lr_factor: float) -> None:
    """Set the learning rate of every group to its own base times the factor."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * lr_factor


def _groups(model: SegmentationModel, config: OptimConfig) -> list[dict[str, Any]]:
    """Parameter groups with their learning rates; none without parameters."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if config.encoder_lr_factor == 1:
        return [{"params": learning, "lr": config.lr}]
    encoder = {id(parameter) for parameter in model.encoder.parameters()}
    groups: list[tuple[float, list[Parameter]]] = [
        (config.lr, [parameter for parameter in learning if id(parameter) not in encoder]),
        (
            config.lr * config.encoder_lr_factor,
            [parameter for parameter in learning if id(parameter) in encoder],
        ),
    ]
    return [{"params": parameters, "lr": lr} for lr, parameters in groups if parameters]


def _optimizer(groups: list[dict[str, Any]], config: OptimConfig) -> torch.optim.Optimizer:
    decay = config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=config.lr, momentum=config.momentum, weight_decay=decay, fused=True
        )
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=config.lr, weight_decay=decay, amsgrad=config.amsgrad, fused=True)
