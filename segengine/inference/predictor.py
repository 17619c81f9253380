"""From a model to labels, index masks and scores, without learning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segengine.batches.feature_cache import encoded_batch
from segengine.batches.load import normalise
from segengine.datasets.base import ClassInfo
from segengine.datasets.decoded import DecodedSplit, resize_image
from segengine.datasets.sampler import Indices, ordered_batches
from segengine.device import Precision, autocast
from segengine.files import cannot_write
from segengine.metrics.boundary import BoundaryMetrics
from segengine.metrics.seg_metrics import SegMetrics, labels_of
from segengine.models.base import SegmentationModel
from segengine.statistics.scores import Counts, scores

Loss = Callable[[Tensor, Tensor], Tensor]
Tick = Callable[[int, int], None]  # (images done, images in all); may raise to end the work
Watch = Callable[[Indices, Tensor, Tensor], None]


@dataclass(frozen=True)
class Validation:
    """How well a model does on a split.

    Attributes:
        loss: mean over the pixels that count.
        confusion: (classes, classes), rows are the true class.
        scores: as `segengine.statistics.scores.scores` and `BoundaryMetrics.scores` give them.
    """

    loss: float
    confusion: Counts
    scores: dict[str, Any]

    def record(self) -> dict[str, Any]:
        """Loss and scores as one record, ready for JSON."""
        return {"loss": self.loss, **self.scores}


@dataclass(frozen=True)
class Predictor:
    """A model with all that is needed to run it on batches."""

    model: SegmentationModel
    device: torch.device
    precision: Precision
    batch_size: int

    def batches(
        self, split: DecodedSplit, tick: Tick | None = None
    ) -> Iterator[tuple[Indices, Tensor, Tensor]]:
        """(indices, logits (B, C, H, W) float32, masks (B, H, W)) over the split, in order.

        The model is in evaluation mode meanwhile.
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
        watch: Watch | None = None,
    ) -> Validation:
        """Loss and scores of a whole split.

        Args:
            watch: called with each batch's (indices, predicted labels (B, H, W), masks (B, H, W)).

        Raises:
            ValueError: a mask holds a label that is no class.
        """
        metrics = SegMetrics(classes, device=self.device)
        boundary = BoundaryMetrics(classes, device=self.device)
        mean = PixelMean(self.device)
        for indices, logits, masks in self.batches(split, tick):
            mean.add(loss(logits, masks), masks)
            labels = labels_of(logits)
            metrics.update(labels, masks)
            boundary.update(labels, masks)
            if watch:
                watch(indices, labels, masks)
        confusion = metrics.confusion.cpu().numpy()
        return Validation(mean.value(), confusion, {**scores(confusion), **boundary.scores()})

    def labels(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Labels (H, W) uint8 of one image (H, W, 3) uint8, computed at `size` (height, width).

        The logits, not the labels, are brought back to the image's own size, so that edges stay
        smooth.
        """
        self.model.eval()
        small = torch.from_numpy(resize_image(image, size).copy())[None].to(self.device)
        with torch.inference_mode(), autocast(self.device, self.precision):
            logits = self.model(normalise(small)).float()
        full = torch.nn.functional.interpolate(logits, size=image.shape[:2], mode="bilinear")
        labels: np.ndarray = index_masks(full)[0]
        return labels


class PixelMean:
    """The mean of per-batch mean losses, weighted by their pixels; kept on the device."""

    def __init__(self, device: torch.device, total: float = 0.0, pixels: float = 0.0) -> None:
        # float64: float32 sums drift over the billions of pixels of a long epoch.
        self._sums = torch.tensor([total, pixels], dtype=torch.float64, device=device)

    def add(self, loss: Tensor, masks: Tensor, ignore_index: int = 255) -> None:
        """Count one batch: its mean loss and its masks (B, H, W)."""
        pixels = (masks != ignore_index).sum()
        self._sums += torch.stack([loss.detach().double() * pixels, pixels.double()])

    def sums(self) -> tuple[float, float]:
        """(sum of losses, pixels): what a checkpoint keeps."""
        total, pixels = self._sums.tolist()
        return total, pixels

    def reset(self) -> None:
        """Forget all batches."""
        self._sums.zero_()

    def value(self) -> float:
        """The mean; 0 where no pixel counted."""
        total, pixels = self.sums()
        return total / pixels if pixels else 0.0


def index_masks(logits: Tensor) -> np.ndarray:
    """Logits (N, C, H, W) to the predicted classes (N, H, W), uint8."""
    masks: np.ndarray = labels_of(logits).to(torch.uint8).cpu().numpy()
    return masks


def save_mask(path: Path, labels: np.ndarray, classes: Sequence[ClassInfo]) -> None:
    """Write an index mask (H, W) uint8 as a PNG whose palette shows the classes' colours.

    Raises:
        UserError: the disk is full or cannot be written.
    """
    image = Image.fromarray(labels, mode="P")
    palette = [int(info.color[i : i + 2], 16) for info in classes for i in (1, 3, 5)]
    image.putpalette(palette + [0] * (768 - len(palette)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    except OSError as error:
        raise cannot_write(path, error) from error
