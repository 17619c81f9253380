"""Predicted masks as files: PNGs of class indices whose palette has the classes' colors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segengine.datasets.base import ClassInfo
from segengine.files import cannot_write
from segengine.metrics.seg_metrics import labels_of


def index_masks(logits: Tensor) -> np.ndarray:
    """Logits (N, C, H, W) to the predicted classes (N, H, W), uint8."""
    masks: np.ndarray = labels_of(logits).to(torch.uint8).cpu().numpy()
    return masks


def save_mask(path: Path, labels: np.ndarray, classes: Sequence[ClassInfo]) -> None:
    """Write an index mask (H, W) uint8 as a PNG whose palette has the classes' colors.

    Raises:
        UserError: the disk is full or cannot be written.
    """
    image = Image.fromarray(labels, mode="P")
    palette = [int(info.color[start : start + 2], 16) for info in classes for start in (1, 3, 5)]
    image.putpalette(palette + [0] * (768 - len(palette)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    except OSError as error:
        raise cannot_write(path, error) from error
