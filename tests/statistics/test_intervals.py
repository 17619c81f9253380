"""Distributions and corrections, against tables and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from segengine.statistics.intervals import bca, holm, t_cdf, t_quantile, tail_share


@pytest.mark.parametrize(
    ("degrees", "value"),
    [(1, 12.7062), (2, 4.30265), (3, 3.18245), (4, 2.77645), (9, 2.26216), (30, 2.04227)],
)
def test_the_t_quantile_is_that_of_the_tables(degrees: int, value: float) -> None:
    assert t_quantile(0.975, degrees) == pytest.approx(value, abs=1e-4)


def test_the_t_distribution_is_that_of_scipy() -> None:
    for degrees in range(1, 41):
        for t in (0.0, 0.3, 1.0, 2.5, 12.0):
            assert t_cdf(t, degrees) == pytest.approx(stats.t.cdf(t, degrees), abs=1e-12)


def test_holm_multiplies_the_smallest_by_all_the_next_by_one_less() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_a_resample_without_spread_has_the_percentile_interval() -> None:
    interval = bca(0.5, np.full(100, 0.5), np.full(9, 0.5))
    assert interval == (0.5, 0.5, "percentile")


def test_an_estimate_outside_of_all_resamples_has_the_percentile_interval() -> None:
    resampled = np.linspace(0.1, 0.2, 101)
    assert bca(0.9, resampled, np.arange(9.0)).method == "percentile"


def test_the_tails_make_the_interval_of_a_mean_the_t_interval() -> None:
    """A normal law of the bootstrap's own spread, cut at these tails, ends where Student's does."""
    for units in (3, 5, 20, 300):
        values = np.random.default_rng(units).normal(size=units)
        own = values.std(ddof=0) / np.sqrt(units)  # what resamples of the mean spread by
        reach = stats.norm.isf(tail_share(units)) * own
        t = stats.t.ppf(0.975, units - 1) * values.std(ddof=1) / np.sqrt(units)
        assert reach == pytest.approx(t, rel=1e-6)
    assert tail_share(2) == pytest.approx(0.025)
    assert tail_share(100_000) == pytest.approx(0.025, rel=1e-3)
