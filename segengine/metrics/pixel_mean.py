"""The mean loss over the pixels of many batches."""

from __future__ import annotations

import torch
from torch import Tensor


class PixelMean:
    """The mean of the batches' mean losses, weighted by their pixels; kept on the device.

    Args:
        total, pixels: `sums` of earlier batches.
    """

    def __init__(self, device: torch.device, total: float = 0.0, pixels: float = 0.0) -> None:
        # float64: float32 sums drift over the billions of pixels of a long epoch.
        self._sums = torch.tensor([total, pixels], dtype=torch.float64, device=device)

    def add(self, loss: Tensor, masks: Tensor, ignore_index: int = 255) -> None:
        """Count one batch: its mean loss (0-dimensional) and its masks (B, H, W)."""
        pixels = (masks != ignore_index).sum()
        self._sums += torch.stack([loss.detach().double() * pixels, pixels.double()])

    def sums(self) -> tuple[float, float]:
        """(sum of the losses over the pixels, pixels), for a checkpoint."""
        total, pixels = self._sums.tolist()
        return total, pixels

    def reset(self) -> None:
        """Forget all batches."""
        self._sums.zero_()

    def value(self) -> float:
        """The mean over all pixels that count; 0 where none does."""
        total, pixels = self.sums()
        return total / pixels if pixels else 0.0
