"""Seeds: spread, and differences paired by seed, checked by hand."""

from __future__ import annotations

import pytest

from segengine.statistics.seeds import paired_by_seed, spread

A = {0: 0.495, 1: 0.489, 2: 0.492}
B = {0: 0.511, 1: 0.513, 2: 0.507}


def test_three_seeds_of_a_textbook() -> None:
    found = paired_by_seed(A, B)
    assert found is not None
    assert found.mean == pytest.approx(0.018333, abs=1e-6)
    assert found.sd == pytest.approx(0.004933, abs=1e-6)
    assert found.t == pytest.approx(6.437, abs=1e-3) and found.degrees == 2
    assert (found.low, found.high) == pytest.approx((0.0061, 0.0306), abs=5e-5)
    assert found.p_flip == pytest.approx(0.25)


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125)])
def test_sign_flips_cannot_tell_more_than_the_number_of_seeds(seeds: int, least: float) -> None:
    a = {seed: 0.5 + seed / 1000 for seed in range(seeds)}
    found = paired_by_seed(a, {seed: value + 0.1 + seed / 500 for seed, value in a.items()})
    assert found and found.p_flip == pytest.approx(least)


def test_only_seeds_that_both_have_are_compared() -> None:
    found = paired_by_seed(A, {2: 0.6, 3: 0.9})
    assert found and list(found.differences) == [2]
    assert found.mean == pytest.approx(0.108)
    assert (found.sd, found.t, found.low) == (None, None, None)
    assert paired_by_seed(A, {7: 0.5}) is None


def test_equal_differences_have_no_t() -> None:
    found = paired_by_seed(A, A)
    assert found and (found.mean, found.sd, found.t) == (0.0, 0.0, None)


def test_the_spread_of_one_run_is_unknown() -> None:
    assert (spread([0.5]).mean, spread([0.5]).sd) == (0.5, None)
    assert spread([0.511, 0.513, 0.507]).sd == pytest.approx(0.00305505)
