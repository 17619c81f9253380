"""The class probabilities that a run keeps of its validation set, and their calibration."""

from __future__ import annotations

import json
import math

import numpy as np
from torch import Tensor

from segengine.files import write_text
from segengine.files.probabilities import quantized, save_probabilities
from segengine.metrics.confidences import Confidences
from segengine.run.records import CalibrationRecord, ImageConfidence
from segengine.run.rundir import RunDir


class KeptProbabilities:
    """Writes a file an image and, at the end, what they say together against the truth.

    Attributes:
        bytes: of the files so far.
    """

    def __init__(self, run: RunDir, classes: int) -> None:
        self.bytes = 0
        self._run = run
        self._confidences = Confidences(classes)

    def add(self, name: str, logits: Tensor, predicted: np.ndarray, target: np.ndarray) -> None:
        """Keep the probabilities of one image.

        Args:
            logits: (classes, h, w), float32.
            predicted: (h, w) classes.
            target: (h, w) classes, 255 for void.

        Raises:
            UserError: the disk is full or cannot be written.
        """
        # NaN, of a run that has diverged, is no probability: it counts as 0.
        probabilities = np.nan_to_num(logits.softmax(dim=0).cpu().numpy())
        stored = quantized(probabilities)
        path = self._run.probabilities(name)
        save_probabilities(path, stored)
        self.bytes += path.stat().st_size
        self._confidences.add(name, probabilities, stored, predicted, target)

    def write_calibration(self) -> None:
        """Write the record that pages read, after the last image.

        Raises:
            UserError: the disk is full or cannot be written.
        """
        found = self._confidences
        reliability = found.calibration.reliability
        record = CalibrationRecord(
            images={
                name: ImageConfidence(entropy=round(entropy, 6), confidence=round(confidence, 6))
                for name, (entropy, confidence) in found.images.items()
            },
            pixels=reliability.counts.tolist(),
            correct=reliability.correct.tolist(),
            brier=_or_none(found.calibration.brier),
            nll=_or_none(found.calibration.nll),
            classes=[(own.tolist(), others.tolist()) for own, others in _columns(found)],
        )
        write_text(self._run.calibration_file, json.dumps(record) + "\n")


def _columns(found: Confidences) -> np.ndarray:
    """(classes, 2, 256): the class's own pixels by level, and the others."""
    return found.histograms.transpose(0, 2, 1)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
