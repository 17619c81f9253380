"""Scores of a run's best weights on any split of any dataset with the run's classes."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Literal, NamedTuple, cast

import numpy as np
import torch
from pydantic import TypeAdapter
from torch import Tensor
from typing_extensions import TypedDict

from segengine.config import RunConfig
from segengine.datasets.base import ProgressFn
from segengine.datasets.decoded import DecodedSplit
from segengine.datasets.sampler import Indices
from segengine.errors import UserError
from segengine.files import atomic_write, cannot_write, write_text
from segengine.files.csv_cells import csv_cell
from segengine.inference.evaluation_data import (
    EvaluationData,
    Part,
    open_evaluation_data,
    root_name,
)
from segengine.inference.full_size import full_size_labels
from segengine.inference.predict import TrainedModel, load_trained
from segengine.inference.predictor import OnBatch
from segengine.losses import build_loss
from segengine.losses.base import Loss
from segengine.metrics.per_image import ImageScores
from segengine.run.event_log import read_events
from segengine.run.events import ValRecord
from segengine.run.records import read_record
from segengine.run.rundir import RunDir
from segengine.weights.checkpoint import Weights

ScoredAt = Literal["training", "native"]  # the size that the model sees, or that of each mask


class Scored(TypedDict):
    """What a result is of."""

    root: str
    images: int


_SCORED = TypeAdapter(Scored)


class Evaluation(ValRecord):
    """The result of an evaluation; `loss` is that of the run, with its class weights."""

    dataset: str
    root: str
    split: str
    images: int  # number of images that were scored
    split_images: int  # number of images in the whole split
    dataset_images: int  # number of images in all splits
    trained_on: int | None  # of the scored images, files of a content that the run was trained on
    image_size: list[int]  # height, width that the model sees
    scored_at: ScoredAt  # that size, or native: at each mask's own, where the loss is null
    weights: Weights
    epoch: int  # of the weights, 1-based
    classes: list[str]
    confusion: list[list[int]]  # rows are the true class


class Evaluated(NamedTuple):
    """A result and where it lies."""

    result: Evaluation
    path: Path


def evaluate(
    run: RunDir,
    config: RunConfig,
    progress: ProgressFn,
    split: Part = "val",
    limit: int | None = None,
    *,
    scored_at: ScoredAt = "training",
    weights: Weights = "best",
) -> Evaluated:
    """Score a run's weights on a split of `config`'s dataset.

    Writes into the run folder: the result as JSON, the scores per class as CSV, the scores per
    image as CSV, and the confusion matrix of each image. Every root, split, limit, size and choice
    of weights has files of its own.

    Args:
        split: "all" for the images of all splits.
        scored_at: "native" scores at the size of each mask, as papers do: the logits are
            interpolated to it, and the mask is as its file holds it.
        limit: the number of images to use, 0 for all; None: the run's own `val_limit` for its own
            validation, and all images of any other split or data.

    Raises:
        UserError: the run has no weights, the data is missing or has no such split, or it has other
            classes than the run.
    """
    trained = load_trained(run, weights)
    data = open_evaluation_data(run, trained.classes, config.data, split, limit, progress)
    if scored_at == "native":
        return score_native(run, config, trained, data, split, progress)
    loss = _own_loss(run, trained)
    return score_split(run, config, trained, loss, data, split, progress)


def score_split(
    run: RunDir,
    config: RunConfig,
    trained: TrainedModel,
    loss: Loss,
    data: EvaluationData,
    split: Part,
    progress: ProgressFn,
) -> Evaluated:
    """The same of images that are read already, at training size; `config` names their dataset."""
    rows = ImageScores(trained.classes, data.pairs.groups, data.pairs.boundary_share)
    validation = trained.predictor.validate(
        data.pairs,
        loss,
        len(trained.classes),
        lambda done, total: progress("Evaluating", done, total),
        _add_rows(rows, data.pairs),
    )
    record = validation.record
    if not math.isfinite(validation.loss):
        record["loss"] = None
    result = _result(config, trained, data, split, record, "training")
    return _kept(run, data, result, rows)


def score_native(
    run: RunDir,
    config: RunConfig,
    trained: TrainedModel,
    data: EvaluationData,
    split: Part,
    progress: ProgressFn,
) -> Evaluated:
    """The same at the masks' own sizes, one image at a time: the loss is none of these sizes."""
    rows = ImageScores(trained.classes, data.pairs.groups, data.pairs.boundary_share)

    def tick(done: int, total: int) -> None:
        progress("Evaluating at full size", done, total)

    for indices, logits, _ in trained.predictor.batches(data.pairs, tick):
        for index, one in zip(indices, logits, strict=True):
            name = data.pairs.names[index]
            truth = data.dataset.mask(name)
            rows.add(name, full_size_labels(one[None], (truth.shape[0], truth.shape[1])), truth)
    record = cast("ValRecord", {"loss": None, **rows.scores()})
    result = _result(config, trained, data, split, record, "native")
    return _kept(run, data, result, rows)


def _result(
    config: RunConfig,
    trained: TrainedModel,
    data: EvaluationData,
    split: Part,
    record: ValRecord,
    scored_at: ScoredAt,
) -> Evaluation:
    return Evaluation(
        dataset=config.data.dataset,
        root=config.data.root,
        split=split,
        images=len(data.pairs),
        split_images=data.split_images,
        dataset_images=data.dataset_images,
        trained_on=data.trained_on,
        image_size=list(config.data.height_width),
        scored_at=scored_at,
        weights=trained.weights,
        epoch=trained.epoch,
        classes=[info.name for info in trained.classes],
        confusion=[],
        **record,
    )


def _kept(run: RunDir, data: EvaluationData, result: Evaluation, rows: ImageScores) -> Evaluated:
    """Write a result and its tables into the run folder; the result comes last."""
    result["confusion"] = rows.confusion().tolist()
    place = (data.name, data.stem + _way(result))
    _keep_older_result(run, result, *place)
    write_text(run.evaluation_per_image(*place), rows.csv())
    with atomic_write(run.evaluation_confusion(*place)) as file:
        np.save(file, np.stack(rows.matrices))
    write_text(run.evaluation_table(*place), classes_csv(result))
    write_text(run.evaluation(*place), json.dumps(result, indent=2) + "\n")
    return Evaluated(result, run.evaluation(*place))


def _way(result: Evaluation) -> str:
    """Behind the name of its files: "-native-last", of what is unusual in how it was made."""
    given = (result["scored_at"], result["weights"])
    return "".join(f"-{word}" for word in given if word not in ("training", "best"))


def _keep_older_result(run: RunDir, result: Evaluation, name: str, stem: str) -> None:
    """A result over other images moves to a name of its own.

    Older versions had one name for all roots and limits, and a folder may have grown.
    """
    try:
        older = read_record(run.evaluation(name, stem), _SCORED)
    except UserError:  # what cannot be read is no result to be kept
        older = None
    if older is None:
        return
    root, images = older["root"], older["images"]
    other_name = name if root == result["root"] else root_name(result["dataset"], root)
    other_stem = stem if images == result["images"] else f"{result['split']}-{images}{_way(result)}"
    for path_of in (
        run.evaluation_per_image,
        run.evaluation_confusion,
        run.evaluation_table,
        run.evaluation,
    ):
        source, target = path_of(name, stem), path_of(other_name, other_stem)
        if source.exists() and not target.exists():
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                source.rename(target)
            except OSError as error:
                raise cannot_write(target, error) from error


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
        rows.writerow([csv_cell(name), *scores, pixels[label]])
    rows.writerow(["mean", *(_cell(mean) for _, mean in columns.values()), ""])
    return text.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


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
