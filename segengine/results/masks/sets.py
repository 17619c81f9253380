"""The predicted masks of a run: of its best weights, the whole set; of a validation, a few."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segengine.config import DataConfig
from segengine.datasets.base import IGNORE_INDEX, ClassInfo
from segengine.datasets.formats.image_file import read_image
from segengine.errors import UserError
from segengine.results.runlog import RunLog
from segengine.results.scored_on import at_size
from segengine.run.rundir import RunDir


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
    def key(self) -> str:
        """What names it among the run's sets: "best", or the epoch."""
        return "best" if self.best else str(self.epoch)

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


def mask_sets(run: RunDir, log: RunLog) -> list[MaskSet]:
    """Every set that a run can show: once it has ended its predictions, and the newest validations.

    Predictions of a run that was taken up again are older than what it does now.
    """
    started = log.started
    epochs = started["epochs"] if started else 0
    size = tuple(started["image_size"]) if started else ()
    images = started["val_images"] if started else 0
    sets = [
        MaskSet(run, run.masks(epoch), epoch, epochs, False, size, images)
        for epoch in sorted(log.masks, reverse=True)
        if os.path.isdir(run.masks(epoch))
    ]
    if log.end and os.path.isfile(run.per_image_file):
        best = log.best()
        epoch = best.epoch if best else 0
        sets.insert(0, MaskSet(run, run.predictions, epoch, epochs, True, size, images))
    return sets


def mask_set(run: RunDir, log: RunLog) -> MaskSet | None:
    """The masks that a run shows unless others are asked for; None before its first validation.

    A run that has ended shows its predictions; one that runs (also after a resume) its latest
    validation.
    """
    return next(iter(mask_sets(run, log)), None)


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
