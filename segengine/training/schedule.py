"""The learning-rate schedule as a pure function of the step: nothing to save or to restore."""

from __future__ import annotations

import math

from segengine.config import OptimConfig


def lr_factor(config: OptimConfig, step: int, steps_per_epoch: int, epochs: int) -> float:
    """The factor on the base learning rate for one optimizer step.

    exponential and step change between epochs. cosine (Loshchilov and Hutter 2017, arXiv
    1608.03983, without restarts) and polynomial change with every step and would reach 0 one step
    after the last. During `warmup_epochs` the factor is multiplied by a share that rises linearly
    to 1; in the first step the share is above 0.

    Args:
        step: 0-based, counted over the whole run.
        steps_per_epoch: optimizer steps per epoch.
        epochs: epochs of the whole run.

    Returns:
        0 to 1.
    """
    warmup_steps = config.warmup_epochs * steps_per_epoch
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return warmup * _factor_without_warmup(config, step, steps_per_epoch, epochs)


def _factor_without_warmup(
    config: OptimConfig, step: int, steps_per_epoch: int, epochs: int
) -> float:
    epoch = step // steps_per_epoch  # 0-based
    done = min(1.0, step / (steps_per_epoch * epochs))
    if config.scheduler == "exponential":
        return float(config.gamma**epoch)
    if config.scheduler == "step":
        return float(config.gamma ** (epoch // config.step_epochs))
    if config.scheduler == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    if config.scheduler == "polynomial":
        return float((1 - done) ** config.power)
    return 1.0
