"""The feature cache: a frozen encoder's features, computed once per image, on disk.

A frozen encoder in evaluation mode gives the same features for an image in every epoch. Without
augmentation they are computed when an image is first used, and read back from then on, so that a
step is the decoder's work only. The memory-mapped files have no name: they are gone when the
process ends, however it ends.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from segengine.batches.load import Change, load_batch, load_masks, to_device
from segengine.datasets.cache import cache_dir
from segengine.datasets.decoded import DecodedSplit
from segengine.datasets.sampler import Indices
from segengine.device import Precision, autocast
from segengine.models.base import Features, SegmentationModel


@dataclass(frozen=True)
class FeatureLayout:
    """How one of the encoder's feature maps is stored.

    Attributes:
        key: its key in the features, or its index where they are a list.
        shape: without N, in the order in which it is stored.
        channels_last: whether it is (N, C, H, W) in (N, H, W, C) order; it is stored in that order.
    """

    key: int | str
    shape: tuple[int, ...]
    dtype: torch.dtype
    channels_last: bool

    @classmethod
    def from_feature(cls, key: int | str, feature: Tensor) -> FeatureLayout:
        """The layout of a feature map (N, ...)."""
        channels_last = (
            feature.ndim == 4
            and not feature.is_contiguous()
            and feature.is_contiguous(memory_format=torch.channels_last)
        )
        stored = feature.permute(0, 2, 3, 1) if channels_last else feature
        return cls(key, tuple(stored.shape[1:]), feature.dtype, channels_last)

    @property
    def bytes_per_image(self) -> int:
        """Size of the map of one image."""
        return math.prod(self.shape) * self.dtype.itemsize

    def to_rows(self, feature: Tensor) -> np.ndarray:
        """A map (N, ...) as raw bytes (N, bytes_per_image), since NumPy has no bfloat16."""
        stored = feature.permute(0, 2, 3, 1) if self.channels_last else feature
        flat = stored.detach().contiguous().cpu().reshape(len(feature), -1)
        rows: np.ndarray = flat.view(torch.uint8).numpy()
        return rows

    def from_rows(self, rows: np.ndarray, device: torch.device) -> Tensor:
        """The map that `to_rows` was given, on the device."""
        stored = torch.from_numpy(rows).view(self.dtype).view(len(rows), *self.shape)
        stored = to_device(stored, device)
        return stored.permute(0, 3, 1, 2) if self.channels_last else stored


class FeatureCache:
    """The features of one split's images, once they were computed.

    Args:
        layouts: of the encoder's feature maps.
        images: number of images.

    Raises:
        OSError: the disk has no room for them.
    """

    def __init__(self, layouts: Sequence[FeatureLayout], images: int) -> None:
        self.layouts = tuple(layouts)
        self._rows = [_nameless_array((images, layout.bytes_per_image)) for layout in layouts]
        self._known = np.zeros(images, dtype=bool)

    def get(self, indices: Indices, device: torch.device) -> Features | None:
        """The features of the images, on the device; None unless all of them are known."""
        if not self._known[indices].all():
            return None
        features = {
            layout.key: layout.from_rows(rows[indices], device)
            for layout, rows in zip(self.layouts, self._rows, strict=True)
        }
        if all(isinstance(key, int) for key in features):
            return list(features.values())
        return {str(key): feature for key, feature in features.items()}

    def put(self, indices: Indices, features: Features) -> None:
        """Keep the features of the images."""
        maps = (feature for _, feature in _items(features))
        for layout, feature, rows in zip(self.layouts, maps, self._rows, strict=True):
            rows[indices] = layout.to_rows(feature)
        self._known[indices] = True


@dataclass(frozen=True, kw_only=True)
class EncodedSplit(DecodedSplit):
    """A split with a feature cache."""

    cache: FeatureCache


def with_feature_caches(
    splits: Sequence[DecodedSplit],
    model: SegmentationModel,
    device: torch.device,
    precision: Precision,
    limit: float,
) -> tuple[list[DecodedSplit], int]:
    """(the splits with feature caches, the bytes that these take on disk).

    Args:
        model: its encoder is frozen, and on the device.
        limit: largest number of bytes; where more are needed, or the disk has no room for them, the
            splits are returned as they are, with 0 bytes.
    """
    with torch.inference_mode(), autocast(device, precision):
        images, _ = load_batch(splits[0], np.arange(1), device, normalization=model.normalization)
        features = model.encode(images)
    layouts = [FeatureLayout.from_feature(key, feature) for key, feature in _items(features)]
    total = sum(layout.bytes_per_image for layout in layouts) * sum(map(len, splits))
    if total > limit:
        return list(splits), 0
    try:
        caches = [FeatureCache(layouts, len(split)) for split in splits]
    except OSError:  # no room on the disk: without a cache the run is slower, not wrong
        return list(splits), 0
    encoded: list[DecodedSplit] = [
        EncodedSplit(**vars(split), cache=cache)
        for split, cache in zip(splits, caches, strict=True)
    ]
    return encoded, total


def encoded_batch(
    model: SegmentationModel,
    split: DecodedSplit,
    indices: Indices,
    device: torch.device,
    change: Change | None = None,
) -> tuple[Features, Tensor]:
    """(the encoder's features of a batch, its masks (B, H, W) int64).

    Where the split has a cache, features are read from it, or put into it once computed.

    Args:
        change: as in `load_batch`; a split whose images are changed has no cache.
    """
    cache = split.cache if isinstance(split, EncodedSplit) else None
    kept = cache.get(indices, device) if cache else None
    if kept is not None:
        return kept, load_masks(split, indices, device)
    images, masks = load_batch(split, indices, device, change, model.normalization)
    features = model.encode(images)
    if cache:
        cache.put(indices, features)
    return features, masks


def _items(features: Features) -> list[tuple[int | str, Tensor]]:
    if isinstance(features, dict):
        return list(features.items())
    return list(enumerate(features))


def _nameless_array(shape: tuple[int, int]) -> np.memmap:
    """A uint8 array in a file without a name; OSError where the disk has no room for it."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=cache_dir()) as file:
        size = math.prod(shape)
        if hasattr(os, "posix_fallocate"):  # macOS has none
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
        return np.memmap(file, dtype=np.uint8, mode="r+", shape=shape)
