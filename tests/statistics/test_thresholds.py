"""Every threshold on one class's probability, against counting each by itself."""

from __future__ import annotations

import numpy as np
import pytest

from segengine.statistics.thresholds import (
    best_threshold,
    level_histogram,
    threshold_counts,
    threshold_scores,
)


def counts_of(levels: list[int], of_class: list[int]) -> np.ndarray:
    found = level_histogram(np.array(levels, np.uint8), np.array(of_class, bool))
    return threshold_counts(found)


def test_four_pixels_by_hand() -> None:
    counts = counts_of([0, 100, 200, 255], [0, 1, 0, 1])
    assert counts.shape == (256, 4) and counts.dtype == np.int64
    assert counts[0].tolist() == [2, 2, 0, 0]  # at 0 every pixel is called the class
    assert counts[100].tolist() == [2, 1, 0, 1]
    assert counts[101].tolist() == [1, 1, 1, 1]
    assert counts[255].tolist() == [1, 0, 1, 2]
    scores = threshold_scores(counts)
    assert scores.iou[[0, 100, 101, 255]] == pytest.approx([2 / 4, 2 / 3, 1 / 3, 1 / 2])
    assert scores.dice[[0, 100]] == pytest.approx([4 / 6, 4 / 5])
    assert scores.precision[[0, 100]] == pytest.approx([2 / 4, 2 / 3])
    assert scores.recall[[0, 100, 101]] == pytest.approx([1, 1, 1 / 2])
    assert best_threshold(scores) == 100


def test_each_threshold_is_as_counted_by_itself_and_images_add_up() -> None:
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 256, (2, 16, 16), dtype=np.uint8)
    truth = rng.random((2, 16, 16)) < levels / 256
    histograms = np.stack([level_histogram(*one) for one in zip(levels, truth, strict=True)])
    per_image = threshold_counts(histograms)
    for image in range(2):
        for threshold in range(256):
            called, own = levels[image] >= threshold, truth[image]
            pairs = (called & own, called & ~own, ~called & own, ~called & ~own)
            assert per_image[image, threshold].tolist() == [int(part.sum()) for part in pairs]
    together = threshold_counts(histograms.sum(axis=0))
    assert np.array_equal(together, per_image.sum(axis=0))


def test_of_equally_good_thresholds_the_one_nearest_to_one_half_is_best() -> None:
    assert best_threshold(threshold_scores(counts_of([0, 255], [0, 1]))) == 128
    assert best_threshold(threshold_scores(counts_of([0, 90], [0, 1]))) == 90


def test_a_class_that_is_not_in_the_truth_has_no_best_threshold() -> None:
    assert best_threshold(threshold_scores(counts_of([0, 255], [0, 0]))) is None
    nothing = threshold_counts(np.zeros((256, 2), np.int64))
    assert best_threshold(threshold_scores(nothing)) is None
