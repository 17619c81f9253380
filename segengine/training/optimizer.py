"""The optimizer and its learning rates."""

from __future__ import annotations

from typing import Any

import torch

from segengine.config import OptimConfig
from segengine.models.base import SegmentationModel


def build_optimizer(model: SegmentationModel, config: OptimConfig) -> torch.optim.Optimizer:
    """The config's optimizer, over the parameters that are trained.

    adamw: AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101); adam: Adam (Kingma and Ba 2015,
    arXiv 1412.6980), whose weight decay is added to the gradient; sgd: with momentum.

    All parameters are one group. Where the encoder has a learning-rate factor there are two, first
    that of the decoders. The base learning rate of a group is its "initial_lr"; it comes from the
    config, even after `load_state_dict`.
    """
    optimizer = _optimizer(_groups(model, config), config)
    base_lrs = [float(group["lr"]) for group in optimizer.param_groups]

    def set_base_lrs(loaded: torch.optim.Optimizer) -> None:
        for group, lr in zip(loaded.param_groups, base_lrs, strict=True):
            group["initial_lr"] = lr

    set_base_lrs(optimizer)
    optimizer.register_load_state_dict_post_hook(set_base_lrs)
    return optimizer


def set_lr(optimizer: torch.optim.Optimizer, lr_factor: float) -> None:
    """Set the learning rate of every group to its base learning rate times the factor."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * lr_factor


def _groups(model: SegmentationModel, config: OptimConfig) -> list[dict[str, Any]]:
    """Parameter groups with their base learning rates; groups without parameters are left out."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if config.encoder_lr_factor == 1:
        return [{"params": trained, "lr": config.lr}]
    in_encoder = {id(parameter) for parameter in model.encoder.parameters()}
    encoder = [parameter for parameter in trained if id(parameter) in in_encoder]
    decoders = [parameter for parameter in trained if id(parameter) not in in_encoder]
    groups = [(decoders, config.lr), (encoder, config.lr * config.encoder_lr_factor)]
    return [{"params": parameters, "lr": lr} for parameters, lr in groups if parameters]


def _optimizer(groups: list[dict[str, Any]], config: OptimConfig) -> torch.optim.Optimizer:
    decay = config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=config.lr, momentum=config.momentum, weight_decay=decay, fused=True
        )
    adam = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return adam(groups, lr=config.lr, weight_decay=decay, amsgrad=config.amsgrad, fused=True)
