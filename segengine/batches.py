"""From a decoded split to batches on the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from segengine.datasets.cache import DecodedSplit
from segengine.order import Indices

# ImageNet statistics (RGB, 0 to 1): what published encoder weights expect.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def load_batch(
    split: DecodedSplit, indices: Indices, device: torch.device
) -> tuple[Tensor, Tensor]:
    """A batch on the device.

    Returns:
        images (B, 3, H, W) float32, normalised, channels-last; masks (B, H, W) int64.
    """
    images = _to(torch.from_numpy(split.images[indices]), device)
    masks = _to(torch.from_numpy(split.masks[indices]), device)
    return normalise(images), masks.long()


def normalise(images: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float32 with ImageNet statistics, channels-last memory."""
    mean = torch.tensor(MEAN, device=images.device) * 255
    std = torch.tensor(STD, device=images.device) * 255
    # (B, H, W, 3) seen as (B, 3, H, W) is channels-last already: nothing is copied.
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)


def augment(
    images: Tensor, masks: Tensor, names: Sequence[str], seed: tuple[int, int, int]
) -> tuple[Tensor, Tensor]:
    """Change images (B, 3, H, W) and masks (B, H, W) together.

    Args:
        names: what to do; see `DataConfig.augment`.
        seed: (run's seed, epoch, batch): the same batch is always changed the same way, so that a
            resumed run goes on exactly as it would have.
    """
    rng = np.random.default_rng(seed)
    if "hflip" in names:
        mirrored = torch.from_numpy(rng.random(len(images)) < 0.5).to(images.device)
        images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
        masks = torch.where(mirrored[:, None, None], masks.flip(-1), masks)
        images = images.contiguous(memory_format=torch.channels_last)
    return images, masks


def _to(tensor: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor
