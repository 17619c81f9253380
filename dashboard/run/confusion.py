"""A confusion matrix as a picture that does not move: each row is a class's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_WRITTEN = 10  # classes up to which each cell says its number
_SCALES = {"light": ("#ffffff", "#0b6b8f"), "dark": ("#11161c", "#4fb3d9")}


def shares(confusion: np.ndarray) -> np.ndarray:
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
    import plotly.graph_objects as go  # slow, and only this page draws with it

    rows = shares(confusion)
    names = [_plain(name) for name in classes]
    places = list(range(len(names)))  # two classes may have one name
    counts = np.array([[f"{count:,}" for count in line] for line in confusion])
    of_truth = np.array([[_percent(share) for share in line] for line in rows])
    figure = go.Figure(
        go.Heatmap(
            z=rows,
            x=places,
            y=places,
            zmin=0,
            zmax=1,
            colorscale=[[0, _SCALES[theme][0]], [1, _SCALES[theme][1]]],
            text=of_truth,
            texttemplate="%{text}" if len(names) <= MOST_WRITTEN else None,
            customdata=np.dstack([counts, *_names(names)]),
            hovertemplate="true %{customdata[1]}, predicted %{customdata[2]}<br>"
            "%{customdata[0]} pixels, %{text} of the true class<extra></extra>",
            showscale=False,
            xgap=1,
            ygap=1,
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


def _names(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The true and the predicted class of each cell."""
    true, predicted = np.meshgrid(np.array(names, dtype=object), names, indexing="ij")
    return true, predicted


def _height(classes: int) -> int:
    """Pixels: cells of 24 to 72."""
    return 72 + classes * max(24, min(72, 480 // classes))


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f} %"


def _plain(name: str) -> str:
    """A name for Plotly, which reads some tags."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:17]}…"
