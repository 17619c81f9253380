"""The figures of the Compare page: intervals, scatter of images, confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.shared.formats import for_plotly
from segengine.results.comparison.compare import Comparison
from segengine.results.comparison.leaderboard import Line
from segengine.results.comparison.pairs import Pair

ROW = 34  # px of height of a pair


def interval_figure(pairs: Sequence[Pair], color: str) -> go.Figure:
    """The difference of each pair, in points of mIoU, with its 95 % interval and its seeds.

    Args:
        color: of lines and marks, for the theme.
    """
    names = [for_plotly(f"{_short(pair.b.name)} − {_short(pair.a.name)}") for pair in pairs]
    figure = go.Figure()
    for name, pair in zip(names, pairs, strict=True):
        if pair.interval:
            low, high = (100 * end for end in pair.interval[:2])
            figure.add_scatter(
                x=[low, high],
                y=[name, name],
                mode="lines",
                line={"color": color, "width": 3},
                hovertemplate=f"95 % interval {low:.1f} to {high:.1f}<extra></extra>",
            )
        if pair.seeds:
            apart = [100 * value for value in pair.seeds.differences.values()]
            figure.add_scatter(
                x=apart,
                y=[name] * len(apart),
                mode="markers",
                marker={"color": color, "size": 6, "symbol": "circle-open"},
                hovertemplate="one seed: %{x:.1f} points<extra></extra>",
            )
    figure.add_scatter(
        x=[100 * pair.value for pair in pairs],
        y=names,
        mode="markers",
        marker={"color": color, "size": 10},
        hovertemplate="%{x:.1f} points<extra></extra>",
    )
    figure.add_vline(x=0, line={"color": color, "width": 1, "dash": "dot"})
    figure.update_layout(
        height=70 + ROW * len(pairs),
        showlegend=False,
        margin={"l": 8, "r": 16, "t": 8, "b": 8},
        xaxis={"title": {"text": "Difference in points of mIoU"}, "zeroline": False},
        yaxis={"autorange": "reversed", "automargin": True},
    )
    return figure


def scatter_figure(pair: Pair, names: Sequence[str], color: str) -> go.Figure:
    """The mIoU of each image under A and B; above the diagonal B is better."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": color, "width": 1, "dash": "dot"},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=pair.per_image[:, 0],
        y=pair.per_image[:, 1],
        mode="markers",
        customdata=list(names),
        text=[for_plotly(name) for name in names],
        marker={"size": 7, "color": "#3E9BD2", "opacity": 0.6},
        hovertemplate="%{text}<br>%{x:.3f} and %{y:.3f}<extra></extra>",
    )
    figure.update_layout(
        height=420,
        showlegend=False,
        dragmode="zoom",
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={
            "title": {"text": f"mIoU of {for_plotly(_short(pair.a.name))}"},
            "range": [-0.02, 1.02],
            "constrain": "domain",
        },
        yaxis={
            "title": {"text": f"mIoU of {for_plotly(_short(pair.b.name))}"},
            "range": [-0.02, 1.02],
            "scaleanchor": "x",
        },
    )
    return figure


def pooled_confusion(comparison: Comparison, line: Line) -> np.ndarray:
    """The counts of a group over all its images and seeds."""
    rows = [
        comparison.shared.places.index(place)
        for place in line.group.members
        if place in comparison.shared.places
    ]
    pooled = np.stack([comparison.shared.confusions[row].sum(axis=0) for row in rows])
    return np.asarray(pooled.sum(axis=0))


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:38]}…"
