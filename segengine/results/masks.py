"""The predicted masks that a run has to show, and how well each fits the truth."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from segengine.config import DataConfig
from segengine.datasets.base import IGNORE_INDEX, ClassInfo, SegDataset, read_image
from segengine.datasets.decoded import resize_mask
from segengine.errors import UserError
from segengine.results.runlog import RunLog
from segengine.run.rundir import RunDir
from segengine.statistics import scores

Order = Literal["name", "hardest", "gap"]


@dataclass(frozen=True)
class MaskSet:
    """Predicted masks of one moment of a run.

    Attributes:
        folder: where `<image>.png` index masks lie.
        epoch: the epoch whose weights made them (1-based); 0 where the log does not say.
        epochs: epochs planned.
        best: whether they are the best weights' masks of the whole validation set; else they are
            the latest validation's, of the few images that are kept at every validation.
    """

    run: RunDir
    folder: Path
    epoch: int
    epochs: int
    best: bool

    @property
    def caption(self) -> str:
        """Which weights made them: "epoch 7 of 30, best weights"."""
        moment = f"epoch {self.epoch} of {self.epochs}"
        return f"{moment}, best weights" if self.best else f"latest validation, {moment}"

    def names(self) -> frozenset[str]:
        """The images that have a mask here; empty where the folder is gone."""
        found = []
        for folder, _, files in os.walk(self.folder):
            inner = os.path.relpath(folder, self.folder)
            prefix = "" if inner == "." else inner.replace(os.sep, "/") + "/"
            found += [prefix + file[:-4] for file in files if file.endswith(".png")]
        return frozenset(found)

    def mask(self, name: str) -> np.ndarray:
        """The predicted classes of one image: (H, W) uint8 at the run's image size.

        Raises:
            UserError: the file is gone or torn.
        """
        path = self.folder / f"{name}.png"
        try:
            image = read_image(path)
        except UserError:
            raise UserError(f"The predicted mask {path} is missing or damaged.") from None
        # Never convert: of a palette image that would give its colors' brightness, not the labels.
        labels = np.asarray(image)
        if labels.ndim != 2 or labels.dtype != np.uint8:
            raise UserError(f"The predicted mask {path} is no index mask of 8 bits a pixel.")
        return labels


def mask_set(run: RunDir, log: RunLog) -> MaskSet | None:
    """What a run has to show now; None before its first validation.

    Once a run has ended these are its predictions; a run at work (also one that was resumed) shows
    its latest validation.
    """
    epochs = log.started["epochs"] if log.started else 0
    if log.end and run.per_image_file.is_file():
        best = log.best()
        return MaskSet(run, run.predictions, best.epoch if best else 0, epochs, best=True)
    for epoch in sorted(log.masks, reverse=True):
        if run.masks(epoch).is_dir():
            return MaskSet(run, run.masks(epoch), epoch, epochs, best=False)
    return None


def classes_of(log: RunLog) -> tuple[ClassInfo, ...]:
    """The classes as the run itself logged them; empty before it started."""
    logged = log.started["classes"] if log.started else []
    return tuple(ClassInfo(record["name"], record["color"]) for record in logged)


def ignore_index_of(log: RunLog) -> int:
    """The label of void pixels, as the run itself logged it."""
    return log.started["ignore_index"] if log.started else IGNORE_INDEX


def common_images(sets: Iterable[MaskSet]) -> list[str]:
    """The images that every set has a mask of, by name."""
    names = [masks.names() for masks in sets]
    return sorted(frozenset.intersection(*names)) if names else []


@dataclass(frozen=True)
class ImageScore:
    """How well one predicted mask fits: mIoU, 0 to 1, and IoU a class.

    A class that is neither in the truth nor predicted has None.
    """

    miou: float
    iou: tuple[float | None, ...]


def score(
    predicted: np.ndarray, truth: np.ndarray, classes: int, ignore_index: int
) -> tuple[ImageScore, np.ndarray]:
    """Score a mask as the engine does: at its own size, the truth resized to it.

    Args:
        predicted: (h, w) classes.
        truth: (H, W) classes at any size.

    Returns:
        The score, and the truth at (h, w).

    Raises:
        UserError: a label is no class of the run.
    """
    fitted = resize_mask(truth, (predicted.shape[0], predicted.shape[1]))
    try:
        matrix = scores.confusion_matrix(predicted, fitted, classes, ignore_index)
    except ValueError as error:
        raise UserError(f"This mask cannot be scored: {error}") from None
    found = [None if math.isnan(value) else float(value) for value in scores.iou(matrix)]
    return ImageScore(scores.miou(matrix), tuple(found)), fitted


def saved_scores(path: Path) -> dict[str, ImageScore]:
    """Image -> score, from a `per_image.csv`. Torn or foreign rows are passed over."""
    try:
        with open(path, newline="", encoding="utf-8", errors="replace") as file:
            rows = list(csv.DictReader(file))
    except (OSError, csv.Error):
        return {}
    found = {}
    for row in rows:
        columns = [name for name in row if name and name.startswith("iou_")]
        try:
            ious = tuple(float(row[name]) if row[name] else None for name in columns)
            found[row["image"]] = ImageScore(float(row["miou"]), ious)
        except (KeyError, TypeError, ValueError):
            continue
    return found


def set_mious(
    masks: MaskSet,
    names: Sequence[str],
    dataset: SegDataset | None,
    classes: int,
    ignore_index: int,
) -> dict[str, float]:
    """Image -> mIoU of a set: as saved with predictions, counted anew for a latest validation.

    Images that cannot be read are left out; without a dataset only saved scores are there.
    """
    if masks.best:
        return {name: found.miou for name, found in saved_scores(masks.run.per_image_file).items()}
    if dataset is None:
        return {}
    mious = {}
    for name in names:
        try:
            found, _ = score(masks.mask(name), dataset.mask(name), classes, ignore_index)
        except UserError:
            continue
        mious[name] = found.miou
    return mious


def order_images(
    names: Sequence[str], mious: Sequence[Mapping[str, float]], by: Order
) -> list[str]:
    """The images in the order that a person wants to see them.

    Args:
        mious: for each run, image -> mIoU; images without one come last.
        by: name; hardest (lowest mean mIoU of the runs first); gap (largest difference between the
            best and the worst run first).
    """
    if by == "name":
        return sorted(names)

    def rank(name: str) -> tuple[float, str]:
        found = [run[name] for run in mious if name in run]
        if not found:
            return math.inf, name
        return (sum(found) / len(found) if by == "hardest" else min(found) - max(found)), name

    return sorted(names, key=rank)


def error_map(
    predicted: np.ndarray, truth: np.ndarray, background: int | None, ignore_index: int
) -> np.ndarray:
    """Where a prediction errs: (H, W) uint8 of 0 right or void, 1 missed, 2 wrong.

    Missed is a pixel of some class that was predicted as background; any other disagreement is
    wrong. Without a background class nothing can be missed.
    """
    found = np.where(predicted == truth, 0, 2).astype(np.uint8)
    if background is not None:
        found[(found == 2) & (predicted == background)] = 1
    found[truth == ignore_index] = 0
    return found


def mismatch(classes: Sequence[Sequence[ClassInfo]], data: Sequence[DataConfig]) -> str:
    """Why runs cannot stand side by side, in one sentence; "" where they can.

    Args:
        classes: the classes of each run.
        data: the data section of each run. Two folders of people's own are two datasets.
    """
    named = (f"folder {one.root}" if one.dataset == "folder" else one.dataset for one in data)
    known = list(dict.fromkeys(named))
    if len(known) > 1:
        return (
            f"The chosen runs learned from different datasets ({', '.join(known)}): choose runs "
            "of one dataset."
        )
    if len({tuple(one.name for one in run) for run in classes}) > 1:
        return "The chosen runs predict different classes: choose runs of one dataset."
    return ""
