"""Loss and mIoU of some runs over epochs, drawn live in the browser, with a line a run below.

The page's script only says which runs; their points come through the event stream of
`dashboard.server.stream`, so that a new point never runs the page again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from plotly.offline import get_plotlyjs_version

from dashboard.shared.selection import ChosenRun

_HERE = Path(__file__).parent
# One module for the browser: a component has a single script.
_SCRIPTS = ("live_chart.js", "live_chart_figure.js", "live_chart_table.js")

_mount = st.components.v2.component(
    "seglab_live_chart",
    css=(_HERE / "live_chart.css").read_text(encoding="utf-8"),
    js="\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS),
    isolate_styles=False,  # Plotly puts its own styles into the page's head
)


def draw_live_chart(chosen: Sequence[ChosenRun], *, key: str) -> None:
    """Draw the curves of these runs, in their colours, and keep them up to date."""
    runs = [
        {"id": each.run.id, "label": each.label, "color": each.color, "data": each.data}
        for each in chosen
    ]
    _mount(data={"runs": runs, "plotly": get_plotlyjs_version()}, key=key)
