"""Loss and mIoU of some runs over epochs, drawn live in the browser, with one line per run below.

The page's script only says which runs; their points come through the event stream of
`dashboard.server.stream`, so that a new point never runs the page again.
"""

from __future__ import annotations

from collections.abc import Sequence

from plotly.offline import get_plotlyjs_version

from dashboard.shared.component import load_component
from dashboard.shared.selection import ChosenRun

_component = load_component(
    __file__,
    "live_chart_figure.js",
    "live_chart_table.js",
    isolate_styles=False,  # Plotly puts its own styles into the page's head
)


def draw_live_chart(chosen: Sequence[ChosenRun], *, key: str) -> None:
    """Draw the curves of these runs, in their colors, and keep them up to date."""
    runs = [
        {"id": choice.run.id, "label": choice.label, "color": choice.color, "data": choice.data}
        for choice in chosen
    ]
    _component(data={"runs": runs, "plotly": get_plotlyjs_version()}, key=key)
