"""Color arithmetic on batches of RGB images of 0 to 1, (B, 3, H, W), each with its own amount."""

from __future__ import annotations

import torch
from torch import Tensor

_LUMA = (0.2989, 0.587, 0.114)  # shares of red, green and blue in brightness (ITU-R BT.601)


def to_gray(images: Tensor) -> Tensor:
    """Brightness (B, 1, H, W)."""
    red, green, blue = images.chunk(3, dim=1)
    return _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue


def blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """From `other` (0) to the images (1) and beyond, cut to 0 to 1; `factor` is (B, 1, 1, 1)."""
    return torch.lerp(other, images, factor).clamp_(0, 1)


def adjust_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turn every color on the circle of hues; `turns` is (B, 1, 1, 1), in whole circles.

    In HSV (Smith 1978) a color's largest channel and its spread stay, and its hue moves.
    """
    top, spread, hue = _hue(images)
    # Each channel is the top less a share of the spread that depends on its distance in hue.
    distance = torch.tensor([5.0, 3.0, 1.0], device=images.device).view(1, 3, 1, 1)
    k = (distance + hue + 6 * turns).remainder_(6)
    share = torch.minimum(k, 4 - k).clamp_(0, 1)
    return torch.addcmul(top, share, spread, value=-1)


def _hue(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(largest channel, largest less smallest, hue in sixths of a turn), each (B, 1, H, W)."""
    red, green, blue = images.chunk(3, dim=1)
    top = images.amax(1, keepdim=True)
    spread = top - images.amin(1, keepdim=True)
    safe = spread.clamp(min=torch.finfo(images.dtype).tiny)  # gray has no hue: 0 will do
    hue = torch.where(
        top == red,
        (green - blue) / safe,
        torch.where(top == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    return top, spread, hue
