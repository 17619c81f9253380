"""From a model to labels, index masks and scores, without learning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segengine.batches import load_batch, normalise
from segengine.datasets.base import ClassInfo
from segengine.datasets.cache import DecodedSplit, resize_image
from segengine.device import Precision, autocast
from segengine.files import cannot_write
from segengine.metrics import SegMetrics
from segengine.models.base import SegmentationModel
from segengine.order import Indices, ordered_batches
from segengine.scores import Counts

Loss = Callable[[Tensor, Tensor], Tensor]
Tick = Callable[[int, int], None]  # (images done, images in all); may raise to end the work


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
            images, masks = load_batch(split, indices, self.device)
            with torch.inference_mode(), autocast(self.device, self.precision):
                logits = self.model(images)
            yield indices, logits.float(), masks
            done += len(indices)
            if tick:
                tick(done, len(split))

    def validate(
        self, split: DecodedSplit, loss: Loss, classes: int, tick: Tick | None = None
    ) -> tuple[float, Counts]:
        """(mean loss over the pixels that count, confusion matrix) of a whole split."""
        metrics = SegMetrics(classes, device=self.device)
        mean = PixelMean(self.device)
        for _, logits, masks in self.batches(split, tick):
            mean.add(loss(logits, masks), masks)
            metrics.update(logits, masks)
        return mean.value(), metrics.confusion.cpu().numpy()

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
        labels: np.ndarray = full.argmax(1)[0].to(torch.uint8).cpu().numpy()
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
