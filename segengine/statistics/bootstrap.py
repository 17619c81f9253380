"""The paired bootstrap over images: how far a difference in mIoU could be an accident of them.

The unit is the image, or a group of images that belong together; pixels of one image depend on each
other and are never resampled. All runs are resampled with the same drawn images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segengine.statistics.intervals import CONFIDENCE, Interval, bca
from segengine.statistics.scores import Counts, Floats

RESAMPLES = 10_000
FEWEST = 10  # units, with fewer of which there is no interval
FEW = 30  # units, with fewer of which an interval is rough
RARE = 5  # units; a class in fewer of them has no interval
_AT_ONCE = 1 << 21  # drawn units that are in memory at once


@dataclass(frozen=True)
class Sample:
    """What runs did on the images that they share.

    Attributes:
        hits: (runs, units, classes) true positives.
        unions: (runs, units, classes) true positives + false positives + false negatives.
        counted: classes whose IoU is averaged; rare ones are left out where there is an interval.
        rare: class -> number of units that hold it, of those left out for being in too few.
        names: of the units.
    """

    hits: Floats
    unions: Floats
    counted: tuple[int, ...]
    rare: dict[int, int] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """Number of images, or of groups of images."""
        return int(self.hits.shape[1])

    @property
    def has_intervals(self) -> bool:
        """Whether there are enough units for an interval."""
        return self.units >= FEWEST and bool(self.counted)

    def mious(self) -> Floats:
        """(runs,) the dataset-level mIoU of each run over the counted classes."""
        return _mean_iou(self.hits.sum(axis=1), self.unions.sum(axis=1))


def sample_of(confusions: Sequence[Counts], groups: Sequence[str] | None = None) -> Sample:
    """The sample of runs.

    Args:
        confusions: of each run, (images, classes, classes): a matrix per image, in one order.
        groups: the group of each image; images of one group are one unit.

    Raises:
        ValueError: the shapes differ.
    """
    shapes = {confusion.shape for confusion in confusions}
    if len(shapes) != 1:
        raise ValueError(f"Runs must have the same images and classes, but have {sorted(shapes)}.")
    stacks = np.stack([_merged(confusion, groups) for confusion in confusions]).astype(np.float64)
    hits = np.diagonal(stacks, axis1=-2, axis2=-1)
    truth, predicted = stacks.sum(axis=-1), stacks.sum(axis=-2)
    unions = truth + predicted - hits
    held_by = (truth[0] > 0).sum(axis=0)  # units; the truth is the same for all runs
    seen = (unions.sum(axis=(0, 1)) > 0).nonzero()[0]
    whole = stacks.shape[1] >= FEWEST
    counted = tuple(int(c) for c in seen if held_by[c] >= RARE or not whole)
    rare = {int(c): int(held_by[c]) for c in seen if int(c) not in counted}
    picked = list(counted)
    return Sample(hits[..., picked], unions[..., picked], counted, rare)


def resampled_mious(sample: Sample, seed: int = 0, resamples: int = RESAMPLES) -> Floats:
    """(resamples, runs) the mIoU of each run on the same drawn units.

    Resamples that lack a counted class altogether are left out: an average over the others would
    be another quantity.
    """
    runs, units, classes = sample.hits.shape
    columns = np.concatenate([sample.hits, sample.unions]).transpose(1, 0, 2).reshape(units, -1)
    rng = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // units)
    parts = []
    for start in range(0, resamples, step):
        times = _drawn(rng, min(step, resamples - start), units)
        sums = (times @ columns).reshape(-1, 2, runs, classes)
        kept = (sums[:, 1] > 0).all(axis=(1, 2))
        parts.append(_mean_iou(sums[kept, 0], sums[kept, 1]))
    return np.concatenate(parts)


@dataclass(frozen=True)
class Difference:
    """The mIoU of B minus that of A, on the same images; each a run, or the mean of runs.

    Attributes:
        value: -1 to 1.
        interval: None with too few images, and where there is nothing to resample.
        standard_error: by the delta method; NaN with fewer than two units.
        units: images, or groups of images.
        identical: whether both runs predicted the same numbers on every image.
        p: twice the smaller share of resamples on one side of 0, at most 1; 1 without an interval.
    """

    value: float
    interval: Interval | None
    standard_error: float
    units: int
    identical: bool
    p: float = 1.0

    @property
    def tells(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high


def difference(
    sample: Sample, resampled: Floats | None, a: Sequence[int], b: Sequence[int]
) -> Difference:
    """How runs b differ from runs a, each by their mean.

    Args:
        resampled: what `resampled_mious` gave; None: no interval.
    """
    mious = sample.mious()
    value = float(mious[list(b)].mean() - mious[list(a)].mean())
    same = len(a) == len(b) == 1 and all(
        np.array_equal(part[a[0]], part[b[0]]) for part in (sample.hits, sample.unions)
    )
    error = _standard_error(sample, a, b)
    if resampled is None or same or not sample.has_intervals:
        return Difference(value, None, error, sample.units, same)
    drawn = resampled[:, list(b)].mean(axis=1) - resampled[:, list(a)].mean(axis=1)
    left = np.mean(drawn < 0) + np.mean(drawn == 0) / 2
    p = float(min(1.0, 2 * max(min(left, 1 - left), 1 / len(drawn))))
    interval = bca(value, drawn, _jackknife(sample, b) - _jackknife(sample, a))
    return Difference(value, interval, error, sample.units, same, p)


def group_interval(
    resampled: Floats, a: Sequence[int], b: Sequence[int], seed: int = 0
) -> Interval:
    """The interval of the mean mIoU of runs b minus that of runs a, over seeds and images.

    Each resample draws seeds of each group beside the images, so that it holds the luck of both.
    """
    rng = np.random.default_rng(seed)
    means = []
    for runs in (a, b):
        drawn = rng.integers(0, len(runs), (len(resampled), len(runs)))
        columns = np.asarray(runs)[drawn]
        means.append(np.take_along_axis(resampled, columns, axis=1).mean(axis=1))
    ends = np.quantile(means[1] - means[0], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(ends[0]), float(ends[1]), "percentile")


def _mean_iou(hits: Floats, unions: Floats) -> Floats:
    """(..., classes) -> (...); a class that is nowhere counts as 0."""
    ratios = np.divide(hits, unions, out=np.zeros_like(hits), where=unions > 0)
    mean: Floats = ratios.mean(axis=-1) if ratios.shape[-1] else np.zeros(ratios.shape[:-1])
    return mean


def _merged(confusion: Counts, groups: Sequence[str] | None) -> Counts:
    if groups is None:
        return confusion
    _, place = np.unique(np.asarray(groups), return_inverse=True)
    merged = np.zeros((int(place.max()) + 1, *confusion.shape[1:]), np.int64)
    np.add.at(merged, place, confusion)
    return merged


def _drawn(rng: np.random.Generator, resamples: int, units: int) -> Floats:
    """(resamples, units): how often each unit is drawn, `units` draws in each row."""
    picks: NDArray[np.int64] = rng.integers(0, units, (resamples, units))
    picks += np.arange(resamples)[:, None] * units
    counts = np.bincount(picks.ravel(), minlength=resamples * units)
    return counts.reshape(resamples, units).astype(np.float64)


def _jackknife(sample: Sample, runs: Sequence[int]) -> Floats:
    """(units,) the runs' mean mIoU without each unit: sums are the totals minus a row."""
    hits, unions = sample.hits[list(runs)], sample.unions[list(runs)]
    totals = hits.sum(axis=1, keepdims=True), unions.sum(axis=1, keepdims=True)
    mean: Floats = _mean_iou(totals[0] - hits, totals[1] - unions).mean(axis=0)
    return mean


def _standard_error(sample: Sample, a: Sequence[int], b: Sequence[int]) -> float:
    if sample.units < 2 or not sample.counted:
        return float("nan")
    means = [np.mean([_influence(sample, run) for run in runs], axis=0) for runs in (a, b)]
    return float((means[1] - means[0]).std(ddof=1) / np.sqrt(sample.units))


def _influence(sample: Sample, run: int) -> Floats:
    """(units,) the influence of each unit on a run's mIoU, by the delta method."""
    hits, unions = sample.hits[run], sample.unions[run]
    totals = unions.sum(axis=0)
    ratios = np.divide(hits.sum(axis=0), totals, out=np.zeros_like(totals), where=totals > 0)
    weights = np.divide(1.0, unions.mean(axis=0), out=np.zeros_like(totals), where=totals > 0)
    influence: Floats = ((hits - ratios * unions) * weights).mean(axis=1)
    return influence
