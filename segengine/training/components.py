"""An experiment in memory: all that a RunConfig stands for, built."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any

import numpy
import torch
import torchvision

import segengine
from segengine.batches.feature_cache import with_features
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
from segengine.datasets.check import require_sound
from segengine.datasets.decoded import DecodedSplit, decode
from segengine.datasets.sampler import steps_per_epoch
from segengine.device import Precision, pick_device, pick_precision, seed_everything
from segengine.errors import UserError
from segengine.inference.predictor import Predictor
from segengine.losses import build_loss
from segengine.losses.class_weights import inverse_frequency
from segengine.models import build_model
from segengine.models.base import SegmentationModel, count_parameters, encoder_hash
from segengine.training.ema import MovingAverage
from segengine.training.optimizer import build_optimizer
from segengine.training.step import Learner

FILM_IMAGES = 8  # validation images whose masks are kept at every validation


@dataclass
class Experiment:
    """The parts of a run, on their device.

    Attributes:
        class_weights: what each class counts in the loss; None where all count the same.
        feature_bytes: room that the frozen encoder's features take; 0 where they are not kept.
    """

    config: RunConfig
    classes: tuple[ClassInfo, ...]
    train_data: DecodedSplit
    val_data: DecodedSplit
    learner: Learner
    class_weights: list[float] | None
    feature_bytes: int

    @property
    def model(self) -> SegmentationModel:
        """The model that learns."""
        return self.learner.model

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.learner.device

    @property
    def precision(self) -> Precision:
        """In which precision it computes."""
        return self.learner.precision

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one epoch."""
        train = self.config.train
        return steps_per_epoch(len(self.train_data), train.batch_size, train.accumulate)

    @property
    def predictor(self) -> Predictor:
        """The model that validates (an average of the weights where one is kept)."""
        model, batch_size = self.learner.best_model, self.config.train.batch_size
        return Predictor(model, self.device, self.precision, batch_size)

    @property
    def film(self) -> tuple[str, ...]:
        """The few validation images, spread over the set, whose masks tell the run's story."""
        return spread(self.val_data.names, FILM_IMAGES)


def build_experiment(config: RunConfig, progress: Progress) -> Experiment:
    """Everything with random weights, seeded; encoder weights are filled in later.

    Raises:
        UserError: the data is missing or damaged, the device is not there, or sizes cannot work.
    """
    device = pick_device(config.train.device)
    prepare_dataset(config.data, progress)
    require_sound(config.data, progress)
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
    precision = pick_precision(config.train.precision, device)
    feature_bytes = 0
    if model.frozen and not config.data.augment:
        limit = config.train.feature_cache * 1e9
        both = [train_data, val_data]
        (train_data, val_data), feature_bytes = with_features(both, model, device, precision, limit)
    weights = None
    if config.optim.class_weights == "inverse":
        weights = inverse_frequency(train_data.masks, len(classes))
    learner = _build_learner(config, model, device, precision, len(classes), weights)
    return Experiment(config, classes, train_data, val_data, learner, weights, feature_bytes)


def _build_learner(
    config: RunConfig,
    model: SegmentationModel,
    device: torch.device,
    precision: Precision,
    classes: int,
    class_weights: list[float] | None,
) -> Learner:
    if config.train.compile and device.type == "cuda":
        model.encoder.compile()
        model.decoder.compile()
    weights = None if class_weights is None else torch.tensor(class_weights, device=device)
    return Learner(
        config=config,
        model=model,
        loss=build_loss(config.optim, classes, weights),
        optimizer=build_optimizer(model, config.optim),
        scaler=torch.amp.GradScaler(device.type, enabled=precision == "fp16"),
        average=MovingAverage(model, config.optim.ema) if config.optim.ema else None,
        device=device,
        precision=precision,
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


def describe(experiment: Experiment, lineage: dict[str, Any] | None) -> dict[str, Any]:
    """What `run_started` says: all that a reader needs to show the run later."""
    parameters = count_parameters(experiment.model)
    about = {
        "classes": [{"name": info.name, "color": info.color} for info in experiment.classes],
        "ignore_index": IGNORE_INDEX,
        "image_size": list(experiment.config.data.height_width),
        "train_images": len(experiment.train_data),
        "val_images": len(experiment.val_data),
        "film": list(experiment.film),
        "parameters": {"total": parameters.total, "trainable": parameters.trainable},
        "device": _device_name(experiment.device),
        "precision": experiment.precision,
        "versions": versions(),
        "class_weights": experiment.class_weights,
        "feature_cache_bytes": experiment.feature_bytes,
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
