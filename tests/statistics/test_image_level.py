"""Image-level scores, checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segengine.statistics.image_level import image_ious, image_level, wins
from segengine.statistics.scores import confusion_matrix, iou, mean, miou, pixel_accuracy


def test_a_class_that_is_only_predicted_does_not_count_in_an_image() -> None:
    truth = np.repeat([0, 1], 50).reshape(10, 10)
    predicted = truth.copy()
    predicted[0, :5] = 2
    matrix = confusion_matrix(predicted, truth, 3)
    assert iou(matrix).tolist() == [0.9, 1.0, 0.0]
    assert image_level(matrix[None]).by_image == pytest.approx(0.95)
    assert miou(matrix) == pytest.approx(0.6333, abs=1e-4)  # the score under a picture


def test_means_over_images_and_over_classes_differ() -> None:
    def matrix(right: list[int]) -> np.ndarray:  # of 10 pixels a class; errors go to void's class
        found = np.zeros((3, 3), int)
        for label, count in enumerate(right):
            found[label, label], found[label, 2] = count, 10 - count
        return found

    both, first = matrix([5, 10]), matrix([10, 0])
    first[1] = 0  # class 1 is not in this image
    stack = np.stack([both, first])
    assert np.isnan(image_ious(stack)[1, 1])
    level = image_level(stack)
    assert level.by_image == pytest.approx(((0.5 + 1) / 2 + 1) / 2)
    assert level.by_class == pytest.approx(((0.5 + 1) / 2 + 1) / 2)
    assert level.worst == pytest.approx((0.5 + 1) / 2)


def test_the_worst_5_percent_are_one_image_of_twenty_and_two_of_forty() -> None:
    def stack(images: int) -> np.ndarray:
        return np.array([[[index, images - index], [0, 100]] for index in range(images)])

    assert image_level(stack(20)).worst == pytest.approx((0 + mean_of_second(20, 1)) / 2)
    assert image_level(stack(40)).worst == pytest.approx((0.5 / 40 + mean_of_second(40, 2)) / 2)


def mean_of_second(images: int, count: int) -> float:
    """The mean of the lowest IoUs of class 1, which gets the errors of class 0."""
    return mean(np.array([100 / (100 + images - index) for index in range(count)]))


def test_a_set_of_background_hides_in_the_accuracy() -> None:
    matrix = np.array([[9996, 0], [4, 0]])
    assert pixel_accuracy(matrix) == pytest.approx(0.9996)
    assert miou(matrix) == pytest.approx(0.4998)


def test_wins_are_counted_by_image() -> None:
    good, bad = np.array([[9, 1], [1, 9]]), np.array([[5, 5], [5, 5]])
    a, b = np.stack([good, bad, good, good]), np.stack([bad, good, good, bad])
    left, right, both = wins(a, b)
    assert (left, right) == (0.5, 0.25)
    assert both[0].tolist() == pytest.approx([9 / 11, 5 / 15])
