"""An experiment in memory: all that a RunConfig stands for, built."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
import torch
import torchvision
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler

import segengine
from segengine.config import RunConfig
from segengine.datasets import (
    IGNORE_INDEX,
    ClassInfo,
    Progress,
    Split,
    chosen_names,
    open_dataset,
    prepare_dataset,
    spread,
)
from segengine.datasets.cache import DecodedSplit, decode
from segengine.device import Precision, pick_device, pick_precision, seed_everything
from segengine.errors import UserError
from segengine.inference import Predictor
from segengine.losses import build_loss
from segengine.models import build_model
from segengine.models.base import SegmentationModel, count_parameters, encoder_hash
from segengine.optim import build_optimizer, build_scheduler
from segengine.order import steps_per_epoch

FILM_IMAGES = 8  # validation images whose masks are kept at every validation


@dataclass
class Experiment:
    """The parts of a run, on their device."""

    config: RunConfig
    classes: tuple[ClassInfo, ...]
    train_data: DecodedSplit
    val_data: DecodedSplit
    model: SegmentationModel
    loss: Callable[[Tensor, Tensor], Tensor]
    optimizer: torch.optim.Optimizer
    scheduler: LRScheduler
    device: torch.device
    precision: Precision

    @property
    def steps_per_epoch(self) -> int:
        """Training steps in one epoch."""
        return steps_per_epoch(len(self.train_data), self.config.train.batch_size)

    @property
    def predictor(self) -> Predictor:
        """The model, ready to predict."""
        return Predictor(self.model, self.device, self.precision, self.config.train.batch_size)

    @property
    def film(self) -> DecodedSplit:
        """The few validation images, spread over the set, whose masks tell the run's story."""
        names = spread(self.val_data.names, FILM_IMAGES)
        return select(self.val_data, names)


def build_experiment(config: RunConfig, progress: Progress) -> Experiment:
    """Everything with random weights, seeded; encoder weights are filled in later.

    Raises:
        UserError: the data is missing or damaged, the device is not there, or sizes cannot work.
    """
    device = pick_device(config.train.device)
    prepare_dataset(config.data, progress)
    train_data, classes = load_split(config, "train", progress)
    val_data, _ = load_split(config, "val", progress)
    if config.train.batch_size > len(train_data):
        raise UserError(
            f"batch_size {config.train.batch_size} is larger than the training set "
            f"({len(train_data):,} images): choose at most {len(train_data)}.",
            field="batch_size",
        )
    seed_everything(config.train.seed, device)
    model = build_model(config.model, len(classes))
    if config.model.strategy == "frozen":
        model.freeze_encoder()
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = build_optimizer(model, config.optim)
    return Experiment(
        config=config,
        classes=classes,
        train_data=train_data,
        val_data=val_data,
        model=model,
        loss=build_loss(config.optim),
        optimizer=optimizer,
        scheduler=build_scheduler(optimizer, config.optim),
        device=device,
        precision=pick_precision(config.train.precision, device),
    )


def load_split(
    config: RunConfig, split: Split, progress: Progress
) -> tuple[DecodedSplit, tuple[ClassInfo, ...]]:
    """The decoded images of a split that the config asks for, and the classes."""
    dataset = open_dataset(config.data, split)
    names = chosen_names(dataset, config.data, split)
    size, workers = config.data.height_width, config.data.workers
    decoded = decode(dataset, names, size, workers=workers, progress=progress)
    return decoded, dataset.classes


def select(split: DecodedSplit, names: tuple[str, ...]) -> DecodedSplit:
    """Some images of a split, in the order of `names`."""
    place = {name: index for index, name in enumerate(split.names)}
    rows = [place[name] for name in names]
    return DecodedSplit(names, split.images[rows], split.masks[rows])


def describe(experiment: Experiment, lineage: dict[str, Any] | None) -> dict[str, Any]:
    """What `run_started` says: all that a reader needs to show the run later."""
    parameters = count_parameters(experiment.model)
    about = {
        "classes": [{"name": info.name, "color": info.color} for info in experiment.classes],
        "ignore_index": IGNORE_INDEX,
        "image_size": list(experiment.config.data.height_width),
        "train_images": len(experiment.train_data),
        "val_images": len(experiment.val_data),
        "film": list(experiment.film.names),
        "parameters": {"total": parameters.total, "trainable": parameters.trainable},
        "device": _device_name(experiment.device),
        "precision": experiment.precision,
        "versions": versions(),
        "lineage": lineage,
        "epochs": experiment.config.train.epochs,
        "steps_per_epoch": experiment.steps_per_epoch,
    }
    if experiment.model.frozen:
        about["encoder_sha256"] = encoder_hash(experiment.model)
    return about


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {
        "seglab": segengine.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": numpy.__version__,
    }


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)"
