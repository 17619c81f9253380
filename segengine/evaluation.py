"""Scores of a run's best weights on a dataset, any time after training."""

from __future__ import annotations

import json
from typing import Any

from segengine.config import RunConfig
from segengine.datasets import prepare_dataset
from segengine.datasets.base import Progress
from segengine.errors import UserError
from segengine.experiment import load_split
from segengine.files import write_text
from segengine.losses import build_loss
from segengine.prediction import load_predictor
from segengine.rundir import RunDir
from segengine.scores import scores


def evaluate(run: RunDir, config: RunConfig, progress: Progress) -> dict[str, Any]:
    """Score the run's best weights on the validation split of `config`'s dataset.

    The result is written into the run folder under the dataset's name, and returned: dataset, root,
    images, image_size, classes, loss, confusion, and the keys of `segengine.scores.scores`.

    Raises:
        UserError: the run has no weights, the data is missing, or its classes are others.
    """
    predictor, classes = load_predictor(run)
    prepare_dataset(config.data, progress)
    split, found = load_split(config, "val", progress)
    if [info.name for info in found] != [info.name for info in classes]:
        raise UserError(
            f"Run {run.id} knows the classes {', '.join(info.name for info in classes)}, but "
            f"{config.data.dataset} has {', '.join(info.name for info in found)}.",
            field="dataset",
        )
    loss, confusion = predictor.validate(
        split,
        build_loss(config.optim),
        len(classes),
        lambda done, total: progress("Evaluating", done, total),
    )
    result = {
        "dataset": config.data.dataset,
        "root": config.data.root,
        "images": len(split),
        "image_size": list(config.data.height_width),
        "classes": [info.name for info in classes],
        "loss": loss,
        **scores(confusion),
        "confusion": confusion.tolist(),
    }
    write_text(run.evaluation(config.data.dataset), json.dumps(result, indent=2) + "\n")
    return result
