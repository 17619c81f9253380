"""Predicted masks of a run's validation set, and of people's own images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from segengine.datasets.base import ClassInfo, ProgressFn
from segengine.datasets.decoded import DecodedSplit
from segengine.datasets.formats.photo import read_photo
from segengine.device import pick_device, pick_precision
from segengine.errors import UserError
from segengine.files import atomic_write, write_text
from segengine.inference.kept_probabilities import KeptProbabilities
from segengine.inference.mask_files import already_there, index_masks, save_mask, save_new_mask
from segengine.inference.predictor import Predictor
from segengine.metrics.per_image import ImageScores
from segengine.models import build_model
from segengine.models.normalization import Normalization
from segengine.run.rundir import RunDir
from segengine.weights.checkpoint import Weights, best_weights, load_best, load_last
from segengine.weights.integrity import parts_of


def predict_validation_set(
    run: RunDir,
    predictor: Predictor,
    split: DecodedSplit,
    progress: ProgressFn,
    *,
    keep_probabilities: bool = False,
) -> int:
    """Write masks, scores per image and confusion matrices of the whole validation set.

    Args:
        keep_probabilities: write the class probabilities and their calibration, too.

    Returns:
        The bytes of the class probabilities; 0 where none are kept.
    """
    classes = split.classes
    rows = ImageScores(classes, split.groups, split.boundary_share)
    kept = KeptProbabilities(run, len(classes)) if keep_probabilities else None

    def tick(done: int, total: int) -> None:
        progress("Predicting", done, total)

    for indices, logits, _ in predictor.batches(split, tick):
        for index, mask, one in zip(indices, index_masks(logits), logits, strict=True):
            name = split.names[index]
            save_mask(run.predictions / f"{name}.png", mask, classes)
            rows.add(name, mask, split.masks[index])
            if kept:
                kept.add(name, one, mask, split.masks[index])
    with atomic_write(run.confusion_file) as file:
        np.save(file, np.stack(rows.matrices))
    write_text(run.per_image_file, rows.csv())
    if kept is None:
        return 0
    kept.write_calibration()
    return kept.bytes


class TrainedModel(NamedTuple):
    """A run's weights, ready to predict."""

    predictor: Predictor
    classes: tuple[ClassInfo, ...]
    epoch: int  # 1-based
    weights: Weights = "best"


def load_trained(run: RunDir, weights: Weights = "best") -> TrainedModel:
    """The run's model with its best or last weights, its classes, and the epoch of the weights.

    Raises:
        UserError: the run has no weights yet, or they are damaged.
    """
    config = run.config()
    state = load_best(run) if weights == "best" else load_last(run)
    with parts_of(run.best_checkpoint if weights == "best" else run.last_checkpoint):
        classes = tuple(ClassInfo(**info) for info in state["classes"])
        position = state["position"]
        epoch = int(position["best_epoch"] if weights == "best" else position["epoch"] - 1)
        model = build_model(config.model, len(classes))
        model.load_state_dict(best_weights(state))
        model.normalization = Normalization.of_checkpoint(state)
    device = pick_device("auto")
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    precision = pick_precision(config.train.precision, device)
    predictor = Predictor(model, device, precision, config.train.batch_size)
    return TrainedModel(predictor, classes, epoch, weights)


def predict_images(
    run: RunDir, images: Sequence[Path], out: Path, *, overwrite: bool = False
) -> list[Path]:
    """Predict people's own images with the run's best weights, and return the masks' files.

    They are `<out>/<image name>.png`: index masks of the images' own sizes, whose palette has the
    classes' colors.

    Args:
        overwrite: replace files of these names, but never one of the images.

    Raises:
        UserError: an image cannot be decoded or would be overwritten, a mask's name is taken, two
            would share a name, or the run has no weights. Nothing is written then.
    """
    targets = [out / f"{path.stem}.png" for path in images]
    _check_targets(images, targets, overwrite=overwrite)
    for path in images:
        _read_picture(path)  # one at a time, now and below: a few large ones would fill the memory
    trained = load_trained(run)
    predictor, classes = trained.predictor, trained.classes
    size = run.config().data.height_width
    for path, target in zip(images, targets, strict=True):
        labels = predictor.labels(_read_picture(path), size)
        save_new_mask(target, labels, classes, overwrite=overwrite)
    return targets


def _read_picture(path: Path) -> np.ndarray:
    """(H, W, 3) uint8; UserError where the image cannot be decoded."""
    return read_photo(path)[0]


def _check_targets(images: Sequence[Path], targets: Sequence[Path], *, overwrite: bool) -> None:
    """UserError where a mask would overwrite an image, another mask, or what else is there."""
    twice = sorted({target for target in targets if targets.count(target) > 1})
    if twice:
        raise UserError(
            f"Two images would both be written to {twice[0]}: give them different names.",
            field="image",
        )
    image_files = {os.path.realpath(path) for path in images}  # `resolve` ends at circles of links
    for target in targets:
        if os.path.realpath(target) in image_files:
            raise UserError(
                f"The image {target} would be overwritten by its mask: choose another folder.",
                field="out",
            )
    taken = [target for target in targets if os.path.lexists(target)]
    if taken and not overwrite:
        raise already_there(taken)
