"""The curves of some runs, drawn live in the browser, with one line per run below.

The page's script only says which runs; their points come through the event stream of
`dashboard.server.stream`, so that a new point never runs the page again.
"""

from __future__ import annotations

from collections.abc import Sequence

from plotly.offline import get_plotlyjs_version

from dashboard.curves.differing import differing_fields
from dashboard.shared.component import load_component
from dashboard.shared.run_store import log_of, row_of
from dashboard.shared.selection import ChosenRun
from segengine.results.scored_on import TRAINING_HINT, validation_hint
from segengine.results.table import read_config
from segengine.run.rundir import RunDir

_component = load_component(
    __file__,
    "live_data.js",
    "live_panels.js",
    "live_growth.js",
    "live_panel.js",
    "live_toolbar.js",
    "live_chart_table.js",
    isolate_styles=False,  # Plotly puts its own styles into the page's head
)


def hints(run: RunDir) -> dict[str, str]:
    """What a run's curves are made of: split -> hover text."""
    config = read_config(run)
    validation = validation_hint(log_of(run), ema=bool(config and config.optim.ema))
    return {"train": TRAINING_HINT, "val": validation}


def draw_live_chart(chosen: Sequence[ChosenRun], *, key: str) -> None:
    """Draw the curves of these runs, in their colors, and keep them up to date."""
    titles, words = differing_fields([row_of(choice.run) for choice in chosen])
    runs = [
        {
            "id": choice.run.id,
            "label": choice.label,
            "color": choice.color,
            "data": choice.data,
            "hints": hints(choice.run),
            "config": config,
        }
        for choice, config in zip(chosen, words, strict=True)
    ]
    data = {"runs": runs, "fields": titles}
    _component(data={**data, "plotly": get_plotlyjs_version()}, key=key)
