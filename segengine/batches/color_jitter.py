"""Color arithmetic on batches of RGB images of 0 to 1, (B, 3, H, W), with one amount per image."""

from __future__ import annotations

import torch
from torch import Tensor

_LUMA = (0.2989, 0.587, 0.114)  # weights of red, green and blue in brightness (ITU-R BT.601)


def to_gray(images: Tensor) -> Tensor:
    """Brightness (B, 1, H, W)."""
    red, green, blue = images.chunk(3, dim=1)
    return _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue


def blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """From `other` (factor 0) to the images (1) and beyond, clamped to 0 to 1.

    Args:
        factor: (B, 1, 1, 1).
    """
    return torch.lerp(other, images, factor).clamp_(0, 1)


def adjust_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Rotate every color on the color wheel.

    In HSV (Smith 1978) the largest channel and the spread of a color stay, and its hue changes.

    Args:
        turns: (B, 1, 1, 1), in full turns of the wheel.
    """
    top, spread, hue = _hue(images)
    # A channel is the largest one less a share of the spread, by its distance in hue.
    distance = torch.tensor([5.0, 3.0, 1.0], device=images.device).view(1, 3, 1, 1)
    sixths = (distance + hue + 6 * turns).remainder_(6)
    share = torch.minimum(sixths, 4 - sixths).clamp_(0, 1)
    return torch.addcmul(top, share, spread, value=-1)


def _hue(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(largest channel, largest less smallest, hue in sixths of a turn), each (B, 1, H, W)."""
    red, green, blue = images.chunk(3, dim=1)
    top = images.amax(1, keepdim=True)
    spread = top - images.amin(1, keepdim=True)
    safe = spread.clamp(min=torch.finfo(images.dtype).tiny)  # gray has no hue: it becomes 0
    hue = torch.where(
        top == red,
        (green - blue) / safe,
        torch.where(top == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    return top, spread, hue
