"""Predicted masks: of a run's validation set, and of a person's own images."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from segengine.datasets.base import ClassInfo, Progress, read_image
from segengine.device import pick_device, pick_precision
from segengine.errors import UserError
from segengine.experiment import Experiment
from segengine.files import atomic_write, write_text
from segengine.inference import Predictor, save_mask
from segengine.models import build_model
from segengine.rundir import RunDir
from segengine.scores import Counts, confusion_matrix, iou, miou
from segengine.state import load_best


def predict_validation_set(run: RunDir, experiment: Experiment, progress: Progress) -> None:
    """Write index masks, per-image scores and confusion matrices of the whole validation set."""
    split, classes = experiment.val_data, experiment.classes
    matrices: list[Counts] = []

    def tick(done: int, total: int) -> None:
        progress("Predicting", done, total)

    for indices, logits, _ in experiment.predictor.batches(split, tick):
        labels = logits.argmax(1).cpu().numpy().astype(np.uint8)
        for index, mask in zip(indices, labels, strict=True):
            save_mask(run.predictions / f"{split.names[index]}.png", mask, classes)
            matrices.append(confusion_matrix(mask, split.masks[index], len(classes)))
    with atomic_write(run.confusion_file) as file:
        np.save(file, np.stack(matrices))
    write_text(run.per_image_file, per_image_csv(split.names, matrices, classes))


def per_image_csv(
    names: Sequence[str], matrices: Sequence[Counts], classes: Sequence[ClassInfo]
) -> str:
    """A table of each image's mIoU and IoU a class; empty cells where a class is absent."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["image", "miou", *(f"iou_{info.name}" for info in classes)])
    for name, matrix in zip(names, matrices, strict=True):
        cells = ["" if np.isnan(value) else f"{value:.6f}" for value in iou(matrix)]
        rows.writerow([name, f"{miou(matrix):.6f}", *cells])
    return text.getvalue()


def load_predictor(run: RunDir) -> tuple[Predictor, tuple[ClassInfo, ...]]:
    """The run's model with its best weights, and the classes that it learned.

    Raises:
        UserError: the run has no weights yet, or they are damaged.
    """
    config = run.config()
    state = load_best(run)
    classes = tuple(ClassInfo(**info) for info in state["classes"])
    model = build_model(config.model, len(classes))
    model.load_state_dict(state["model"])
    device = pick_device("auto")
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    precision = pick_precision(config.train.precision, device)
    return Predictor(model, device, precision, config.train.batch_size), classes


def predict_images(run: RunDir, images: Sequence[Path], out: Path) -> list[Path]:
    """Predict a person's own images with the run's best weights.

    Writes `<out>/<image name>.png`: index masks of the images' own sizes, with the classes' colours
    as their palette.

    Raises:
        UserError: an image cannot be decoded or would be overwritten, two would share a name, or
            the run has no weights.
    """
    targets = [out / f"{path.stem}.png" for path in images]
    _check_targets(images, targets)
    pictures = [np.asarray(read_image(path).convert("RGB")) for path in images]
    predictor, classes = load_predictor(run)
    size = run.config().data.height_width
    for picture, target in zip(pictures, targets, strict=True):
        save_mask(target, predictor.labels(picture, size), classes)
    return targets


def _check_targets(images: Sequence[Path], targets: Sequence[Path]) -> None:
    """Each mask needs a file of its own."""
    twice = sorted({target for target in targets if targets.count(target) > 1})
    if twice:
        raise UserError(
            f"Two images would both be written to {twice[0]}: give them different names.",
            field="image",
        )
    given = {path.resolve() for path in images}
    for target in targets:
        if target.resolve() in given:
            raise UserError(
                f"The image {target} would be overwritten by its mask: choose another folder.",
                field="out",
            )
