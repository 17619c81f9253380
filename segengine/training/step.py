"""One optimizer step: forward, loss and backward per batch, then the update of the weights."""

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
from segengine.datasets.decoded import DecodedSplit
from segengine.datasets.sampler import Indices
from segengine.device import Precision, autocast
from segengine.losses.base import Loss, Sums
from segengine.metrics.seg_metrics import labels_of
from segengine.models.base import SegmentationModel
from segengine.models.normalization import Normalization
from segengine.training.ema import ExponentialMovingAverage
from segengine.training.optimizer import set_lr


class BatchResult(NamedTuple):
    """The result of one batch before the update of the weights.

    Attributes:
        sums: what the batch's loss is computed from, without the auxiliary loss; see `Loss.sums`.
        labels, masks: predicted and true classes, (B, H, W) int64; 255 in the masks is void.
    """

    sums: Sums
    labels: Tensor
    masks: Tensor


@dataclass
class TrainingStep:
    """A model with all that an optimizer step needs.

    Attributes:
        scaler: scales the loss for float16 gradients; has no effect in other precisions.
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
        """Compute the gradients of the step's batches; the weights are not changed.

        A batch weighs what its mean is over (`Loss.mass`: its pixels that are not void, or their
        classes' weights), so that the gradient of several small batches is that of one large batch,
        apart from batch norm; with Dice and Lovász, which are no means, it is not.

        Args:
            batches: image indices, one array (B,) per batch.
            seed: (run's seed, epoch, number of the first batch in the epoch), for augmentation.

        Returns:
            One result per batch.
        """
        self.optimizer.zero_grad(set_to_none=True)
        results: list[BatchResult] = []
        run_seed, epoch, first = seed
        whole = sum(map(len, batches)) * split.masks[0].size  # keeps float16's gradients in range
        masses: list[Tensor] = []
        for number, indices in enumerate(batches, start=first):
            change = self._change((run_seed, epoch, number))
            with autocast(self.device, self.precision):
                features, masks = encoded_batch(self.model, split, indices, self.device, change)
                logits = self.model.decode(features, masks.shape[-2:])
                sums = self.loss.sums(logits, masks)
                total = self.loss.value(*sums)
                if self.model.aux is not None:
                    aux = self.model.decode_aux(features, masks.shape[-2:])
                    total = total + self.config.model.aux_weight * self.loss(aux, masks)
            if len(batches) > 1:
                masses.append(self.loss.mass(masks).float())
                total = total * (masses[-1] / whole)
            self.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
            detached = tuple(value.detach() for value in sums)
            results.append(BatchResult(detached, labels_of(logits), masks))
        if masses:
            self._scale_gradients(whole, torch.stack(masses).sum())
        return results

    def _scale_gradients(self, whole: float, mass: Tensor) -> None:
        """Make gradients that were weighed by shares of `whole` those by shares of `mass`."""
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        factor = whole / mass.clamp(min=torch.finfo(mass.dtype).tiny)
        torch._foreach_mul_(gradients, factor.where(mass > 0, 0))

    def update(self, lr_factor: float) -> None:
        """Update the weights by the gradients, at `lr_factor` times the base learning rate."""
        set_lr(self.optimizer, lr_factor)
        if self.config.optim.grad_clip:
            self.scaler.unscale_(self.optimizer)
            groups = self.optimizer.param_groups
            trained = [parameter for group in groups for parameter in group["params"]]
            nn.utils.clip_grad_norm_(trained, self.config.optim.grad_clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update(self.model)

    @property
    def best_model(self) -> SegmentationModel:
        """The model that is validated and predicts: the average where there is one."""
        return self.model if self.average is None else self.average.model

    def to_state(self) -> dict[str, Any]:
        """All that a step changes, for a checkpoint."""
        state: dict[str, Any] = {
            "model": dict(self.model.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "normalization": self.model.normalization.to_state(),
        }
        return state if self.average is None else {**state, **self.average.to_state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `to_state` gave."""
        self.model.load_state_dict(state["model"])
        for model in (self.model, self.best_model):
            model.normalization = Normalization.of_checkpoint(state)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
        if self.average is not None:
            self.average.load_state(state)

    def _change(self, seed: tuple[int, int, int]) -> Change | None:
        """The augmentation of a batch; None where none was asked for."""
        data = self.config.data
        return partial(augment, config=data, seed=seed) if data.augment else None
