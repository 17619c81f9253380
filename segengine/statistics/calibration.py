"""Whether a model's probabilities mean what they say, over all pixels that are not void.

- Reliability: of the pixels that were predicted with such a confidence (the probability of the
  predicted class), how many are right. ECE (expected calibration error) is the mean distance of
  confidence and accuracy over equal bins, each bin weighted by its pixels.
- Brier score: the mean over pixels of the sum over classes of (probability - truth)², with truth 1
  for the true class and 0 for the others: 0 to 2, lower is better. (Some halve it.)
- NLL (negative log-likelihood): the mean over pixels of -ln of the true class's probability. Of
  probabilities of 8 bits a pixel adds ln 512 = 6.24 at most, so that of a model that is sure and
  wrong it is below its cross entropy.

Source of ECE: Guo et al., 2017, On Calibration of Modern Neural Networks (arXiv 1706.04599).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from segengine.statistics.scores import Counts, Floats, ratio

LEVELS = 256  # bins in which probabilities of 8 bits lose nothing


@dataclass
class Reliability:
    """How many pixels of each confidence there are, and how many of them are right.

    Attributes:
        counts: (bins,) pixels, by equal bins of confidence: [0, 1 / bins), and so on up to 1.
        correct: (bins,) those of them that are right.
        confidence: (bins,) the sum of their confidences.
    """

    counts: Counts
    correct: Counts
    confidence: Floats

    @classmethod
    def of(cls, bins: int) -> Reliability:
        """An empty one of so many bins."""
        return cls(np.zeros(bins, np.int64), np.zeros(bins, np.int64), np.zeros(bins))

    def add(self, confidences: Floats, correct: np.ndarray) -> None:
        """Count pixels: (n,) confidences of 0 to 1, and (n,) whether each is right.

        Raises:
            ValueError: the shapes differ, or a confidence is not 0 to 1.
        """
        values = np.asarray(confidences, np.float64)
        if values.shape != np.shape(correct) or values.ndim != 1:
            raise ValueError(
                "Confidences and whether they are right must be lists of one length, but their "
                f"shapes are {values.shape} and {np.shape(correct)}."
            )
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError("Confidences must be 0 to 1.")
        places = _bins_of(values, len(self.counts))
        self.counts += self._sums(places, None).astype(np.int64)
        self.correct += self._sums(places, np.asarray(correct, bool)).astype(np.int64)
        self.confidence += self._sums(places, values)

    def merged(self, bins: int) -> Reliability:
        """The same pixels in other bins.

        Exact where all pixels of a bin have one confidence, as probabilities of 8 bits have in 256
        bins; else each bin goes where its mean confidence belongs.
        """
        used = self.counts > 0
        places = _bins_of(self.mean_confidence[used], bins)
        merged = Reliability.of(bins)
        np.add.at(merged.counts, places, self.counts[used])
        np.add.at(merged.correct, places, self.correct[used])
        np.add.at(merged.confidence, places, self.confidence[used])
        return merged

    @property
    def mean_confidence(self) -> Floats:
        """(bins,) the mean confidence of each bin; NaN where it is empty."""
        return _mean(self.confidence, self.counts)

    @property
    def accuracy(self) -> Floats:
        """(bins,) the share of each bin that is right, 0 to 1; NaN where it is empty."""
        return ratio(self.correct, self.counts)

    @property
    def pixels(self) -> int:
        """How many pixels were counted."""
        return int(self.counts.sum())

    @property
    def ece(self) -> float:
        """Expected calibration error, 0 to 1; NaN without pixels."""
        if not self.pixels:
            return float("nan")
        return float(np.abs(self.confidence - self.correct).sum() / self.pixels)

    def _sums(self, places: Counts, weights: np.ndarray | None) -> np.ndarray:
        return np.bincount(places, weights, minlength=len(self.counts))


@dataclass
class Calibration:
    """Reliability, Brier score and NLL of many images, which are added one by one.

    Attributes:
        reliability: of the predicted classes.
        squared: the sum over pixels and classes of (probability - truth)².
        log_loss: the sum over pixels of -ln of the true class's probability.
    """

    reliability: Reliability = field(default_factory=lambda: Reliability.of(LEVELS))
    squared: float = 0.0
    log_loss: float = 0.0

    def add(self, probabilities: Floats, predicted: np.ndarray, truth: np.ndarray) -> None:
        """Count pixels that are not void.

        Args:
            probabilities: (classes, n), each above 0 and at most 1.
            predicted: (n,) classes.
            truth: (n,) classes.
        """
        pixels = np.arange(len(truth))
        self.reliability.add(probabilities[predicted, pixels], predicted == truth)
        self.squared += float(squared_errors(probabilities, truth).sum())
        self.log_loss += float(log_losses(probabilities, truth).sum())

    @property
    def brier(self) -> float:
        """The Brier score, 0 to 2; NaN without pixels."""
        pixels = self.reliability.pixels
        return self.squared / pixels if pixels else float("nan")

    @property
    def nll(self) -> float:
        """The negative log-likelihood, in nats; NaN without pixels."""
        pixels = self.reliability.pixels
        return self.log_loss / pixels if pixels else float("nan")


def squared_errors(probabilities: Floats, truth: np.ndarray) -> Floats:
    """(n,) the sum over classes of (probability - truth)²; of (classes, n) and (n,) classes."""
    values = np.asarray(probabilities, np.float64)
    of_truth = values[truth, np.arange(len(truth))]
    # (p - 1)² = p² - 2p + 1 for the true class, p² for all others.
    return np.asarray((values**2).sum(axis=0) - 2 * of_truth + 1)


def log_losses(probabilities: Floats, truth: np.ndarray) -> Floats:
    """(n,) -ln of the true class's probability; of (classes, n) above 0 and (n,) classes."""
    values = np.asarray(probabilities, np.float64)
    return np.asarray(-np.log(values[truth, np.arange(len(truth))]))


def _bins_of(values: Floats, bins: int) -> Counts:
    """In which of so many equal bins values of 0 to 1 are; 1 is in the last."""
    return np.minimum((values * bins).astype(np.int64), bins - 1)


def _mean(sums: Floats, counts: Counts) -> Floats:
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means
