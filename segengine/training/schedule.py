"""The learning rate over a run, as a pure function of the step: nothing to save, nothing to resume.

No torch, so that pages may draw it.
"""

from __future__ import annotations

import math

from segengine.config import OptimConfig


def lr_factor(config: OptimConfig, step: int, steps_per_epoch: int, epochs: int) -> float:
    """The factor on the learning rate for one optimizer step.

    exponential and step change at epoch boundaries; cosine (Loshchilov and Hutter 2017, without
    restarts) and polynomial move with every step and would reach 0 one step after the last. During
    `warmup_epochs` the schedule's value is multiplied by a share that rises linearly to 1; it is
    above 0 at the first step.

    Args:
        step: 0-based, counted over the whole run.
        steps_per_epoch: optimizer steps in one epoch.
        epochs: epochs of the whole run.

    Returns:
        0 to 1.
    """
    warmup = config.warmup_epochs * steps_per_epoch  # in steps
    warm = min(1.0, (step + 1) / warmup) if warmup else 1.0
    return warm * _scheduled(config, step, steps_per_epoch, epochs)


def _scheduled(config: OptimConfig, step: int, steps_per_epoch: int, epochs: int) -> float:
    """The schedule without its warm-up."""
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
