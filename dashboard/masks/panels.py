"""What the Masks page shows of one image: the photograph, the truth and a panel a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypedDict

import numpy as np
from PIL import Image

from dashboard.masks import overlays
from dashboard.shared import formats
from segengine.config import DataConfig
from segengine.datasets import open_dataset
from segengine.datasets.base import ClassInfo, SegDataset
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

    `masks` and `errors` are addresses of overlays ("" where there is none), `iou` is a text a
    class, `void` tells whether there are pixels that do not count, `message` says why a mask is
    not shown.
    """

    id: str
    title: str
    color: str
    note: str
    masks: str
    errors: str
    labels: overlays.Labels | None
    miou: str
    iou: list[str]
    void: bool
    message: str


@dataclass(frozen=True)
class ShownRun:
    """A run of the comparison: its masks, and its name and colour on every page."""

    masks: MaskSet
    label: str
    color: str


@dataclass(frozen=True)
class Scene:
    """One validation image as the dataset has it.

    Attributes:
        photo: address of the photograph; "" where the dataset is gone.
        aspect: width / height; 0 where it cannot be known.
        truth: (H, W) uint8 at native size; None where the dataset is gone.
        problem: why photograph and truth are missing, in a sentence.
    """

    photo: str = ""
    aspect: float = 0.0
    truth: np.ndarray | None = None
    problem: str = ""


@lru_cache(maxsize=8)
def dataset_of(config: DataConfig) -> SegDataset:
    """The validation split of a run's dataset, listed once; UserError where it is gone."""
    return open_dataset(config, "val")


def open_scene(configs: Sequence[DataConfig], name: str) -> Scene:
    """The photograph and the truth of one image, from the first folder that still has them.

    Where none has, the Scene carries the problem instead.
    """
    scene = Scene(
        problem="Photograph and ground truth cannot be shown: no run's config is readable."
    )
    for config in dict.fromkeys(configs):
        scene = _open_scene(config, name)
        if not scene.problem:
            break
    return scene


def _open_scene(config: DataConfig, name: str) -> Scene:
    try:
        dataset = dataset_of(config)
        files = dataset.files(name)
        stamps = tuple(path.stat().st_mtime_ns for path in files)
        return _scene(dataset, name, stamps)
    except (UserError, OSError) as error:
        reason = str(error)
        if isinstance(error, OSError):
            reason = f"{error.filename} is gone."
        return Scene(problem=f"Photograph and ground truth cannot be shown. {reason}")


@lru_cache(maxsize=32)
def _scene(dataset: SegDataset, name: str, stamps: tuple[int, ...]) -> Scene:
    """Decoded once for each state (`stamps`: modification times) of the files."""
    image = dataset.image(name)
    photo = overlays.data_uri(overlays.photo_jpeg(image))
    return Scene(photo, image.shape[1] / image.shape[0], dataset.mask(name).astype(np.uint8))


def build_panels(
    scene: Scene,
    shown: Sequence[ShownRun],
    name: str,
    classes: Sequence[ClassInfo],
    ignore_index: int,
) -> list[Panel]:
    """Input, ground truth and one prediction a run, in this order."""
    panels = [_panel("photo", "Input"), _panel("truth", "Ground truth")]
    if scene.truth is not None:
        height, width = scene.truth.shape
        panels[0]["note"] = panels[1]["note"] = f"{width} × {height} pixels"
        small = overlays.shrink(scene.truth, overlays.TRUTH_SIDE)
        panels[1]["masks"] = overlays.data_uri(overlays.mask_png(small, classes, ignore_index))
        panels[1]["labels"] = overlays.labels(scene.truth)
        panels[1]["void"] = bool((scene.truth == ignore_index).any())
    else:
        panels[1]["message"] = "Not available"
    return panels + [_prediction(scene, run, name, classes, ignore_index) for run in shown]


def _prediction(
    scene: Scene, run: ShownRun, name: str, classes: Sequence[ClassInfo], ignore_index: int
) -> Panel:
    panel = _panel(run.masks.run.id, run.label, run.color)
    panel["note"] = run.masks.caption
    try:
        mask = run.masks.mask(name)
        panel["masks"] = overlays.data_uri(overlays.mask_png(mask, classes, ignore_index))
        panel["labels"] = overlays.labels(mask)
        found: ImageScore | None
        if scene.truth is None:
            found = saved_scores(run.masks.run.per_image_file).get(name) if run.masks.best else None
        else:
            found, fitted = score(mask, scene.truth, len(classes), ignore_index)
            background = overlays.background_index(classes)
            errors = error_map(mask, fitted, background, ignore_index)
            panel["errors"] = overlays.data_uri(overlays.error_png(errors))
    except UserError as error:
        panel["message"] = str(error)
        return panel
    panel["miou"] = formats.miou(found.miou if found else None)
    panel["iou"] = [formats.miou(value) for value in found.iou] if found else []
    return panel


def aspect_of(scene: Scene, shown: Sequence[ShownRun], name: str) -> float:
    """Width / height of all panels: the photograph's, else the first readable prediction's."""
    if scene.aspect:
        return scene.aspect
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
    """Image -> mIoU of a run, for putting images in order; empty where it cannot be known."""
    if shown.masks.best:
        return set_mious(shown.masks, names, None, classes, ignore)
    dataset = next(filter(None, map(_dataset_or_none, dict.fromkeys(configs))), None)
    return _latest_mious(shown.masks, tuple(names), dataset, classes, ignore)


def _dataset_or_none(config: DataConfig) -> SegDataset | None:
    try:
        return dataset_of(config)
    except UserError:
        return None


@lru_cache(maxsize=32)
def _latest_mious(
    masks: MaskSet, names: tuple[str, ...], dataset: SegDataset | None, classes: int, ignore: int
) -> dict[str, float]:
    """A validation's masks never change once its epoch is logged: count them once."""
    return set_mious(masks, names, dataset, classes, ignore)


def _panel(identity: str, title: str, color: str = "") -> Panel:
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
