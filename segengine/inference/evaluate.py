"""Scores of a run's best weights on any split of a dataset, any time after training."""

from __future__ import annotations

import csv
import io
import json
import math

import torch
from torch import Tensor

from segengine.config import RunConfig
from segengine.datasets import Split, prepare_dataset
from segengine.datasets.base import ClassInfo, ProgressFn
from segengine.datasets.decoded import DecodedSplit, load_splits
from segengine.datasets.sampler import Indices
from segengine.errors import UserError
from segengine.files import write_text
from segengine.inference.predict import TrainedModel, load_trained
from segengine.inference.predictor import Watch
from segengine.losses import build_loss
from segengine.losses.base import Loss
from segengine.metrics.per_image import ImageScores
from segengine.run.event_log import read_events
from segengine.run.events import ValRecord
from segengine.run.rundir import RunDir


class Evaluation(ValRecord):
    """What an evaluation found; `loss` is the run's own, with its class weights."""

    dataset: str
    root: str
    split: str
    images: int  # how many
    image_size: list[int]  # height, width
    epoch: int  # of the weights, 1-based
    classes: list[str]
    confusion: list[list[int]]  # rows are the true class


def evaluate(
    run: RunDir, config: RunConfig, progress: ProgressFn, split: Split = "val"
) -> Evaluation:
    """Score the run's best weights on a split of `config`'s dataset.

    Written into the run folder under the dataset's and the split's name: the result as JSON, its
    scores per class as CSV, and the scores of each image as CSV.

    Raises:
        UserError: the run has no weights, the data is missing or has no such split, or its classes
            are others.
    """
    trained = load_trained(run)
    prepare_dataset(config.data, progress)
    (data,) = load_splits(config.data, (split,), progress)
    _check_classes(run, trained.classes, config.data.dataset, data.classes)
    rows = ImageScores(trained.classes)
    validation = trained.predictor.validate(
        data,
        _own_loss(run, trained),
        len(trained.classes),
        lambda done, total: progress("Evaluating", done, total),
        _filling(rows, data),
    )
    result = Evaluation(
        dataset=config.data.dataset,
        root=config.data.root,
        split=split,
        images=len(data),
        image_size=list(config.data.height_width),
        epoch=trained.epoch,
        classes=[info.name for info in trained.classes],
        confusion=validation.confusion.tolist(),
        **validation.record,
    )
    if not math.isfinite(validation.loss):
        result["loss"] = None
    place = (config.data.dataset, split)
    write_text(run.evaluation_per_image(*place), rows.csv())
    write_text(run.evaluation_table(*place), classes_csv(result))
    write_text(run.evaluation(*place), json.dumps(result, indent=2) + "\n")
    return result


def classes_csv(result: Evaluation) -> str:
    """A result's scores as CSV: one row per class, then their mean.

    `pixels` are the true pixels of the class; a cell is empty where a score cannot be told.
    """
    columns = {
        "iou": (result["iou"], result["miou"]),
        "dice": (result["dice"], result["mean_dice"]),
        "precision": (result["precision"], result["mean_precision"]),
        "recall": (result["recall"], result["mean_recall"]),
        "boundary_iou": (result["boundary_iou_per_class"], result["boundary_iou"]),
    }
    pixels = [sum(row) for row in result["confusion"]]
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["class", *columns, "pixels"])
    for label, name in enumerate(result["classes"]):
        scores = [_cell(per_class[label]) for per_class, _ in columns.values()]
        rows.writerow([name, *scores, pixels[label]])
    rows.writerow(["mean", *(_cell(mean) for _, mean in columns.values()), ""])
    return text.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _check_classes(
    run: RunDir, known: tuple[ClassInfo, ...], dataset: str, given: tuple[ClassInfo, ...]
) -> None:
    """A label must mean the same in the data as it did in training."""
    ours, theirs = ([info.name for info in classes] for classes in (known, given))
    if ours != theirs:
        raise UserError(
            f"Run {run.id} knows the classes {', '.join(ours)}, but {dataset} has "
            f"{', '.join(theirs)}: choose a dataset with the run's classes.",
            field="dataset",
        )


def _own_loss(run: RunDir, trained: TrainedModel) -> Loss:
    """The loss that the run was trained with; class weights are those of its training images."""
    events, _ = read_events(run.events_file)
    logged = [event.get("class_weights") for event in events if event["event"] == "run_started"]
    weights = torch.tensor(logged[-1], device=trained.predictor.device) if any(logged) else None
    return build_loss(run.config().optim, len(trained.classes), weights)


def _filling(rows: ImageScores, data: DecodedSplit) -> Watch:
    """What puts a row for every image of a batch into the table."""

    def watch(indices: Indices, labels: Tensor, masks: Tensor) -> None:
        for index, mask in zip(indices, labels.to(torch.uint8).cpu().numpy(), strict=True):
            rows.add(data.names[index], mask, data.masks[index])

    return watch
