"""The figures of a sweep: every run as a line through its settings, and each field by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any, NamedTuple

import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from dashboard.shared.formats import for_plotly
from dashboard.sweep.words import field_title, setting_words
from segengine.studies.outcomes import Dimension, Outcome
from segengine.studies.space import SEED

PER_ROW = 3  # panels
ROW = 260  # px of height of a row of panels
_POINT = "#3E9BD2"
GROUPS = 12  # shades of lines
MOST_TICKS = 6  # values of an axis that are written beside it


@dataclass(frozen=True)
class Theme:
    """Colors of a page: its background, lines and means, and the part of Cividis seen on it."""

    page: str
    line: str
    darkest: float
    lightest: float

    @property
    def shades(self) -> list[float]:
        """Places on the scale, of the lowest to the best score."""
        step = (self.lightest - self.darkest) / (GROUPS - 1)
        return [self.darkest + step * place for place in range(GROUPS)]


LIGHT, DARK = Theme("#ffffff", "#37424d", 0.0, 0.88), Theme("#10151b", "#c8d0d8", 0.3, 1.0)


def parallel_figure(
    dimensions: Sequence[Dimension], runs: Sequence[Outcome], theme: Theme
) -> go.Figure:
    """Parallel coordinates: an axis per varied field and one for best mIoU, a line per run.

    Drawn as plain lines: Plotly's own needs WebGL, which a remote desktop may lack. Lines of about
    the same score are one trace, the best of all on top.

    Args:
        runs: those of the positions, in order.
    """
    shades = sample_colorscale("Cividis", theme.shades)
    scales = [_scale(one) for one in dimensions]
    scores = dimensions[-1].positions
    low, high = min(scores), max(scores)
    figure = go.Figure()
    for group in range(GROUPS):
        members = [place for place, score in enumerate(scores) if _group(score, low, high) == group]
        xs: list[float | None] = []
        ys: list[float | None] = []
        words: list[str] = []
        for place in members:
            score = f"best mIoU {scores[place]:.3f}"
            xs += [*range(len(scales)), None]
            ys += [*(scale.heights[place] for scale in scales), None]
            told = for_plotly(setting_words(runs[place].values))
            words += [f"{told}<br>{score}"] * (len(scales) + 1)
        figure.add_scatter(
            x=xs,
            y=ys,
            text=words,
            mode="lines+markers",
            line={"color": shades[group], "width": 2},
            marker={"color": shades[group], "size": 6},
            hovertemplate="%{text}<extra></extra>",
        )
    _add_axes(figure, dimensions, scales, theme)
    bar = {"title": {"text": "Best mIoU"}, "thickness": 12}
    colors = {"color": [low, high], "colorscale": shades, "showscale": True, "colorbar": bar}
    figure.add_scatter(x=[None, None], y=[None, None], mode="markers", marker=colors)
    figure.update_layout(
        height=340,
        showlegend=False,
        hovermode="closest",
        margin={"l": 70, "r": 24, "t": 48, "b": 16},
        xaxis={"visible": False, "range": [-0.05, len(scales) - 0.95]},
        yaxis={"visible": False, "range": [-0.04, 1.04]},
    )
    return figure


class Scale(NamedTuple):
    """An axis of the parallel plot: heights 0 to 1 of the runs, and of its ticks."""

    heights: list[float]
    ticks: list[tuple[float, str]]


def _scale(one: Dimension) -> Scale:
    values = [math.log10(x) for x in one.positions] if one.log else list(one.positions)
    low, high = min(values), max(values)

    def height(value: float) -> float:
        return (value - low) / (high - low) if high > low else 0.5

    if one.ticks:
        ticks = [(height(place), word) for place, word in enumerate(one.ticks)]
    else:
        known = sorted(set(one.positions))
        if one.name == "best_miou" or len(known) > MOST_TICKS:
            known = [known[0], known[-1]]
        form = ".3f" if one.name == "best_miou" else "g"
        ticks = [(height(math.log10(x) if one.log else x), f"{x:{form}}") for x in known]
    return Scale([height(value) for value in values], ticks)


def _group(score: float, low: float, high: float) -> int:
    """In which of GROUPS equal parts of the scores one lies; 0 is the lowest."""
    share = (score - low) / (high - low) if high > low else 1.0
    return min(GROUPS - 1, int(share * GROUPS))


def _add_axes(
    figure: go.Figure, dimensions: Sequence[Dimension], scales: Sequence[Scale], theme: Theme
) -> None:
    for place, (one, scale) in enumerate(zip(dimensions, scales, strict=True)):
        figure.add_shape(
            type="line", x0=place, x1=place, y0=0, y1=1, line={"color": theme.line, "width": 1}
        )
        at: dict[str, Any] = {"x": place, "showarrow": False}
        title = f"<b>{field_title(one.name)}</b>"
        figure.add_annotation(text=title, y=1, yshift=26, xanchor=_anchor(place, scales), **at)
        at |= {"xshift": -8, "xanchor": "right", "bgcolor": theme.page}
        for height, word in scale.ticks:
            figure.add_annotation(text=for_plotly(word), y=height, **at)


def _anchor(place: int, scales: Sequence[Scale]) -> str:
    return "right" if place == len(scales) - 1 else "left" if place == 0 else "center"


def field_figure(
    dimensions: Sequence[Dimension], runs: Sequence[Outcome], theme: Theme
) -> go.Figure:
    """One panel per varied field: best mIoU of every run over its value, and the mean there.

    Args:
        runs: those of the positions, in order.
    """
    *fields, score = dimensions
    rows = math.ceil(len(fields) / PER_ROW)
    columns = min(PER_ROW, len(fields))
    figure = make_subplots(
        rows=rows, cols=columns, shared_yaxes=True, horizontal_spacing=0.04, vertical_spacing=0.2
    )
    words = [for_plotly(setting_words(run.values)) for run in runs]
    for place, one in enumerate(fields):
        at = {"row": place // PER_ROW + 1, "col": place % PER_ROW + 1}
        xs, means = means_of(one.positions, score.positions)
        if len(xs) < len(one.positions) and one.name != SEED:
            figure.add_scatter(
                x=xs,
                y=means,
                mode="markers" if one.ticks else "lines+markers",
                line={"color": theme.line, "width": 2},
                marker={"size": 14, "symbol": "line-ew", "line": {"color": theme.line, "width": 3}},
                hovertemplate="mean %{y:.3f}<extra></extra>",
                **at,
            )
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
            "ticktext": list(map(for_plotly, one.ticks)),
            "range": [-0.5, len(places) - 0.5],
        }
        return axis
    known = sorted(set(one.positions))
    return {
        **axis,
        "type": "log" if one.log else "linear",
        "tickformat": "~g",
        **({"tickvals": known} if len(known) <= MOST_TICKS else {}),
    }
