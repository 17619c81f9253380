"""What several seeds of one setting tell: mean, spread, and differences paired by seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from segengine.statistics.intervals import t_quantile

_MOST_FLIPPED = 16  # seeds; of more, sign flips would be too many to list


@dataclass(frozen=True)
class Spread:
    """A number over seeds: all its values, their mean and standard deviation (n - 1).

    `sd` is None with one value.
    """

    values: tuple[float, ...]
    mean: float
    sd: float | None


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    array = np.asarray(values, float)
    sd = float(array.std(ddof=1)) if len(values) > 1 else None
    return Spread(tuple(float(value) for value in values), float(array.mean()), sd)


@dataclass(frozen=True)
class PairedSeeds:
    """The differences of two settings (B minus A), seed by seed.

    Attributes:
        differences: seed -> difference, for the seeds that both have.
        mean, sd: of the differences; sd (n - 1) is None with one seed.
        t, degrees: Student's t of the mean, None where it is not defined.
        low, high: the 95 % t interval of the mean, which takes the differences for normal.
        p_flip: the two-sided p of the sign-flip test, which takes nothing for granted; it cannot
            be below 2 / 2 ** seeds.
    """

    differences: dict[int, float]
    mean: float
    sd: float | None
    t: float | None
    degrees: int
    low: float | None
    high: float | None
    p_flip: float | None


def paired_by_seed(a: Mapping[int, float], b: Mapping[int, float]) -> PairedSeeds | None:
    """The comparison over the seeds that both have; None where they share none.

    Args:
        a, b: seed -> score.
    """
    shared = sorted(a.keys() & b.keys())
    if not shared:
        return None
    found = {seed: b[seed] - a[seed] for seed in shared}
    values = spread(list(found.values()))
    degrees = len(shared) - 1
    if not values.sd:
        return PairedSeeds(found, values.mean, values.sd, None, degrees, None, None, _flip(found))
    error = values.sd / math.sqrt(len(shared))
    half = t_quantile(0.975, degrees) * error
    return PairedSeeds(
        differences=found,
        mean=values.mean,
        sd=values.sd,
        t=values.mean / error,
        degrees=degrees,
        low=values.mean - half,
        high=values.mean + half,
        p_flip=_flip(found),
    )


def _flip(differences: Mapping[int, float]) -> float | None:
    """Share of all choices of signs whose mean is as far from 0 as the one that was seen."""
    values = np.array(list(differences.values()))
    if len(values) > _MOST_FLIPPED:
        return None
    signs = np.array(list(product((1, -1), repeat=len(values))))
    sums = np.abs(signs @ values)
    return float(np.mean(sums >= abs(values.sum()) - 1e-12))
