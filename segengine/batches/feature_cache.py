"""A frozen encoder's features, computed once an image and kept in memory-mapped files.

A frozen encoder in eval mode makes the same features of an image in every epoch. Where nothing is
augmented they are computed when an image is first seen, and read back from then on: what is left of
a step is the decoder's work. The files have no name, so they go with the process, however it ends.
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

from segengine.batches.load import Change, load_batch, load_masks
from segengine.datasets.decoded import DecodedSplit, cache_dir
from segengine.datasets.sampler import Indices
from segengine.device import Precision, autocast
from segengine.models.base import Features, SegmentationModel


@dataclass(frozen=True)
class Level:
    """One of the encoder's feature maps: its key (in a list, its place), shape without N, type.

    Attributes:
        channels_last: whether it is (N, C, H, W) in (N, H, W, C) order; it is kept in that order.
    """

    key: int | str
    shape: tuple[int, ...]
    dtype: torch.dtype
    channels_last: bool

    @classmethod
    def of(cls, key: int | str, feature: Tensor) -> Level:
        """The level that a feature map (N, ...) belongs to."""
        turned = feature.ndim == 4 and not feature.is_contiguous()
        turned = turned and feature.is_contiguous(memory_format=torch.channels_last)
        inner = feature.permute(0, 2, 3, 1) if turned else feature
        return cls(key, tuple(inner.shape[1:]), feature.dtype, turned)

    @property
    def bytes(self) -> int:
        """Room that one image takes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def to_rows(self, feature: Tensor) -> np.ndarray:
        """(N, ...) features as raw bytes (N, bytes): NumPy has no bfloat16."""
        inner = feature.permute(0, 2, 3, 1) if self.channels_last else feature
        flat = inner.detach().contiguous().cpu().reshape(len(feature), -1)
        rows: np.ndarray = flat.view(torch.uint8).numpy()
        return rows

    def from_rows(self, rows: np.ndarray, device: torch.device) -> Tensor:
        """What `to_rows` was given."""
        inner = torch.from_numpy(rows).view(self.dtype).view(len(rows), *self.shape)
        if device.type == "cuda":
            inner = inner.pin_memory().to(device, non_blocking=True)
        return inner.permute(0, 3, 1, 2) if self.channels_last else inner


class FeatureCache:
    """The features of one split's images, as far as they were computed.

    Args:
        levels: what the encoder makes of an image.
        images: number of images.
    """

    def __init__(self, levels: Sequence[Level], images: int) -> None:
        self.levels = tuple(levels)
        self._rows = [_nameless_array((images, level.bytes)) for level in levels]
        self._known = np.zeros(images, dtype=bool)

    def get(self, indices: Indices, device: torch.device) -> Features | None:
        """The features of these images, on the device; None unless all of them are known."""
        if not self._known[indices].all():
            return None
        found = {
            level.key: level.from_rows(rows[indices], device)
            for level, rows in zip(self.levels, self._rows, strict=True)
        }
        if all(isinstance(key, int) for key in found):
            return list(found.values())
        return {str(key): feature for key, feature in found.items()}

    def put(self, indices: Indices, features: Features) -> None:
        """Keep the features of these images."""
        for level, (_, feature), rows in zip(
            self.levels, _items(features), self._rows, strict=True
        ):
            rows[indices] = level.to_rows(feature)
        self._known[indices] = True


@dataclass(frozen=True)
class EncodedSplit(DecodedSplit):
    """A split whose features are kept."""

    cache: FeatureCache


def with_features(
    splits: Sequence[DecodedSplit],
    model: SegmentationModel,
    device: torch.device,
    precision: Precision,
    limit: float,
) -> tuple[list[DecodedSplit], int]:
    """The splits with a feature cache each, and the bytes that all of it takes.

    Args:
        model: its encoder is frozen, and on the device.
        limit: bytes that it may take; where it would take more, or the disk has no such room, the
            splits come back as they are, with 0 bytes.
    """
    one = np.arange(1)
    with torch.inference_mode(), autocast(device, precision):
        features = model.encode(load_batch(splits[0], one, device)[0])
    levels = [Level.of(key, feature) for key, feature in _items(features)]
    total = sum(level.bytes for level in levels) * sum(map(len, splits))
    if total > limit:
        return list(splits), 0
    try:
        caches = [FeatureCache(levels, len(split)) for split in splits]
    except OSError:  # no room on the disk: a run without it is slower, not wrong
        return list(splits), 0
    kept: list[DecodedSplit] = [
        EncodedSplit(split.names, split.images, split.masks, split.classes, cache)
        for split, cache in zip(splits, caches, strict=True)
    ]
    return kept, total


def encoded_batch(
    model: SegmentationModel,
    split: DecodedSplit,
    indices: Indices,
    device: torch.device,
    change: Change | None = None,
) -> tuple[Features, Tensor]:
    """What the encoder makes of a batch, and its masks (B, H, W) int64.

    Features that the split keeps are read back, or kept once they are computed.

    Args:
        change: as in `load_batch`; a split whose images change keeps no features.
    """
    cache = split.cache if isinstance(split, EncodedSplit) else None
    known = cache.get(indices, device) if cache else None
    if known is not None:
        return known, load_masks(split, indices, device)
    images, masks = load_batch(split, indices, device, change)
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
