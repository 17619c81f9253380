"""The paired bootstrap of a difference in mIoU, against identities and independent oracles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from segengine.statistics import bootstrap
from segengine.statistics.bootstrap import (
    Difference,
    difference,
    group_interval,
    resampled_mious,
    sample_of,
)
from segengine.statistics.intervals import tail_share
from segengine.statistics.scores import Counts, miou


def stack(images: int, seed: int, good: float = 0.8, classes: int = 3) -> Counts:
    """A matrix per image: its truth is the same for every run, its errors are not."""
    truth = np.random.default_rng(7).integers(200, 2000, (images, classes))
    rng = np.random.default_rng(seed)
    right = rng.beta(20 * good, 20 * (1 - good), (images, classes))
    hits = (truth * right).astype(np.int64)
    matrix = np.zeros((images, classes, classes), np.int64)
    for c in range(classes):
        matrix[:, c, c] = hits[:, c]
        matrix[:, c, (c + 1) % classes] = truth[:, c] - hits[:, c]
    return matrix


def compared(a: Counts, b: Counts, seed: int = 0, groups: list[str] | None = None) -> Difference:
    sample = sample_of([a, b], groups)
    return difference(sample, resampled_mious(sample, seed, 2000), [0], [1])


def test_the_difference_is_that_of_the_pooled_mious() -> None:
    a, b = stack(40, 1), stack(40, 2, good=0.85)
    found = compared(a, b)
    assert found.value == pytest.approx(miou(b.sum(axis=0)) - miou(a.sum(axis=0)))
    assert found.interval and found.interval.method == "BCa"
    assert found.interval.low < found.value < found.interval.high
    assert found.tells and found.p < 0.01 and found.units == 40


def test_a_run_compared_with_itself_is_identical_and_has_no_interval() -> None:
    found = compared(stack(40, 1), stack(40, 1))
    assert (found.value, found.interval, found.identical, found.tells) == (0, None, True, False)


def test_swapping_the_runs_flips_every_sign() -> None:
    a, b = stack(50, 1), stack(50, 2)
    there, back = compared(a, b), compared(b, a)
    assert back.value == -there.value and back.p == pytest.approx(there.p)
    assert there.interval and back.interval
    assert back.interval.low == pytest.approx(-there.interval.high)
    assert back.interval.high == pytest.approx(-there.interval.low)


def test_the_number_of_pixels_changes_nothing() -> None:
    a, b = stack(50, 1), stack(50, 2)
    once, seven_times = compared(a, b), compared(7 * a, 7 * b)
    assert once.value == pytest.approx(seven_times.value)
    assert once.interval and seven_times.interval
    assert once.interval[:2] == pytest.approx(seven_times.interval[:2])


def test_the_order_of_the_images_changes_only_the_draws() -> None:
    a, b = stack(60, 1), stack(60, 2)
    order = np.random.default_rng(0).permutation(60)
    one, other = compared(a, b), compared(a[order], b[order])
    assert one.value == pytest.approx(other.value)
    assert one.standard_error == pytest.approx(other.standard_error)
    assert one.interval and other.interval
    assert one.interval[:2] == pytest.approx(other.interval[:2], abs=0.003)


def test_the_delta_method_agrees_with_the_bootstrap_from_100_images_on() -> None:
    for images in (100, 300):
        sample = sample_of([stack(images, 1), stack(images, 2)])
        drawn = resampled_mious(sample, 0, 4000)
        spread = float((drawn[:, 1] - drawn[:, 0]).std(ddof=1))
        assert difference(sample, drawn, [0], [1]).standard_error == pytest.approx(spread, rel=0.06)


def test_the_interval_is_that_of_scipy() -> None:
    sample = sample_of([stack(60, 1), stack(60, 2)])

    def statistic(rows: np.ndarray, axis: int = -1) -> np.ndarray:
        hits, unions = sample.hits[:, rows], sample.unions[:, rows]  # (runs, ..., n, classes)
        ious = (hits.sum(axis=-2) / unions.sum(axis=-2)).mean(axis=-1)
        return np.asarray(ious[1] - ious[0])

    theirs = stats.bootstrap(
        (np.arange(60),),
        statistic,
        n_resamples=6000,
        method="BCa",
        confidence_level=1 - 2 * tail_share(60),  # ours is widened
        rng=np.random.default_rng(1),
    ).confidence_interval
    ours = difference(sample, resampled_mious(sample, 1, 6000), [0], [1]).interval
    assert ours and ours.method == "BCa"
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.05 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.05 * width)


def test_with_fewer_than_ten_images_there_is_no_interval() -> None:
    found = compared(stack(9, 1), stack(9, 2))
    assert found.interval is None and not found.identical and found.value != 0
    assert compared(stack(10, 1), stack(10, 2)).interval is not None


def test_a_rare_class_is_left_out_of_estimate_and_resamples_and_is_named() -> None:
    a, b = stack(40, 1), stack(40, 2)
    for matrix in (a, b):
        matrix[4:, 2, :] = 0  # class 2 is in the truth of 4 images only
    sample = sample_of([a, b])
    assert sample.counted == (0, 1) and sample.rare == {2: 4}
    drawn = resampled_mious(sample, 0, 500)
    assert len(drawn) == 500 and not np.isnan(drawn).any()
    hits, unions = np.diagonal(b.sum(axis=0)), b.sum(axis=(0, 1)) + b.sum(axis=(0, 2))
    ious = hits / (unions - hits)
    assert sample.mious()[1] == pytest.approx(ious[:2].mean())
    for matrix in (a, b):
        matrix[4, 2, 2] = 50  # a fifth image
    assert sample_of([a, b]).counted == (0, 1, 2)


def test_a_resample_that_lacks_a_class_is_left_out() -> None:
    a, b = stack(40, 1), stack(40, 2)
    for matrix in (a, b):
        matrix[5:, 2, :] = matrix[:, 1, 2] = 0  # in 5 images, and predicted in no other
    sample = sample_of([a, b])
    drawn = resampled_mious(sample, 0, 4000)
    share = 1 - len(drawn) / 4000
    assert share == pytest.approx((35 / 40) ** 40, abs=0.005) and share > 0


def test_images_of_one_group_are_drawn_together() -> None:
    a, b = stack(40, 1), stack(40, 2)
    groups = [f"city {index // 4}" for index in range(40)]
    sample = sample_of([a, b], groups)
    assert sample.units == 10
    assert sample.mious() == pytest.approx(sample_of([a, b]).mious())
    assert compared(a, b, groups=groups[:-4] + ["city 8"] * 4).interval is None  # 9 groups


def test_resampling_in_parts_gives_what_resampling_at_once_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sample = sample_of([stack(30, 1), stack(30, 2)])
    whole = resampled_mious(sample, 3, 200)
    monkeypatch.setattr(bootstrap, "_AT_ONCE", 30 * 7)
    assert np.allclose(resampled_mious(sample, 3, 200), whole)


def test_seeds_and_images_together_give_a_wider_interval() -> None:
    runs = [stack(80, seed, good) for seed, good in enumerate([0.8, 0.82, 0.78, 0.84, 0.76] * 2)]
    sample = sample_of(runs)
    drawn = resampled_mious(sample, 0, 3000)
    means = drawn[:, 5:].mean(axis=1) - drawn[:, :5].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    interval = group_interval(drawn, range(5), range(5, 10))
    assert interval.high - interval.low > 1.5 * (high - low)


def test_runs_with_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="same images and classes"):
        sample_of([stack(3, 1), stack(4, 1)])
