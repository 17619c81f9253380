"""Times and sizes as people read them."""

from __future__ import annotations

import pytest

from segengine.results.amounts import duration_text, size_text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3.0, "0 s"),
        (7.6, "8 s"),
        (134.0, "2 min 14 s"),
        (3605.0, "1 h"),
        (11_100.0, "3 h 5 min"),
        (187_200.0, "2 d 4 h"),
    ],
)
def test_a_time_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration_text(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2.5e6, "2.5 MB"), (1.34e9, "1.34 GB")],
)
def test_a_size_is_told_in_the_unit_that_suits_it(count: float, words: str) -> None:
    assert size_text(count) == words
