"""The figures of the Compare page: intervals, scatter of images, confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from segengine.results.comparison.compare import Comparison
from segengine.results.comparison.leaderboard import Line
from segengine.results.comparison.pairs import Pair

Shares = NDArray[np.float64]
Scale = list[list[float | str]]  # of Plotly: [0 to 1, color]

ROW = 34  # px of height of a pair
_DIVERGING: Scale = [[0, "#D55E00"], [0.5, "#f4f4f4"], [1, "#0072B2"]]
_SEQUENTIAL: Scale = [[0, "#f4f6f8"], [1, "#0072B2"]]


def interval_figure(pairs: Sequence[Pair], color: str) -> go.Figure:
    """The difference of each pair, in points of mIoU, with its 95 % interval and its seeds.

    Args:
        color: of lines and marks, for the theme.
    """
    names = [f"{_short(pair.b.name)} − {_short(pair.a.name)}" for pair in pairs]
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
        text=[_plain(name) for name in names],
        marker={"size": 7, "color": "#3E9BD2", "opacity": 0.6},
        hovertemplate="%{text}<br>%{x:.3f} and %{y:.3f}<extra></extra>",
    )
    figure.update_layout(
        height=420,
        showlegend=False,
        dragmode="zoom",
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={
            "title": {"text": f"mIoU of {_plain(_short(pair.a.name))}"},
            "range": [-0.02, 1.02],
            "constrain": "domain",
        },
        yaxis={
            "title": {"text": f"mIoU of {_plain(_short(pair.b.name))}"},
            "range": [-0.02, 1.02],
            "scaleanchor": "x",
        },
    )
    return figure


def confusion_figure(pooled: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """A confusion matrix, each row (true class) as shares of its pixels."""
    return _heat_map(row_shares(pooled), pooled, classes, _SEQUENTIAL, 0, 1, "%{z:.1%}")


def difference_figure(b: np.ndarray, a: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """What of each true class moved where: shares of B minus those of A."""
    apart = row_shares(b) - row_shares(a)
    most = max(0.01, float(np.nanmax(np.abs(apart), initial=0)))
    return _heat_map(apart, b - a, classes, _DIVERGING, -most, most, "%{z:+.1%}")


def row_shares(matrix: np.ndarray) -> Shares:
    """Each row divided by its sum; NaN where the class is not in the truth."""
    sums = matrix.sum(axis=1, keepdims=True).astype(float)
    shares: Shares = np.divide(matrix, sums, out=np.full(matrix.shape, np.nan), where=sums > 0)
    return shares


def pooled_confusion(comparison: Comparison, line: Line) -> np.ndarray:
    """The counts of a group over all its images and seeds."""
    rows = [
        comparison.shared.places.index(place)
        for place in line.group.members
        if place in comparison.shared.places
    ]
    pooled = np.stack([comparison.shared.confusions[row].sum(axis=0) for row in rows])
    return np.asarray(pooled.sum(axis=0))


def _heat_map(
    shares: Shares,
    counts: np.ndarray,
    classes: Sequence[str],
    scale: Scale,
    low: float,
    high: float,
    number: str,
) -> go.Figure:
    names = [_plain(name) for name in classes]
    few = len(classes) <= 6
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=names,
            y=names,
            customdata=counts,
            colorscale=scale,
            zmin=low,
            zmax=high,
            xgap=1,
            ygap=1,
            showscale=False,
            texttemplate=number if few else None,
            hovertemplate=f"true %{{y}}, predicted %{{x}}<br>{number}, "
            "%{customdata:,} pixels<extra></extra>",
        )
    )
    figure.update_layout(
        height=300 if few else 460,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"title": {"text": "predicted"}, "automargin": True, "constrain": "domain"},
        yaxis={
            "title": {"text": "true"},
            "autorange": "reversed",
            "automargin": True,
            "scaleanchor": "x",
            "constrain": "domain",
        },
    )
    return figure


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:38]}…"


def _plain(text: str) -> str:
    """Plotly reads text as a small kind of HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;")
