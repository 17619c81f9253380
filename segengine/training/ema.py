"""An exponential moving average of a model's weights (Polyak and Juditsky 1992)."""

from __future__ import annotations

import copy
from typing import Any

import torch

from segengine.models.base import SegmentationModel


class ExponentialMovingAverage:
    """The average of a model's weights. (torch's own AveragedModel waits for a GPU.)

    After n steps the decay is min(decay, (1 + n) / (10 + n)): with the full decay from the start,
    the average of a short run would still be close to its random weights. Buffers (batch norm) are
    copied.

    Args:
        model: the model that is trained; it is copied.
        decay: 0 to 1; the larger, the longer the average.

    Attributes:
        model: the model with the averaged weights; it is not trained.
        steps: number of updates.
    """

    def __init__(self, model: SegmentationModel, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.steps = 0
        self._decay = decay

    @torch.no_grad()
    def update(self, model: SegmentationModel) -> None:
        """Move the average toward the model's weights after an optimizer step."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - decay)
        for averaged, current in zip(self.model.buffers(), model.buffers(), strict=True):
            averaged.copy_(current)

    def to_state(self) -> dict[str, Any]:
        """For a checkpoint: `ema` is a state dict like the model's own."""
        return {"ema": dict(self.model.state_dict()), "ema_steps": self.steps}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `to_state` gave."""
        self.model.load_state_dict(state["ema"])
        self.steps = state["ema_steps"]
