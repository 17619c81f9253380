"""Where a run stands: captured into a checkpoint, restored from one, exact to the batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from segengine.config import RunConfig
from segengine.config.train import EarlyStopMetric
from segengine.errors import UserError
from segengine.metrics.pixel_mean import PixelMean
from segengine.metrics.seg_metrics import SegMetrics
from segengine.models.base import SegmentationModel
from segengine.run.events import ValRecord
from segengine.run.rundir import RunDir
from segengine.training.components import Components
from segengine.weights.checkpoint import State, load_checkpoint, rng_state, set_rng_state


@dataclass
class Position:
    """How far training has come, with what it has counted in the epoch under way.

    Attributes:
        epoch: the epoch under way, 1-based; epochs + 1 when all are done.
        batch: optimizer steps of it that are done.
        step: optimizer steps since the run began.
        loss, metrics: of the training batches of this epoch.
        best_miou, best_epoch: of the validations so far; -1 and 0 before any.
        best_score, best_score_epoch: the same for the score that may stop the run early.
        epoch_seconds, seconds: time spent in this epoch and in the whole run, earlier sessions too.
    """

    loss: PixelMean
    metrics: SegMetrics
    epoch: int = 1
    batch: int = 0
    step: int = 0
    best_miou: float = -1.0
    best_epoch: int = 0
    best_score: float = -math.inf
    best_score_epoch: int = 0
    epoch_seconds: float = 0.0
    seconds: float = 0.0

    @classmethod
    def start(cls, components: Components) -> Position:
        """Before the first step."""
        device = components.device
        return cls(PixelMean(device), SegMetrics(len(components.classes), device=device))

    def note_validation(self, val: ValRecord, metric: EarlyStopMetric) -> bool:
        """Keep what a validation says of this epoch; whether its mIoU is the best so far.

        Args:
            metric: the score that may stop the run early; see `TrainConfig.early_stop_metric`.
        """
        score = _score(val, metric)
        if score > self.best_score:
            self.best_score, self.best_score_epoch = score, self.epoch
        better = val["miou"] > self.best_miou
        if better:
            self.best_miou, self.best_epoch = val["miou"], self.epoch
        return better

    def next_epoch(self) -> None:
        """The epoch is over: count anew."""
        self.epoch += 1
        self.batch, self.epoch_seconds = 0, 0.0
        self.loss.reset()
        self.metrics.reset()

    def is_over(self, config: RunConfig) -> bool:
        """Whether all epochs are done, or `early_stop` epochs brought no better validation.

        Only a validation can end a run early, so that the last epoch is always validated and saved.
        """
        patience, done = config.train.early_stop, self.epoch - 1
        validated = done > 0 and done % config.train.val_every == 0
        stopped_early = bool(patience and validated and done - self.best_score_epoch >= patience)
        return done >= config.train.epochs or stopped_early

    def to_state(self) -> dict[str, Any]:
        """Plain numbers and one tensor, for a checkpoint."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        confusion = self.metrics.confusion.cpu()
        return {**numbers, "loss": list(self.loss.sums()), "confusion": confusion}

    @classmethod
    def from_state(cls, state: dict[str, Any], components: Components) -> Position:
        """The position that `to_state` wrote."""
        position = cls.start(components)
        position.loss = PixelMean(components.device, *state["loss"])
        position.metrics.confusion = state["confusion"].to(components.device)
        older = {"best_score": state["best_miou"], "best_score_epoch": state["best_epoch"]}
        for name in _NUMBERS:
            setattr(position, name, {**older, **state}[name])
        return position


_NUMBERS = (
    *("epoch", "batch", "step", "epoch_seconds", "seconds"),
    *("best_miou", "best_epoch", "best_score", "best_score_epoch"),
)


def _score(val: ValRecord, metric: EarlyStopMetric) -> float:
    """The score of a validation that may stop a run early; higher is better."""
    if metric == "loss":
        return -math.inf if val["loss"] is None else -val["loss"]
    return val["mean_dice"] if metric == "dice" else val[metric]


@dataclass(frozen=True)
class Snapshot:
    """What a forward pass changes besides its outputs: buffers (batch norm) and random numbers."""

    buffers: dict[str, Tensor]
    rng: dict[str, Any]

    @classmethod
    def take(cls, model: SegmentationModel) -> Snapshot:
        """As they are now."""
        return cls({name: value.clone() for name, value in model.named_buffers()}, rng_state())


def capture(
    components: Components,
    position: Position,
    before: Snapshot | None = None,
) -> State:
    """All that is needed to go on from `position`.

    Args:
        before: given in the middle of a step: what the model's buffers and the random numbers were
            when the step began.
    """
    state = components.step.to_state()
    if before:
        state["model"] |= before.buffers
    return {
        **state,
        "arch": components.config.model.arch,
        "config": components.config.model_dump(mode="json"),
        "classes": [{"name": info.name, "color": info.color} for info in components.classes],
        "fingerprint": components.config.fingerprint(),
        "rng": before.rng if before else rng_state(),
        "position": position.to_state(),
        "lineage": components.lineage,
    }


def restore(run: RunDir, components: Components) -> Position:
    """Put the components where the run's last checkpoint stands.

    Raises:
        UserError: the checkpoint is damaged or belongs to another config.
    """
    state = load_checkpoint(run.last_checkpoint)
    if state["fingerprint"] != components.config.fingerprint():
        raise UserError(
            f"{run.last_checkpoint} was saved with another config than {run.config_file} holds: "
            "put the config back as it was, or start a new run."
        )
    components.step.load_state(state)
    components.lineage = state["lineage"]
    set_rng_state(state["rng"])
    return Position.from_state(state["position"], components)
