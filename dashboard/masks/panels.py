"""What the Masks page shows of one image: photograph, ground truth and one panel per run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypedDict

import numpy as np
from PIL import Image

from dashboard.masks import overlays
from dashboard.shared.formats import format_miou
from segengine.config import DataConfig
from segengine.datasets.base import ClassInfo, SegDataset
from segengine.datasets.splits.roles import open_role
from segengine.errors import UserError
from segengine.results.masks import (
    ImageScore,
    MaskSet,
    error_map,
    saved_scores,
    score,
    set_mious,
)


class Panel(TypedDict):
    """One picture of the row, ready for the browser.

    `masks` and `errors` are addresses of overlays ("" where there is none), `iou` holds one text
    per class, `void` tells whether there are pixels that do not count, `message` says why a mask
    is not shown.
    """

    id: str
    title: str
    color: str
    note: str
    masks: str
    errors: str
    labels: overlays.PackedLabels | None
    miou: str
    iou: list[str]
    void: bool
    message: str


@dataclass(frozen=True)
class ShownRun:
    """A run of the comparison: its masks, and its name and color on every page."""

    masks: MaskSet
    label: str
    color: str


@dataclass(frozen=True)
class GroundTruth:
    """One validation image as the dataset has it.

    Attributes:
        photo: address of the photograph; "" where the dataset is gone.
        aspect: width / height; 0 where it cannot be known.
        mask: (H, W) uint8 at native size; None where the dataset is gone.
        problem: why photograph and mask are missing, in one sentence.
    """

    photo: str = ""
    aspect: float = 0.0
    mask: np.ndarray | None = None
    problem: str = ""


@lru_cache(maxsize=8)
def _val_split(config: DataConfig) -> SegDataset:
    """The validation images of a run, listed once; UserError where they are gone."""
    return open_role(config, "val")


def open_ground_truth(configs: Sequence[DataConfig], name: str) -> GroundTruth:
    """Photograph and true mask of one image, from the first folder that still has them.

    Where none has, the problem is given instead.
    """
    reason = ": no run's config is readable."
    for config in dict.fromkeys(configs):
        try:
            dataset = _val_split(config)
            modified = tuple(path.stat().st_mtime_ns for path in dataset.files(name))
            return _decode(dataset, name, modified)
        except UserError as error:
            reason = f". {error}"
        except OSError as error:
            reason = f". {error.filename} is gone."
    return GroundTruth(problem=f"Photograph and ground truth cannot be shown{reason}")


@lru_cache(maxsize=4)  # few: the mask of 8,000 x 6,000 pixels is 48 MB
def _decode(dataset: SegDataset, name: str, modified: tuple[int, ...]) -> GroundTruth:
    """Decoded once per state (`modified`: in ns) of the files."""
    mask = dataset.mask(name).astype(np.uint8)  # an eighth, before the image is there too
    image = dataset.image(name, (mask.shape[0], mask.shape[1]))
    photo = overlays.data_uri(overlays.photo_jpeg(image))
    return GroundTruth(photo, image.shape[1] / image.shape[0], mask)


def build_panels(
    truth: np.ndarray | None,
    shown: Sequence[ShownRun],
    name: str,
    classes: Sequence[ClassInfo],
    ignore_index: int,
) -> list[Panel]:
    """Input, ground truth and one prediction per run, in this order.

    Args:
        truth: the true mask, (H, W) uint8 at native size; None where the dataset is gone.
    """
    panels = [_empty_panel("photo", "Input"), _empty_panel("truth", "Ground truth")]
    if truth is not None:
        panels[0]["note"] = panels[1]["note"] = f"{truth.shape[1]} × {truth.shape[0]} pixels"
        small = overlays.shrink_mask(truth, overlays.TRUTH_SIDE)
        panels[1]["masks"] = overlays.data_uri(overlays.mask_png(small, classes, ignore_index))
        panels[1]["labels"] = overlays.pack_labels(truth)
        panels[1]["void"] = bool((truth == ignore_index).any())
    else:
        panels[1]["message"] = "Not available"
    return panels + [_prediction(truth, run, name, classes, ignore_index) for run in shown]


def _prediction(
    truth: np.ndarray | None,
    run: ShownRun,
    name: str,
    classes: Sequence[ClassInfo],
    ignore_index: int,
) -> Panel:
    panel = _empty_panel(run.masks.run.id, run.label, run.color)
    panel["note"] = run.masks.caption
    try:
        mask = run.masks.mask(name)
        panel["masks"] = overlays.data_uri(overlays.mask_png(mask, classes, ignore_index))
        panel["labels"] = overlays.pack_labels(mask)
        image_score: ImageScore | None = None
        if truth is not None:
            image_score, fitted = score(mask, truth, len(classes), ignore_index)
            background = overlays.background_index(classes)
            errors = error_map(mask, fitted, background, ignore_index)
            panel["errors"] = overlays.data_uri(overlays.error_png(errors))
        elif run.masks.best:
            image_score = saved_scores(run.masks.run.per_image_file).get(name)
    except UserError as error:
        panel["message"] = str(error)
        return panel
    panel["miou"] = format_miou(image_score.miou if image_score else None)
    panel["iou"] = [format_miou(value) for value in image_score.iou] if image_score else []
    return panel


def aspect_of(ground_truth: GroundTruth, shown: Sequence[ShownRun], name: str) -> float:
    """Width / height of all panels: the photograph's, else the first readable prediction's."""
    if ground_truth.aspect:
        return ground_truth.aspect
    for run in shown:
        try:
            width, height = Image.fromarray(run.masks.mask(name)).size
        except UserError:
            continue
        return width / height
    return 1.0


def mious_of(
    shown: ShownRun, names: Sequence[str], configs: Sequence[DataConfig], classes: int, ignore: int
) -> dict[str, float]:
    """Image -> mIoU of a run, to order images by; empty where it cannot be known."""
    if shown.masks.best:
        return set_mious(shown.masks, names, None, classes, ignore)
    dataset = next(filter(None, map(_val_split_or_none, dict.fromkeys(configs))), None)
    return _latest_mious(shown.masks, tuple(names), dataset, classes, ignore)


def _val_split_or_none(config: DataConfig) -> SegDataset | None:
    try:
        return _val_split(config)
    except UserError:
        return None


@lru_cache(maxsize=32)
def _latest_mious(
    masks: MaskSet, names: tuple[str, ...], dataset: SegDataset | None, classes: int, ignore: int
) -> dict[str, float]:
    """A validation's masks never change once its epoch is logged: count them once."""
    return set_mious(masks, names, dataset, classes, ignore)


def _empty_panel(identity: str, title: str, color: str = "") -> Panel:
    return {
        "id": identity,
        "title": title,
        "color": color,
        "note": "",
        "masks": "",
        "errors": "",
        "labels": None,
        "miou": "",
        "iou": [],
        "void": False,
        "message": "",
    }
