"""Labels at an image's own size, in memory that does not grow with the image."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from segengine.inference.mask_files import index_masks

_BAND = 2**24  # logits that are at full size at once (64 MiB)


def full_size_labels(logits: Tensor, size: tuple[int, int]) -> np.ndarray:
    """The labels (H, W) uint8 that bilinear interpolation of logits (1, C, h, w) to `size` gives.

    All logits of an image of 8,000 x 6,000 pixels and 19 classes would be 3.6 GB. Since the
    interpolation is separable, a band of rows is enough at a time: first between its rows, then
    along them. Pixel centers lie as in `interpolate` with `align_corners=False`.
    """
    height, width = size
    rows = logits.shape[-2]
    centers = ((torch.arange(height, dtype=torch.float64) + 0.5) * (rows / height) - 0.5).clamp(0)
    above = centers.long().clamp(max=rows - 1)
    below = (above + 1).clamp(max=rows - 1)
    share = (centers - above).to(logits.dtype)[:, None]  # of the row below
    above, below, share = (part.to(logits.device) for part in (above, below, share))
    labels = np.empty(size, np.uint8)
    step = max(1, _BAND // (logits.shape[1] * width))
    for start in range(0, height, step):
        band = slice(start, start + step)
        lines = torch.lerp(logits[:, :, above[band]], logits[:, :, below[band]], share[band])
        full = F.interpolate(lines, size=(lines.shape[-2], width), mode="bilinear")
        labels[band] = index_masks(full)[0]
    return labels
