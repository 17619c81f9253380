"""Opacity and view of all mask panels: a small component that fits into a row of controls."""

from __future__ import annotations

from dashboard.shared.component import load_component

WIDTH = 330  # pixels

_component = load_component(__file__, "mask_view.js")


def draw_mask_toolbar(*, key: str) -> None:
    """Draw the opacity slider and the choice between masks and errors; the panels follow it."""
    _component(key=key, data={}, width=WIDTH)
