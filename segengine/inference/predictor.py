"""The predictor: a trained model's logits, labels and scores, over a split or for one image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from segengine.batches.feature_cache import encoded_batch
from segengine.batches.load import normalize
from segengine.datasets.decoded import DecodedSplit, resize_image
from segengine.datasets.sampler import Indices, ordered_batches
from segengine.device import Precision, autocast
from segengine.inference.full_size import full_size_labels
from segengine.losses.base import Loss
from segengine.losses.set_loss import SetLoss
from segengine.metrics.boundary import BoundaryMetrics
from segengine.metrics.seg_metrics import SegMetrics, labels_of
from segengine.models.base import SegmentationModel
from segengine.run.events import ValRecord

Tick = Callable[[int, int], None]  # (images done, images in all); may raise to end the work
# (indices, predicted labels (B, H, W), masks (B, H, W)) of a batch.
OnBatch = Callable[[Indices, Tensor, Tensor], None]


@dataclass(frozen=True)
class ValidationResult:
    """Loss and scores of a model on a split.

    Attributes:
        loss: over all pixels of the split that count, together.
        confusion: (classes, classes) int64, rows are the true class.
        record: loss and scores, ready for JSON.
    """

    loss: float
    confusion: np.ndarray
    record: ValRecord


@dataclass(frozen=True)
class Predictor:
    """A model, and how to run it on batches."""

    model: SegmentationModel
    device: torch.device
    precision: Precision
    batch_size: int

    def batches(
        self, split: DecodedSplit, tick: Tick | None = None
    ) -> Iterator[tuple[Indices, Tensor, Tensor]]:
        """(indices, logits (B, classes, H, W) float32, masks (B, H, W)) of the split, in order.

        The model is left in evaluation mode.
        """
        self.model.eval()
        done = 0
        for indices in ordered_batches(len(split), self.batch_size):
            with torch.inference_mode(), autocast(self.device, self.precision):
                features, masks = encoded_batch(self.model, split, indices, self.device)
                logits = self.model.decode(features, masks.shape[-2:])
            yield indices, logits.float(), masks
            done += len(indices)
            if tick:
                tick(done, len(split))

    def validate(
        self,
        split: DecodedSplit,
        loss: Loss,
        classes: int,
        tick: Tick | None = None,
        on_batch: OnBatch | None = None,
    ) -> ValidationResult:
        """Loss and scores of a whole split.

        Args:
            classes: number of classes.
            on_batch: called after each batch.

        Raises:
            ValueError: a mask holds a label that is not a class.
        """
        metrics = SegMetrics(classes, device=self.device)
        boundary = BoundaryMetrics(classes, self.device, split.boundary_share)
        total = SetLoss(loss)
        for indices, logits, masks in self.batches(split, tick):
            total.add(loss.sums(logits, masks))
            labels = labels_of(logits)
            metrics.update(labels, masks)
            boundary.update(labels, masks)
            if on_batch:
                on_batch(indices, labels, masks)
        loss_value = total.value()
        record = ValRecord(loss=loss_value, **metrics.scores(), **boundary.scores())
        return ValidationResult(loss_value, metrics.confusion.cpu().numpy(), record)

    def labels(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Labels (H, W) uint8 of one image (H, W, 3) uint8, computed at `size` (height, width).

        The logits are resized to the image's own size, not the labels, so that edges are smooth.
        """
        self.model.eval()
        small = torch.from_numpy(resize_image(image, size).copy())[None].to(self.device)
        with torch.inference_mode(), autocast(self.device, self.precision):
            logits = self.model(normalize(small, self.model.normalization)).float()
            return full_size_labels(logits, (image.shape[0], image.shape[1]))
