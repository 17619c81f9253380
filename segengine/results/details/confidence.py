"""How sure a run is of its validation images, and how far that can be trusted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segengine.run.records import CALIBRATION, ImageConfidence, read_record
from segengine.run.rundir import RunDir
from segengine.statistics.calibration import Reliability
from segengine.statistics.scores import Counts
from segengine.statistics.thresholds import (
    ThresholdScores,
    best_threshold,
    threshold_counts,
    threshold_scores,
)

BINS = 15  # as Guo et al., 2017


@dataclass(frozen=True)
class Sweep:
    """One class against the rest, at the thresholds t / 256 of t = 0 to 255.

    Attributes:
        counts: (256, 4) pixels of the whole set: tp, fp, fn, tn.
        scores: IoU, Dice, precision and recall of these.
        best: the t of the best IoU; None where the class is not in the truth.
    """

    counts: Counts
    scores: ThresholdScores
    best: int | None


@dataclass(frozen=True)
class Confidence:
    """What the class probabilities of a run say; over the whole set, void pixels are out.

    The truth is at the size of the probabilities, as scores are made.

    Attributes:
        images: image -> mean entropy (of log(classes), 0 to 1) and mean of the largest
            probability, both over all its pixels; those whose file is there.
        scored: how many images the numbers of the whole set are over.
        levels: reliability in 256 bins, a level each.
        brier: mean over pixels of the sum over classes of squared differences, 0 to 2; None
            without pixels.
        nll: mean over pixels of -ln of the true class's probability; None without pixels.
        histograms: (classes, 256, 2) pixels by the level of each class: its own, and the others.
    """

    images: dict[str, ImageConfidence]
    scored: int
    levels: Reliability
    brier: float | None
    nll: float | None
    histograms: Counts

    def reliability(self, bins: int = BINS) -> Reliability:
        """Confidence against accuracy in equal bins, and their ECE."""
        return self.levels.merged(bins)

    def sweep(self, label: int) -> Sweep:
        """What thresholds on the probability of one class would give, over the whole set."""
        counts = threshold_counts(self.histograms[label])
        scores = threshold_scores(counts)
        return Sweep(counts, scores, best_threshold(scores))


def confidence_of(run: RunDir) -> Confidence | None:
    """What the run's class probabilities say; None where it keeps none, or not yet.

    Nothing is computed anew: the end of the run, which writes the probabilities, writes this, too.

    Raises:
        UserError: the record cannot be read.
    """
    record = read_record(run.calibration_file, CALIBRATION)
    if record is None:
        return None
    there = _images_with_file(run.predictions)
    pixels = np.array(record["pixels"], np.int64)
    middles = (np.arange(len(pixels)) + 0.5) / len(pixels)
    return Confidence(
        images={name: values for name, values in record["images"].items() if name in there},
        scored=len(record["images"]),
        levels=Reliability(pixels, np.array(record["correct"], np.int64), pixels * middles),
        brier=record["brier"],
        nll=record["nll"],
        histograms=np.array(record["classes"], np.int64).transpose(0, 2, 1),
    )


def _images_with_file(folder: Path) -> set[str]:
    """The images whose probabilities lie there, in folders inside it, too."""
    paths = (Path(inner, file) for inner, _, files in os.walk(folder) for file in files)
    return {
        path.relative_to(folder).with_suffix("").as_posix()
        for path in paths
        if path.suffix == ".npz"
    }
