"""Scores of a matrix against published and hand-worked numbers."""

from __future__ import annotations

import numpy as np
import pytest

from segengine.statistics.scores import confusion_matrix, dice, iou, miou, scores
from tests.statistics.test_bootstrap import stack


def test_the_published_example_of_mean_iou() -> None:
    """Hugging Face's `evaluate`, metric mean_iou: three small images, 255 ignored."""
    predicted = [[[1, 2], [3, 4], [5, 255]], [[2, 7], [9, 2], [3, 6]], [[2, 2, 3], [8, 2, 4]]]
    truth = [[[0, 3], [5, 4], [6, 255]], [[1, 7], [9, 2], [3, 6]], [[1, 2, 2], [8, 2, 1]]]
    predicted.append([[3, 255, 2]])  # the third image's last row
    truth.append([[3, 255, 1]])
    matrix = sum(confusion_matrix(*pair, 10) for pair in zip(predicted, truth, strict=True))
    found = scores(matrix)
    assert found["iou"] == pytest.approx([0, 0, 0.375, 0.4, 0.5, 0, 0.5, 1, 1, 1])
    assert found["miou"] == pytest.approx(0.4775)
    assert found["pixel_accuracy"] == pytest.approx(0.5263157894736842)
    assert found["mean_recall"] == pytest.approx(0.5916666666666666)  # their "mean accuracy"


def test_a_background_of_almost_everything_hides_behind_the_accuracy() -> None:
    found = scores([[9996, 0], [4, 0]])
    assert found["pixel_accuracy"] == pytest.approx(0.9996)
    assert found["miou"] == pytest.approx(0.4998)


def test_dice_follows_from_iou_and_micro_f1_is_the_accuracy() -> None:
    matrix = stack(5, 1, classes=4).sum(axis=0)
    ious = iou(matrix)
    assert dice(matrix) == pytest.approx(2 * ious / (1 + ious))
    hits = np.trace(matrix)
    false_alarms = misses = matrix.sum() - hits
    micro_f1 = 2 * hits / (2 * hits + false_alarms + misses)
    assert scores(matrix)["pixel_accuracy"] == pytest.approx(micro_f1)
    assert miou(matrix) == pytest.approx(ious.mean())
