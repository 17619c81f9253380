"""From a decoded split to batches on the device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from segengine.datasets.decoded import DecodedSplit
from segengine.datasets.sampler import Indices
from segengine.models.normalization import IMAGENET, Normalization

# (images (B, 3, H, W) float32 RGB of 0 to 1, masks (B, H, W) int64) -> the same, changed.
Change = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def load_batch(
    split: DecodedSplit,
    indices: Indices,
    device: torch.device,
    change: Change | None = None,
    normalization: Normalization = IMAGENET,
) -> tuple[Tensor, Tensor]:
    """A batch on the device.

    Args:
        change: applied to images and masks before images are normalized.
        normalization: the model's.

    Returns:
        images (B, 3, H, W) float32, normalized, channels-last; masks (B, H, W) int64.
    """
    images = to_device(torch.from_numpy(split.images[indices]), device)
    masks = load_masks(split, indices, device)
    if change is not None:
        changed, masks = change(images.permute(0, 3, 1, 2) / 255, masks)
        images = changed.permute(0, 2, 3, 1) * 255
    return normalize(images, normalization), masks


def load_masks(split: DecodedSplit, indices: Indices, device: torch.device) -> Tensor:
    """The masks of a batch on the device: (B, H, W) int64."""
    return to_device(torch.from_numpy(split.masks[indices]), device).long()


def normalize(images: Tensor, normalization: Normalization = IMAGENET) -> Tensor:
    """(B, H, W, 3) RGB of 0 to 255 -> (B, 3, H, W) float32, less mean, by std, channels-last."""
    mean = torch.tensor(normalization.mean, device=images.device) * 255
    std = torch.tensor(normalization.std, device=images.device) * 255
    # (B, H, W, 3) seen as (B, 3, H, W) is channels-last already: nothing is copied.
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device; a GPU copies it without the CPU waiting."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor
