"""Scores of a run's best weights on any split of any dataset with the run's classes."""

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
from segengine.inference.predictor import OnBatch
from segengine.losses import build_loss
from segengine.losses.base import Loss
from segengine.metrics.per_image import ImageScores
from segengine.run.event_log import read_events
from segengine.run.events import ValRecord
from segengine.run.rundir import RunDir


class Evaluation(ValRecord):
    """The result of an evaluation; `loss` is that of the run, with its class weights."""

    dataset: str
    root: str
    split: str
    images: int  # number of images
    image_size: list[int]  # height, width
    epoch: int  # of the weights, 1-based
    classes: list[str]
    confusion: list[list[int]]  # rows are the true class


def evaluate(
    run: RunDir, config: RunConfig, progress: ProgressFn, split: Split = "val"
) -> Evaluation:
    """Score the run's best weights on a split of `config`'s dataset.

    Writes into the run folder, under the names of dataset and split: the result as JSON, the scores
    per class as CSV, and the scores per image as CSV.

    Raises:
        UserError: the run has no weights, the data is missing or has no such split, or it has other
            classes than the run.
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
        _add_rows(rows, data),
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

    `pixels` are the true pixels of the class. A cell is empty where a score is undefined.
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
    """UserError where a label means another class in the data than in training."""
    run_names, data_names = ([info.name for info in classes] for classes in (known, given))
    if run_names != data_names:
        raise UserError(
            f"Run {run.id} knows the classes {', '.join(run_names)}, but {dataset} has "
            f"{', '.join(data_names)}: choose a dataset with the run's classes.",
            field="dataset",
        )


def _own_loss(run: RunDir, trained: TrainedModel) -> Loss:
    """The loss that the run was trained with, with the class weights of its training images."""
    events, _ = read_events(run.events_file)
    logged = [event.get("class_weights") for event in events if event["event"] == "run_started"]
    weights = torch.tensor(logged[-1], device=trained.predictor.device) if any(logged) else None
    return build_loss(run.config().optim, len(trained.classes), weights)


def _add_rows(rows: ImageScores, data: DecodedSplit) -> OnBatch:
    """A function that adds the rows of a batch's images to the table."""

    def on_batch(indices: Indices, labels: Tensor, masks: Tensor) -> None:
        for index, mask in zip(indices, labels.to(torch.uint8).cpu().numpy(), strict=True):
            rows.add(data.names[index], mask, data.masks[index])

    return on_batch
