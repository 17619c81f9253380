"""Confusion matrices as pictures: each row is a class's true pixels; and the difference of two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dashboard.shared.formats import for_plotly

if TYPE_CHECKING:
    import plotly.graph_objects as go

Shares = NDArray[np.float64]

MOST_WRITTEN = 10  # classes up to which each cell says its number
_LONGEST = 18  # letters of a class's name on an axis
_SCALES = {"light": ("#ffffff", "#0b6b8f"), "dark": ("#11161c", "#4fb3d9")}
_DIVERGING = [[0, "#D55E00"], [0.5, "#f4f4f4"], [1, "#0072B2"]]


def shares(confusion: np.ndarray) -> Shares:
    """(classes, classes) counts -> the share of each row, 0 to 1; NaN in a row without pixels."""
    totals = confusion.sum(axis=1, keepdims=True)
    found = np.full(confusion.shape, np.nan)
    np.divide(confusion, totals, out=found, where=totals > 0)
    return found


def confusion_figure(confusion: np.ndarray, classes: Sequence[str], theme: str) -> go.Figure:
    """The matrix, rows are the true class, shares of each row by color; counts on hover.

    Args:
        theme: "light" or "dark".
    """
    rows = shares(confusion)
    scale = {"colorscale": [[0, _SCALES[theme][0]], [1, _SCALES[theme][1]]], "zmin": 0, "zmax": 1}
    words = [[_percent(share) for share in line] for line in rows]
    counts = [[f"{count:,} pixels, " for count in line] for line in confusion]
    return _heat_map(rows, words, counts, classes, scale)


def difference_figure(first: np.ndarray, second: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """The shares of the first matrix minus those of the second, in points."""
    apart = shares(first) - shares(second)
    reach = max(0.01, float(np.nanmax(np.abs(apart), initial=0)))
    scale = {"colorscale": _DIVERGING, "zmin": -reach, "zmax": reach}
    words = [["" if np.isnan(x) else f"{100 * x:+.1f} points" for x in line] for line in apart]
    return _heat_map(apart, words, [[""] * len(classes)] * len(classes), classes, scale)


def _heat_map(
    values: Shares,
    words: Sequence[Sequence[str]],
    counts: Sequence[Sequence[str]],
    classes: Sequence[str],
    scale: dict[str, Any],
) -> go.Figure:
    import plotly.graph_objects as go  # slow, and few pages draw with it

    names = [for_plotly(name) for name in classes]
    places = list(range(len(names)))  # two classes may have one name
    true, predicted = np.meshgrid(np.array(names, dtype=object), names, indexing="ij")
    told = np.dstack([np.array(counts, dtype=object), true, predicted])
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=places,
            y=places,
            text=np.array(words),
            texttemplate="%{text}" if len(names) <= MOST_WRITTEN else None,
            customdata=told,
            hovertemplate="true %{customdata[1]}, predicted %{customdata[2]}<br>"
            "%{customdata[0]}%{text} of the true class<extra></extra>",
            showscale=False,
            xgap=1,
            ygap=1,
            **scale,
        )
    )
    ticks = {"tickvals": places, "ticktext": [_short(name) for name in names], "showgrid": False}
    figure.update_layout(
        height=_height(len(names)),
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={**ticks, "title": "Predicted", "tickangle": 0 if len(names) <= 4 else -60},
        yaxis={**ticks, "title": "True", "autorange": "reversed"},
    )
    return figure


def _height(classes: int) -> int:
    """Pixels: cells of 24 to 72."""
    return 72 + classes * max(24, min(72, 480 // classes))


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f} %"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
