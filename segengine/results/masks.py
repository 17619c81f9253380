"""The predicted masks that a run can show, and how well each fits the truth."""

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
from segengine.datasets.base import IGNORE_INDEX, ClassInfo, SegDataset
from segengine.datasets.decoded import resize_mask
from segengine.datasets.formats.image_file import read_image
from segengine.errors import UserError
from segengine.files.csv_cells import csv_name
from segengine.results.runlog import RunLog
from segengine.results.scored_on import at_size
from segengine.run.rundir import RunDir
from segengine.statistics import scores

Order = Literal["name", "hardest", "gap"]
MISSED, FALSE_ALARM, WRONG = 1, 2, 3  # in an error map


@dataclass(frozen=True)
class MaskSet:
    """Predicted masks of a run, all made by the weights of one epoch.

    Attributes:
        folder: where the index masks `<image>.png` lie.
        epoch: the epoch of the weights, 1-based; 0 where the log does not say.
        epochs: epochs planned.
        size: height and width of the masks, in pixels; () where the log does not say.
        images: the images that the run was validated on; 0 where the log does not say.
        best: True: the best weights' masks of the whole validation set; False: the latest
            validation's masks of the film's few images.
    """

    run: RunDir
    folder: Path
    epoch: int
    epochs: int
    best: bool
    size: tuple[int, ...] = ()
    images: int = 0

    @property
    def caption(self) -> str:
        """Which weights made them, at which size: "epoch 7 of 30, best weights, at 64x64"."""
        moment = f"epoch {self.epoch} of {self.epochs}"
        text = f"{moment}, best weights" if self.best else f"latest validation, {moment}"
        return f"{text}, {at_size(self.size)}" if self.size else text

    def names(self) -> frozenset[str]:
        """The images that have a mask here; empty where the folder is gone."""
        names: list[str] = []
        for folder, _, files in os.walk(self.folder):
            inner = os.path.relpath(folder, self.folder)
            prefix = "" if inner == "." else inner.replace(os.sep, "/") + "/"
            names += [prefix + file[:-4] for file in files if file.endswith(".png")]
        return frozenset(names)

    def mask(self, name: str) -> np.ndarray:
        """The predicted classes of one image: (H, W) uint8 at the run's image size.

        Raises:
            UserError: the file is missing, damaged, or not an index mask.
        """
        path = self.folder / f"{name}.png"
        try:
            image = read_image(path).stored
        except UserError:
            raise UserError(f"The predicted mask {path} is missing or damaged.") from None
        # Never convert: that would give the brightness of the palette's colors, not the labels.
        labels = np.asarray(image)
        if labels.ndim != 2 or labels.dtype != np.uint8:
            raise UserError(
                f"The predicted mask {path} is not an index mask with 8 bits per pixel."
            )
        return labels


def mask_set(run: RunDir, log: RunLog) -> MaskSet | None:
    """The masks that a run can show now; None before its first validation.

    A run that has ended shows its predictions; one that runs (also after a resume) its latest
    validation.
    """
    started = log.started
    epochs = started["epochs"] if started else 0
    size = tuple(started["image_size"]) if started else ()
    images = started["val_images"] if started else 0
    if log.end and os.path.isfile(run.per_image_file):
        best = log.best()
        return MaskSet(run, run.predictions, best.epoch if best else 0, epochs, True, size, images)
    for epoch in sorted(log.masks, reverse=True):
        if os.path.isdir(run.masks(epoch)):
            return MaskSet(run, run.masks(epoch), epoch, epochs, False, size, images)
    return None


def classes_of(log: RunLog) -> tuple[ClassInfo, ...]:
    """The classes in label order, as the run logged them; none before it started."""
    logged = log.started["classes"] if log.started else []
    return tuple(ClassInfo(record["name"], record["color"]) for record in logged)


def ignore_index_of(log: RunLog) -> int:
    """The label of void pixels, as the run logged it."""
    return log.started["ignore_index"] if log.started else IGNORE_INDEX


def common_images(sets: Iterable[MaskSet]) -> list[str]:
    """The images of which every set has a mask, sorted by name."""
    names = [masks.names() for masks in sets]
    return sorted(frozenset.intersection(*names)) if names else []


@dataclass(frozen=True)
class ImageScore:
    """How well a predicted mask fits the truth.

    Attributes:
        miou: 0 to 1.
        iou: per class, 0 to 1; None for a class that is neither in the truth nor predicted.
    """

    miou: float
    iou: tuple[float | None, ...]


def score(
    predicted: np.ndarray, truth: np.ndarray, classes: int, ignore_index: int
) -> tuple[ImageScore, np.ndarray]:
    """Score a mask as training does: at its own size, with the truth resized to it.

    Args:
        predicted: (h, w) labels, uint8.
        truth: (H, W) labels, of any size.
        classes: the number of classes.

    Returns:
        The score, and the truth at (h, w).

    Raises:
        UserError: a label is not a class of the run.
    """
    fitted = resize_mask(truth, (predicted.shape[0], predicted.shape[1]))
    try:
        matrix = scores.confusion_matrix(predicted, fitted, classes, ignore_index)
    except ValueError as error:
        raise UserError(f"This mask cannot be scored: {error}") from None
    ious = [None if math.isnan(value) else float(value) for value in scores.iou(matrix)]
    return ImageScore(scores.miou(matrix), tuple(ious)), fitted


def saved_scores(path: Path) -> dict[str, ImageScore]:
    """Image -> score, from a `per_image.csv`; damaged rows are skipped, a missing file has none."""
    try:
        with open(path, newline="", encoding="utf-8", errors="replace") as file:
            rows = list(csv.DictReader(file))
    except (OSError, csv.Error):
        return {}
    score_by_image = {}
    for row in rows:
        columns = [name for name in row if name and name.startswith("iou_")]
        try:
            ious = tuple(float(row[name]) if row[name] else None for name in columns)
            score_by_image[csv_name(row["image"])] = ImageScore(float(row["miou"]), ious)
        except (KeyError, TypeError, ValueError):
            continue
    return score_by_image


def set_mious(
    masks: MaskSet,
    names: Sequence[str],
    dataset: SegDataset | None,
    classes: int,
    ignore_index: int,
) -> dict[str, float]:
    """Image -> mIoU of a set: the saved one of predictions, computed for a latest validation.

    Images that cannot be read are left out; without a dataset nothing can be computed.
    """
    if masks.best:
        saved = saved_scores(masks.run.per_image_file)
        return {name: image_score.miou for name, image_score in saved.items()}
    if dataset is None:
        return {}
    mious = {}
    for name in names:
        try:
            image_score, _ = score(masks.mask(name), dataset.mask(name), classes, ignore_index)
        except UserError:
            continue
        mious[name] = image_score.miou
    return mious


def order_images(
    names: Sequence[str], mious: Sequence[Mapping[str, float]], by: Order
) -> list[str]:
    """The images in the order that a person wants to see them.

    Args:
        mious: for each run, image -> mIoU; images without any mIoU come last.
        by: name; hardest (lowest mean over the runs first); gap (largest difference between the
            best and the worst run first).
    """
    if by == "name":
        return sorted(names)

    def rank(name: str) -> tuple[float, str]:
        values = [run_mious[name] for run_mious in mious if name in run_mious]
        if not values:
            return math.inf, name
        return (sum(values) / len(values) if by == "hardest" else min(values) - max(values)), name

    return sorted(names, key=rank)


def error_map(
    predicted: np.ndarray, truth: np.ndarray, background: int | None, ignore_index: int
) -> np.ndarray:
    """Where a prediction errs: (H, W) uint8, 0 right or void, else MISSED, FALSE_ALARM or WRONG.

    Missed is a pixel of another class that was predicted as background, a false alarm one of the
    background that was predicted as another class; any other difference is wrong.

    Args:
        predicted: (H, W) labels.
        truth: (H, W) labels.
        background: the label of the background class; None: every error is wrong.
    """
    errors = np.where(predicted == truth, 0, WRONG).astype(np.uint8)
    if background is not None:
        errors[(errors == WRONG) & (predicted == background)] = MISSED
        errors[(errors == WRONG) & (truth == background)] = FALSE_ALARM
    errors[truth == ignore_index] = 0
    return errors


def mismatch(classes: Sequence[Sequence[ClassInfo]], data: Sequence[DataConfig]) -> str:
    """Why runs cannot stand side by side, in one sentence; "" where they can.

    Args:
        classes: the classes of each run.
        data: the data section of each run; different folders of own images are different datasets.
    """
    names = [
        f"folder {config.root}" if config.dataset == "folder" else config.dataset for config in data
    ]
    datasets = list(dict.fromkeys(names))
    if len(datasets) > 1:
        return (
            f"The chosen runs were trained on different datasets ({', '.join(datasets)}): choose "
            "runs of one dataset."
        )
    if len({tuple(info.name for info in run_classes) for run_classes in classes}) > 1:
        return "The chosen runs predict different classes: choose runs of one dataset."
    return ""


def uneven(sets: Sequence[MaskSet], common: int) -> str:
    """What is unequal between runs side by side, in a sentence or two; "" where nothing is.

    Args:
        common: the number of images of which every set has a mask.
    """
    sizes = list(dict.fromkeys(masks.size for masks in sets if masks.size))
    counts = [masks.images for masks in sets if masks.images]
    whole = bool(counts) and all(masks.best for masks in sets)  # else a few images of each
    apart = len(set(counts)) > 1 or (whole and common < max(counts))
    sentences = []
    if len(sizes) > 1:
        listed = " and ".join(f"{height}x{width}" for height, width in sizes)
        sentences.append(
            f"These runs have different image sizes ({listed}), and each is scored at its own: a "
            "small size has lost thin things before a model errs, in the truth too."
        )
    if apart:
        distinct = [f"{count:,}" for count in dict.fromkeys(counts)]
        listed = " and ".join(distinct) if distinct[1:] else f"{distinct[0]} each"
        sentences.append(
            f"They were validated on different images ({listed}): the {common:,} that all share "
            "are here, but their best mIoU on other pages are not over the same images."
        )
    return " ".join(sentences)
