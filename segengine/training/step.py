"""One optimizer step: forward, loss, backward over its batches, then the update of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from segengine.batches.augment import augment
from segengine.batches.feature_cache import encoded_batch
from segengine.batches.load import Change
from segengine.config import RunConfig
from segengine.datasets.base import IGNORE_INDEX
from segengine.datasets.decoded import DecodedSplit
from segengine.datasets.sampler import Indices
from segengine.device import Precision, autocast
from segengine.losses.base import Loss
from segengine.metrics.seg_metrics import labels_of
from segengine.models.base import SegmentationModel
from segengine.training.ema import ExponentialMovingAverage
from segengine.training.optimizer import set_lr


class BatchResult(NamedTuple):
    """What a batch came to before the weights moved.

    Attributes:
        loss: mean over the pixels that count, without any auxiliary loss.
        labels, masks: predicted and true classes, (B, H, W) int64.
    """

    loss: Tensor
    labels: Tensor
    masks: Tensor


@dataclass
class TrainingStep:
    """A model with what trains it.

    Attributes:
        scaler: scales the loss where gradients are float16; does nothing otherwise.
        average: the moving average of the weights; None where none was asked for.
    """

    config: RunConfig
    model: SegmentationModel
    loss: Loss
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    average: ExponentialMovingAverage | None
    device: torch.device
    precision: Precision

    def gradients(
        self, split: DecodedSplit, batches: Sequence[Indices], seed: tuple[int, int, int]
    ) -> list[BatchResult]:
        """Fill the gradients from the step's batches; the weights stay as they are.

        Each batch counts by its share of the step's pixels that are not void, so that several small
        batches make the gradient of one large batch (batch norm aside).

        Args:
            seed: (run's seed, epoch, number of the first batch in it) for the augmentation.
        """
        self.optimizer.zero_grad(set_to_none=True)
        results = []
        run_seed, epoch, first = seed
        for number, (indices, share) in enumerate(_shares(split, batches), start=first):
            change = self._change((run_seed, epoch, number))
            with autocast(self.device, self.precision):
                features, masks = encoded_batch(self.model, split, indices, self.device, change)
                logits = self.model.decode(features, masks.shape[-2:])
                loss = self.loss(logits, masks)
                total = loss
                if self.model.aux is not None:
                    aux = self.model.decode_aux(features, masks.shape[-2:])
                    total = loss + self.config.model.aux_weight * self.loss(aux, masks)
            self.scaler.scale(total * share).backward()  # type: ignore[no-untyped-call]
            results.append(BatchResult(loss.detach(), labels_of(logits), masks))
        return results

    def update(self, lr_factor: float) -> None:
        """Move the weights along the gradients, at `lr_factor` times the learning rate."""
        set_lr(self.optimizer, lr_factor)
        if self.config.optim.grad_clip:
            self.scaler.unscale_(self.optimizer)
            trained = [p for group in self.optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(trained, self.config.optim.grad_clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update(self.model)

    @property
    def best_model(self) -> SegmentationModel:
        """The model that validates and is kept: the average where there is one."""
        return self.model if self.average is None else self.average.model

    def to_state(self) -> dict[str, Any]:
        """All that changes in a step, for a checkpoint."""
        state: dict[str, Any] = {
            "model": dict(self.model.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        return state if self.average is None else {**state, **self.average.to_state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `to_state` gave."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
        if self.average is not None:
            self.average.load_state(state)

    def _change(self, seed: tuple[int, int, int]) -> Change | None:
        """The augmentation of a batch; None where none was asked for."""
        data = self.config.data
        return partial(augment, config=data, seed=seed) if data.augment else None


def _shares(split: DecodedSplit, batches: Sequence[Indices]) -> list[tuple[Indices, float]]:
    """Each batch with its share of the pixels that count."""
    if len(batches) == 1:
        return [(batches[0], 1.0)]
    counts = [int((split.masks[indices] != IGNORE_INDEX).sum()) for indices in batches]
    total = max(sum(counts), 1)
    return [(indices, count / total) for indices, count in zip(batches, counts, strict=True)]
