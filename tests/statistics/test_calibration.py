"""Confidence against accuracy: by hand, and against torchmetrics."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassCalibrationError

from segengine.files.probabilities import dequantized, quantized
from segengine.statistics.calibration import (
    Calibration,
    Reliability,
    log_losses,
    squared_errors,
)


def reliability(confidences: list[float], correct: list[int], bins: int) -> Reliability:
    found = Reliability.of(bins)
    found.add(np.array(confidences), np.array(correct))
    return found


def drawn(classes: int, pixels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(levels (classes, n), predicted (n,), truth (n,)) of a model that is too sure."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (classes, pixels))
    likely = np.exp(logits) / np.exp(logits).sum(axis=0)
    truth = np.array([rng.choice(classes, p=column) for column in likely.T])
    sure = np.exp(2 * logits) / np.exp(2 * logits).sum(axis=0)
    levels = quantized(sure)
    return levels, levels.argmax(axis=0), truth


def test_the_known_ece_of_four_pixels() -> None:
    found = reliability([0.91, 0.82, 0.63, 0.58], [1, 1, 0, 1], bins=10)
    assert found.ece == pytest.approx(0.33)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 1, 1]


def test_bins_by_hand() -> None:
    found = reliability([0.1, 0.3, 0.5, 0.9, 1.0], [0, 1, 1, 1, 0], bins=2)
    assert found.counts.tolist() == [2, 3]  # 0.5 begins the second bin, 1 is in the last
    assert found.mean_confidence == pytest.approx([0.2, 0.8])
    assert found.accuracy == pytest.approx([0.5, 2 / 3])
    assert found.ece == pytest.approx(2 / 5 * 0.3 + 3 / 5 * (0.8 - 2 / 3))
    assert found.pixels == 5


def test_empty_bins_have_no_accuracy_and_no_pixels_no_ece() -> None:
    found = reliability([0.9], [1], bins=2)
    assert np.isnan(found.accuracy[0]) and np.isnan(found.mean_confidence[0])
    assert math.isnan(Reliability.of(2).ece) and math.isnan(Calibration().brier)
    assert math.isnan(Calibration().nll)


@pytest.mark.parametrize(
    ("confidences", "correct"), [([0.5], [1, 0]), ([1.2], [1]), ([-0.1], [1]), ([math.nan], [1])]
)
def test_what_is_no_confidence_is_refused(confidences: list[float], correct: list[int]) -> None:
    with pytest.raises(ValueError, match="Confidences"):
        reliability(confidences, correct, bins=10)


@pytest.mark.parametrize("bins", [10, 15, 20])
def test_ece_is_that_of_torchmetrics(bins: int) -> None:
    levels, predicted, truth = drawn(5, 4000)
    probabilities = dequantized(levels)
    found = Reliability.of(bins)
    found.add(probabilities.max(axis=0), predicted == truth)
    metric = MulticlassCalibrationError(num_classes=5, n_bins=bins, norm="l1")
    expected = metric(torch.tensor(probabilities.T), torch.tensor(truth)).item()
    assert found.ece == pytest.approx(expected, abs=1e-6) and expected > 0.05


@pytest.mark.parametrize("bins", [1, 10, 15, 100])
def test_levels_can_be_put_into_any_bins_later(bins: int) -> None:
    levels, predicted, truth = drawn(3, 3000)
    confidences = dequantized(levels).max(axis=0)
    whole, fine = Reliability.of(bins), Reliability.of(256)
    for one in (whole, fine):
        one.add(confidences, predicted == truth)
    merged = fine.merged(bins)
    assert merged.counts.tolist() == whole.counts.tolist()
    assert merged.correct.tolist() == whole.correct.tolist()
    assert merged.ece == pytest.approx(whole.ece)


def test_brier_and_nll_by_hand() -> None:
    """Two pixels: 0.7 0.2 0.1 of class 0, and 0.5 0.3 0.2 of class 2."""
    probabilities, truth = np.array([[0.7, 0.5], [0.2, 0.3], [0.1, 0.2]]), np.array([0, 2])
    assert squared_errors(probabilities, truth) == pytest.approx([0.14, 0.98])
    assert log_losses(probabilities, truth) == pytest.approx([-math.log(0.7), -math.log(0.2)])
    found = Calibration()
    found.add(probabilities, np.array([0, 0]), truth)
    assert found.brier == pytest.approx(0.56)
    assert found.nll == pytest.approx(-math.log(0.7 * 0.2) / 2)
    assert found.reliability.correct.sum() == 1


def test_brier_and_nll_are_those_of_torch() -> None:
    levels, predicted, truth = drawn(4, 500)
    probabilities = dequantized(levels)
    found = Calibration()
    found.add(probabilities, predicted, truth)
    one_hot = torch.nn.functional.one_hot(torch.tensor(truth), 4)
    values = torch.tensor(probabilities.T).double()
    assert found.brier == pytest.approx(((values - one_hot) ** 2).sum(1).mean().item())
    expected = torch.nn.functional.nll_loss(values.log(), torch.tensor(truth)).item()
    assert found.nll == pytest.approx(expected)


def test_images_one_by_one_are_as_all_at_once_in_any_order() -> None:
    levels, predicted, truth = drawn(3, 600)
    probabilities = dequantized(levels)
    whole, parts = Calibration(), Calibration()
    whole.add(probabilities, predicted, truth)
    for part in reversed(np.split(np.arange(600), 6)):
        parts.add(probabilities[:, part], predicted[part], truth[part])
    assert parts.reliability.counts.tolist() == whole.reliability.counts.tolist()
    assert (parts.brier, parts.nll) == pytest.approx((whole.brier, whole.nll))


def test_a_class_that_was_given_no_chance_has_a_finite_nll() -> None:
    probabilities = dequantized(quantized(np.array([[1.0], [0.0]])))
    assert log_losses(probabilities, np.array([1]))[0] == pytest.approx(math.log(512))
