"""The figures of a sweep: every run as a line through its settings, and each field by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.sweep.words import field_title, setting_words
from segengine.studies.outcomes import Dimension, Outcome

PER_ROW = 3  # panels
ROW = 260  # px of height of a row of panels
_POINT = "#3E9BD2"
_MARGIN = 0.06  # of an axis, beyond its first and last value


def parallel_figure(dimensions: Sequence[Dimension], dark: bool) -> go.Figure:
    """Parallel coordinates: an axis per varied field and one for best mIoU, a line per run."""
    scores = dimensions[-1].positions
    figure = go.Figure(
        go.Parcoords(
            line={
                "color": scores,
                "colorscale": "Cividis" if not dark else "Viridis",
                "showscale": True,
                "colorbar": {"title": {"text": "Best mIoU"}, "thickness": 12},
            },
            dimensions=[_axis(one) for one in dimensions],
            unselected={"line": {"opacity": 0.06}},
        )
    )
    figure.update_layout(height=340, margin={"l": 70, "r": 24, "t": 56, "b": 24})
    return figure


def field_figure(dimensions: Sequence[Dimension], runs: Sequence[Outcome], line: str) -> go.Figure:
    """One panel per varied field: best mIoU of every run over its value, and the mean there.

    Args:
        runs: those of the positions, in order.
        line: color of the means, for the theme.
    """
    *fields, score = dimensions
    rows = math.ceil(len(fields) / PER_ROW)
    columns = min(PER_ROW, len(fields))
    figure = make_subplots(
        rows=rows, cols=columns, shared_yaxes=True, horizontal_spacing=0.04, vertical_spacing=0.2
    )
    words = [setting_words(dict(run.values)) for run in runs]
    for place, one in enumerate(fields):
        at = {"row": place // PER_ROW + 1, "col": place % PER_ROW + 1}
        figure.add_scatter(
            x=one.positions,
            y=score.positions,
            mode="markers",
            text=words,
            customdata=[run.run_id for run in runs],
            marker={"size": 9, "color": _POINT, "opacity": 0.7},
            hovertemplate="%{text}<br>best mIoU %{y:.3f}<extra></extra>",
            **at,
        )
        xs, means = means_of(one.positions, score.positions)
        if len(xs) < len(one.positions):
            figure.add_scatter(
                x=xs,
                y=means,
                mode="lines+markers",
                line={"color": line, "width": 2},
                marker={"size": 14, "symbol": "line-ew", "line": {"color": line, "width": 3}},
                hovertemplate="mean %{y:.3f}<extra></extra>",
                **at,
            )
        figure.update_xaxes(**_x_axis(one), **at)
    figure.update_yaxes(title={"text": "Best mIoU"}, col=1)
    figure.update_layout(
        height=ROW * rows, showlegend=False, margin={"l": 8, "r": 8, "t": 8, "b": 8}
    )
    return figure


def means_of(xs: Sequence[float], ys: Sequence[float]) -> tuple[list[float], list[float]]:
    """(distinct x in order, the mean of the y at each)."""
    at: dict[float, list[float]] = {}
    for x, y in zip(xs, ys, strict=True):
        at.setdefault(x, []).append(y)
    found = sorted(at)
    return found, [mean(at[x]) for x in found]


def _x_axis(one: Dimension) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": field_title(one.name)}, "zeroline": False}
    if one.ticks:
        places = list(range(len(one.ticks)))
        axis |= {
            "tickvals": places,
            "ticktext": list(one.ticks),
            "range": [-0.5, len(places) - 0.5],
        }
    elif one.log:
        axis |= {"type": "log", "tickvals": _few(one.positions), "tickformat": "~g"}
    elif len(set(one.positions)) <= 8:
        axis |= {"tickvals": sorted(set(one.positions)), "tickformat": "~g"}
    return axis


def _few(positions: Sequence[float]) -> list[float] | None:
    """The values themselves where they have room as ticks."""
    values = sorted(set(positions))
    return values if len(values) <= 6 else None


def _axis(one: Dimension) -> Mapping[str, Any]:
    """An axis of the parallel plot, which knows no logarithms: these are taken before."""
    label = field_title(one.name)
    if one.ticks:
        places = list(range(len(one.ticks)))
        return {
            "label": label,
            "values": one.positions,
            "tickvals": places,
            "ticktext": list(one.ticks),
            "range": [-0.2, len(places) - 0.8],
        }
    values = [math.log10(x) for x in one.positions] if one.log else list(one.positions)
    low, high = min(values), max(values)
    room = _MARGIN * (high - low) or 0.5
    axis: dict[str, Any] = {"label": label, "values": values, "range": [low - room, high + room]}
    known = sorted(set(one.positions))
    if one.name != "best_miou" and len(known) <= 8:
        axis["tickvals"] = [math.log10(x) for x in known] if one.log else known
        axis["ticktext"] = [f"{x:g}" for x in known]
    elif one.log:
        decades = range(math.floor(low), math.ceil(high) + 1)
        axis |= {"tickvals": list(decades), "ticktext": [f"{10.0**d:g}" for d in decades]}
    return axis
