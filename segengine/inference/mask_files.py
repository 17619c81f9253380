"""Predicted masks as files: PNGs of class indices whose palette has the classes' colors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segengine.datasets.base import ClassInfo
from segengine.errors import UserError
from segengine.files import atomic_write, cannot_write
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _with_palette(labels, classes).save(path)
    except OSError as error:
        raise cannot_write(path, error) from error


def save_new_mask(
    path: Path, labels: np.ndarray, classes: Sequence[ClassInfo], *, overwrite: bool = False
) -> None:
    """Write an index mask as `save_mask` does, but among files of a person's own.

    Args:
        overwrite: take the place of a file (or of a link: what it leads to stays as it is).

    Raises:
        UserError: there is a file or a link of that name, or the disk is full or cannot be written;
            no half of a mask stays.
    """
    if not overwrite:
        _claim(path)
    try:
        with atomic_write(path) as file:
            _with_palette(labels, classes).save(file, "PNG")
    except BaseException:
        if not overwrite:
            path.unlink(missing_ok=True)
        raise


def _claim(path: Path) -> None:
    """Make an empty file of that name, which is ours then, whoever else writes there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("xb").close()
    except OSError as error:
        if os.path.lexists(path):
            raise already_there([path]) from None
        raise cannot_write(path, error) from error


def already_there(paths: Sequence[Path]) -> UserError:
    """The error for masks whose names are taken by files or links."""
    more = f" and {len(paths) - 1:,} more of the masks' names are" if len(paths) > 1 else " is"
    return UserError(
        f"{paths[0]}{more} there already: choose another folder, or give --overwrite to replace.",
        field="out",
    )


def _with_palette(labels: np.ndarray, classes: Sequence[ClassInfo]) -> Image.Image:
    image = Image.fromarray(labels, mode="P")
    palette = [int(info.color[start : start + 2], 16) for info in classes for start in (1, 3, 5)]
    image.putpalette(palette + [0] * (768 - len(palette)))
    return image
