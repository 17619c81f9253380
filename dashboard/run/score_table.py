"""The table of scores in the browser, with buttons that copy and download it."""

from __future__ import annotations

from dashboard.run.scores import ScoreText
from dashboard.shared.component import load_component

_component = load_component(__file__)


def draw_score_table(text: ScoreText, *, key: str) -> None:
    """Draw the table."""
    _component(key=key, data=dict(text))
