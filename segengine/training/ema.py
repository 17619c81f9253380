"""An exponential moving average of a model's weights (Polyak and Juditsky 1992)."""

from __future__ import annotations

import copy
from typing import Any

import torch

from segengine.models.base import SegmentationModel


class ExponentialMovingAverage:
    """A model whose weights follow another's slowly. (torch's AveragedModel waits for a GPU.)

    After n steps the decay is min(decay, (1 + n) / (10 + n)): with the full decay from the start, a
    short run's average would hardly leave its random beginning. Buffers (batch norm) are copied.

    Attributes:
        model: the average, never trained itself.
        steps: how often it was updated.
    """

    def __init__(self, model: SegmentationModel, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.steps = 0
        self._decay = decay

    @torch.no_grad()
    def update(self, model: SegmentationModel) -> None:
        """Move toward the model as it is after a step."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - decay)
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)

    def to_state(self) -> dict[str, Any]:
        """For a checkpoint: `ema` is a state dict like the model's own."""
        return {"ema": dict(self.model.state_dict()), "ema_steps": self.steps}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `to_state` gave."""
        self.model.load_state_dict(state["ema"])
        self.steps = state["ema_steps"]
