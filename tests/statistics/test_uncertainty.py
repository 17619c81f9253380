"""How unsure a pixel is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy as of_scipy

from segengine.statistics.uncertainty import entropy


def test_a_sure_pixel_is_0_and_one_that_could_be_anything_1() -> None:
    for classes in (2, 3, 19):
        sure = np.zeros((classes, 1, 2))
        sure[1] = 1
        assert entropy(sure).tolist() == [[0, 0]]
        assert entropy(np.full((classes, 1, 1), 1 / classes)) == pytest.approx(1)


def test_what_lies_between_is_the_entropy_in_any_base_over_its_largest() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), (3, 5)).transpose(2, 0, 1)
    assert entropy(probabilities) == pytest.approx(of_scipy(probabilities, base=4))


def test_with_one_class_there_is_no_doubt() -> None:
    assert entropy(np.ones((1, 2, 2))).tolist() == [[0, 0], [0, 0]]
