"""The numbers behind the figures and tables of Compare."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dashboard.compare import figures, tables
from dashboard.shared.confusion import difference_figure
from tests.results.comparison.made import compared, matrices, scored_run


def test_the_difference_of_two_matrices_is_of_their_shares() -> None:
    figure = difference_figure(np.array([[9, 1], [0, 4]]), np.array([[5, 5], [1, 3]]), "ab")
    assert np.asarray(figure.data[0].z).round(6).tolist() == [[0.4, -0.4], [-0.25, 0.25]]
    assert figure.data[0].zmax == -figure.data[0].zmin == pytest.approx(0.4)


def test_a_pairs_interval_and_image_scores_are_drawn(tmp_path: Path) -> None:
    a = scored_run(tmp_path, matrices(40, 0.75, 1))
    b = scored_run(tmp_path, matrices(40, 0.85, 2), arch="unet")
    comparison = compared(a, b)
    (pair,) = comparison.pairs
    interval, *_, points = figures.interval_figure(comparison.pairs, "#000").data
    assert pair.interval
    assert list(interval.x) == pytest.approx([100 * end for end in pair.interval[:2]])
    assert list(points.x) == [100 * pair.value]
    scatter = figures.scatter_figure(pair, comparison.shared.names, "#000").data[1]
    assert np.array_equal(np.stack([scatter.x, scatter.y], axis=1), pair.per_image)
    pooled = figures.pooled_confusion(comparison, comparison.lines[0])
    assert np.array_equal(pooled, matrices(40, 0.85, 2).sum(axis=0))


def test_names_are_text_in_the_tables(tmp_path: Path) -> None:
    runs = [scored_run(tmp_path, matrices(40, good, 1), lr=good / 100) for good in (0.7, 0.8)]
    comparison = compared(*runs)
    colors = {"run A": "red", "run B": "light-dark(#00609C, #1A7FC0)"}
    html = tables.leaderboard_table(comparison, colors)
    assert "IoU pet" not in html and html.count("<tr>") == 3
    assert "<span class='dot' style='background:red'></span>run A" in html
    assert "<b>" not in tables._table(["x"], [[tables._named("<b>", {})]])
