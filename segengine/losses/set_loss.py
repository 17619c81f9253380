"""The loss over many batches, from their sums."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from segengine.losses.base import Loss, Sums


class SetLoss:
    """The loss of all batches together (see `Loss.sums`); kept on the device that computes.

    Args:
        sums: `sums` of earlier batches, as tensors or numbers.
    """

    def __init__(self, loss: Loss, sums: Sequence[Tensor | float] = ()) -> None:
        self._loss = loss
        self._sums = tuple(torch.as_tensor(value, dtype=torch.float64) for value in sums)

    def add(self, sums: Sums) -> None:
        """Count one batch."""
        # float64: float32 sums drift over the billions of pixels of a long epoch.
        new = [value.detach().double() for value in sums]
        if self._sums:
            new = [old.to(value.device) + value for old, value in zip(self._sums, new, strict=True)]
        self._sums = tuple(new)

    def sums(self) -> list[Tensor]:
        """The sums so far, for a checkpoint."""
        return [value.cpu() for value in self._sums]

    def reset(self) -> None:
        """Forget all batches."""
        self._sums = ()

    def value(self) -> float:
        """The loss over all pixels that count; 0 where none does."""
        return self._loss.value(*self._sums).item() if self._sums else 0.0
