"""The components of a run: data, model, optimizer and all else that its config stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from segengine.batches.feature_cache import with_feature_caches
from segengine.config import DataConfig, RunConfig
from segengine.config.train import EarlyStopMetric
from segengine.datasets import IGNORE_INDEX, ClassInfo, ProgressFn, prepare_dataset, spread
from segengine.datasets.decoded import DecodedSplit, load_splits
from segengine.datasets.sampler import steps_per_epoch
from segengine.datasets.splits.fingerprint import fingerprints
from segengine.datasets.splits.leaks import seen_in_training
from segengine.datasets.splits.roles import descriptions, is_tested
from segengine.device import Precision, pick_device, pick_precision, seed_everything
from segengine.inference.predictor import Predictor
from segengine.losses import build_loss
from segengine.losses.class_weights import inverse_frequency
from segengine.models import build_model
from segengine.models.base import SegmentationModel, count_parameters, encoder_hash
from segengine.run.events import NormalizationRecord, RunStarted
from segengine.run.lineage import Lineage
from segengine.training.ema import ExponentialMovingAverage
from segengine.training.optimizer import build_optimizer
from segengine.training.step import TrainingStep
from segengine.training.versions import versions
from segengine.weights.load_encoder import load_encoder

FILM_IMAGES = 8  # validation images whose masks are kept at every validation


@dataclass
class Components:
    """The built parts of a run, on their device.

    Attributes:
        test_data: what is scored once at the end; None where the run has no such split.
        class_weights: one weight per class in the loss; None where all count the same.
        feature_bytes: bytes on disk of the feature cache; 0 where there is none.
        lineage: where the encoder's weights come from; None for random weights.
    """

    config: RunConfig
    train_data: DecodedSplit
    val_data: DecodedSplit
    test_data: DecodedSplit | None
    step: TrainingStep
    class_weights: list[float] | None
    feature_bytes: int
    lineage: Lineage | None

    @property
    def classes(self) -> tuple[ClassInfo, ...]:
        """The classes in label order."""
        return self.train_data.classes

    @property
    def model(self) -> SegmentationModel:
        """The model that is trained."""
        return self.step.model

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return self.step.device

    @property
    def precision(self) -> Precision:
        """The precision that it computes in."""
        return self.step.precision

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps per epoch."""
        train = self.config.train
        return steps_per_epoch(len(self.train_data), train.batch_size, train.accumulate)

    @property
    def predictor(self) -> Predictor:
        """It runs the model that is validated: the average of the weights, where there is one."""
        model, batch_size = self.step.best_model, self.config.train.batch_size
        return Predictor(model, self.device, self.precision, batch_size)

    @property
    def film(self) -> tuple[str, ...]:
        """The validation images, spread over the set, whose masks are kept at every validation."""
        return spread(self.val_data.names, FILM_IMAGES)


def build_components(
    config: RunConfig, progress: ProgressFn, runs_dir: Path, *, fill_encoder: bool = True
) -> Components:
    """Build every component once: data, seeded model with its initial weights, optimizer.

    Args:
        runs_dir: the runs folder that `run:<id>` weights are taken from.
        fill_encoder: False for a run that resumes: its checkpoint holds all weights.

    Raises:
        UserError: the data or the weights are missing, damaged or do not fit, or there is no such
            device.
    """
    device = pick_device(config.train.device)
    prepare_dataset(config.data, progress)
    train_data, val_data = load_splits(config.data, ("train", "val"), progress)
    test_data = None
    if is_tested(config.data):  # read now, so that a damaged file does not end a trained run
        (test_data,) = load_splits(_unlimited(config.data), ("test",), progress)
    classes = len(train_data.classes)
    seed_everything(config.train.seed, device)
    model = build_model(config.model, classes)
    lineage = None
    if fill_encoder and config.model.loads_weights:
        lineage = load_encoder(model, config.model, runs_dir)
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    precision = pick_precision(config.train.precision, device)
    class_weights = None
    if config.optim.class_weights == "inverse":
        class_weights = inverse_frequency(train_data.masks, classes)
    feature_bytes = 0
    if model.frozen and not config.data.augment:
        splits, limit = [train_data, val_data], config.train.feature_cache * 1e9
        (train_data, val_data), feature_bytes = with_feature_caches(
            splits, model, device, precision, limit
        )
    step = _training_step(config, model, device, precision, class_weights, classes)
    return Components(
        config, train_data, val_data, test_data, step, class_weights, feature_bytes, lineage
    )


def _unlimited(data: DataConfig) -> DataConfig:
    """The limit of the validation images is for validating fast: a test split is scored whole."""
    return data.model_copy(update={"val_limit": 0})


def _training_step(
    config: RunConfig,
    model: SegmentationModel,
    device: torch.device,
    precision: Precision,
    class_weights: list[float] | None,
    classes: int,
) -> TrainingStep:
    if config.train.compile and device.type == "cuda":
        model.encoder.compile()
        model.decoder.compile()
    weights = None if class_weights is None else torch.tensor(class_weights, device=device)
    ema = config.optim.ema
    return TrainingStep(
        config=config,
        model=model,
        loss=build_loss(config.optim, classes, weights),
        optimizer=build_optimizer(model, config.optim),
        scaler=torch.amp.GradScaler(device.type, enabled=precision == "fp16"),
        average=ExponentialMovingAverage(model, ema) if ema else None,
        device=device,
        precision=precision,
    )


class StartsAt(Protocol):
    """Where a session begins: what the event that begins it says of `state.Position`."""

    epoch: int
    step: int
    best_by: EarlyStopMetric


def run_started_event(components: Components, position: StartsAt) -> RunStarted:
    """The event that begins a session: all that a reader needs to show the run later."""
    parameters = count_parameters(components.model)
    event = RunStarted(
        event="run_started",
        classes=[{"name": info.name, "color": info.color} for info in components.classes],
        ignore_index=IGNORE_INDEX,
        image_size=list(components.config.data.height_width),
        train_images=len(components.train_data),
        val_images=len(components.val_data),
        test_images=len(components.test_data) if components.test_data else 0,
        seen_in_training={
            str(role): count for role, count in seen_in_training(components.config.data).items()
        },
        splits={str(role): words for role, words in descriptions(components.config.data).items()},
        data={str(role): mark for role, mark in fingerprints(components.config.data).items()},
        boundary_share=components.val_data.boundary_share,
        film=list(components.film),
        parameters={"total": parameters.total, "trainable": parameters.trainable},
        device=_device_name(components.device),
        precision=components.precision,
        normalization=NormalizationRecord(
            mean=list(components.model.normalization.mean),
            std=list(components.model.normalization.std),
        ),
        versions=versions(),
        class_weights=components.class_weights,
        feature_cache_bytes=components.feature_bytes,
        lineage=components.lineage,
        epochs=components.config.train.epochs,
        steps_per_epoch=components.steps_per_epoch,
        val_every=components.config.train.val_every,
        best_by=position.best_by,
        start_epoch=position.epoch,
        start_step=position.step,
    )
    if components.model.frozen:
        event["encoder_sha256"] = encoder_hash(components.model)
    return event


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)"
