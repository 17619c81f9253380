"""The state of a run: captured into a checkpoint and restored from one, exact to the step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from segengine.config import RunConfig
from segengine.config.train import EarlyStopMetric
from segengine.errors import UserError
from segengine.losses.set_loss import SetLoss
from segengine.metrics.seg_metrics import SegMetrics
from segengine.models.base import SegmentationModel
from segengine.run.events import ValRecord, score_of
from segengine.run.rundir import RunDir
from segengine.training.components import Components
from segengine.weights.checkpoint import State, can_train, load_checkpoint, rng_state, set_rng_state
from segengine.weights.integrity import parts_of


@dataclass
class Position:
    """How far training has come, and the scores of the current epoch so far.

    Attributes:
        loss, metrics: of the training batches of the current epoch.
        epoch: the current epoch, 1-based; epochs + 1 when all are done.
        batch: optimizer steps of the current epoch that are done.
        step: optimizer steps of the run that are done.
        best_miou, best_epoch: of the best weights so far; -1 and 0 before the first validation.
        best_score, best_score_epoch: the highest score that early stopping watches, and its epoch.
        best_by: the score that chooses the best weights: that of early stopping, but in a run that
            began in version 0.1, where it was the mIoU.
        epoch_seconds, seconds: time spent in the current epoch and in the run, in all sessions.
    """

    loss: SetLoss
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
    best_by: EarlyStopMetric = "miou"

    @classmethod
    def start(cls, components: Components) -> Position:
        """The position before the first step."""
        device = components.device
        metrics = SegMetrics(len(components.classes), device=device)
        best_by = components.config.train.early_stop_metric
        return cls(SetLoss(components.step.loss), metrics, best_by=best_by)

    def note_validation(self, val: ValRecord, metric: EarlyStopMetric) -> bool:
        """Keep the best scores; whether this validation's weights are the best so far.

        Args:
            metric: the score that early stopping watches; see `TrainConfig.early_stop_metric`.
        """
        score = score_of(val, metric)
        better = score > self.best_score
        if better:
            self.best_score, self.best_score_epoch = score, self.epoch
        if self.best_by != metric:  # older runs
            better = score_of(val, self.best_by) > self.best_miou
        if better:
            self.best_miou, self.best_epoch = val["miou"], self.epoch
        return better

    def next_epoch(self) -> None:
        """Begin the next epoch: its scores start at zero."""
        self.epoch += 1
        self.batch, self.epoch_seconds = 0, 0.0
        self.loss.reset()
        self.metrics.reset()

    def is_over(self, config: RunConfig) -> bool:
        """Whether all epochs are done, or the last `early_stop` epochs brought no better score.

        A run ends early only after a validation, so that its last epoch is validated and saved.
        """
        patience, done = config.train.early_stop, self.epoch - 1
        validated = done > 0 and done % config.train.val_every == 0
        stopped_early = bool(patience and validated and done - self.best_score_epoch >= patience)
        return done >= config.train.epochs or stopped_early

    def to_state(self) -> dict[str, Any]:
        """Numbers and one tensor, for a checkpoint."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        confusion = self.metrics.confusion.cpu()
        return {**numbers, "loss": self.loss.sums(), "confusion": confusion}

    @classmethod
    def from_state(cls, state: dict[str, Any], components: Components) -> Position:
        """The position whose `to_state` this is."""
        position = cls.start(components)
        position.loss = SetLoss(components.step.loss, _loss_sums(state["loss"], components))
        position.metrics.confusion = state["confusion"].to(components.device)
        # Older checkpoints have no score of early stopping (it was the mIoU), or chose by the mIoU.
        defaults = {"best_score": state["best_miou"], "best_score_epoch": state["best_epoch"]}
        defaults["best_by"] = "miou"
        for name in _NUMBERS:
            setattr(position, name, {**defaults, **state}[name])
        return position


_NUMBERS = (
    *("epoch", "batch", "step", "epoch_seconds", "seconds"),
    *("best_miou", "best_epoch", "best_score", "best_score_epoch", "best_by"),
)


def _loss_sums(saved: Sequence[Tensor | float], components: Components) -> Sequence[Tensor | float]:
    """The sums of the current epoch's loss.

    Version 0.1 saved two numbers for every loss. A loss of other sums begins anew: the epoch's
    training loss is then over the rest of the epoch.
    """
    of_0_1 = any(isinstance(value, float) for value in saved)
    losses_of_two_sums = ("cross_entropy", "bce", "focal", "lovasz")
    return () if of_0_1 and components.config.optim.loss not in losses_of_two_sums else saved


@dataclass(frozen=True)
class Snapshot:
    """What a forward pass changes: buffers (batch norm) and the state of the random numbers."""

    buffers: dict[str, Tensor]
    rng: dict[str, Any]

    @classmethod
    def take(cls, model: SegmentationModel) -> Snapshot:
        """A copy of the present ones."""
        return cls({name: value.clone() for name, value in model.named_buffers()}, rng_state())


def capture(components: Components, position: Position, before: Snapshot | None = None) -> State:
    """All that is needed to continue from `position`, for a checkpoint.

    Args:
        before: in the middle of a step, the snapshot from its beginning.
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
    """Load the run's last checkpoint into the components, and return its position.

    Raises:
        UserError: the checkpoint is damaged, or is of another config.
    """
    state = load_checkpoint(run.last_checkpoint)
    with parts_of(run.last_checkpoint):
        if not can_train(state):
            raise UserError(
                f"The optimizer's state of run {run.id} was let go, and it cannot be trained on: "
                f"start a new run with --weights run:{run.id}.",
                field="run",
            )
        if not _is_of(state, components.config):
            raise UserError(
                f"{run.last_checkpoint} was saved with another config than {run.config_file} "
                "holds: put the config back as it was, or start a new run."
            )
        components.step.load_state(state)
        components.lineage = state["lineage"]
        set_rng_state(state["rng"])
        return Position.from_state(state["position"], components)


def _is_of(state: State, config: RunConfig) -> bool:
    """Whether a checkpoint is of that config, or of the same with fewer epochs."""
    if state["fingerprint"] == config.fingerprint():
        return True
    saved = state["config"]["train"]["epochs"]
    fewer = config.with_values(epochs=saved)
    return bool(saved < config.train.epochs and state["fingerprint"] == fewer.fingerprint())
