"""What stored class probabilities say of each image, and of all against the truth."""

from __future__ import annotations

import numpy as np

from segengine.datasets.base import IGNORE_INDEX
from segengine.files.probabilities import dequantized
from segengine.statistics.calibration import Calibration
from segengine.statistics.thresholds import level_histogram
from segengine.statistics.uncertainty import entropy


class Confidences:
    """Images are added one by one; the memory that it takes grows by two numbers an image.

    Attributes:
        images: image -> (mean entropy, mean of the largest probability), both 0 to 1, over all
            pixels: void ones too, for the truth plays no part.
        calibration: over all pixels that are not void.
        histograms: (classes, 256, 2) pixels that are not void, by the level of each class: those of
            the class, and the others.
    """

    def __init__(self, classes: int) -> None:
        self.images: dict[str, tuple[float, float]] = {}
        self.calibration = Calibration()
        self.histograms = np.zeros((classes, 256, 2), np.int64)

    def add(
        self,
        name: str,
        probabilities: np.ndarray,
        stored: np.ndarray,
        predicted: np.ndarray,
        target: np.ndarray,
    ) -> None:
        """Add one image.

        Args:
            probabilities: (classes, h, w), float.
            stored: the same as levels, uint8: what thresholds and calibration are of.
            predicted: (h, w) classes.
            target: (h, w) classes, 255 for void.
        """
        sureness = float(probabilities.max(axis=0).mean())
        self.images[name] = float(entropy(probabilities).mean()), sureness
        counted = target != IGNORE_INDEX
        truth = target[counted]
        levels = stored[:, counted]  # (classes, pixels)
        self.calibration.add(dequantized(levels), predicted[counted], truth)
        for label, of_label in enumerate(levels):
            self.histograms[label] += level_histogram(of_label, truth == label)
