"""Panels of one image under one opacity slider, with what is under the cursor in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from dashboard.masks.overlays import background_index
from dashboard.masks.panels import Panel
from dashboard.shared.colors import ERROR_COLORS
from segengine.datasets.base import ClassInfo

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "seglab_mask_panels",
    js=(_HERE / "mask_panels.js").read_text(encoding="utf-8"),
    css=(_HERE / "mask_panels.css").read_text(encoding="utf-8"),
)


def draw_mask_panels(
    panels: Sequence[Panel],
    *,
    photo: str,
    aspect: float,
    classes: Sequence[ClassInfo],
    ignore_index: int,
    on_move: Callable[[], None],
    key: str,
) -> None:
    """Draw the panels.

    Args:
        photo: address of the photograph behind every overlay; "" for a neutral grey.
        aspect: width / height of every panel.
        on_move: called when an arrow key asks for another image; the step, -1 or 1, then stands in
            `st.session_state[key].move`.
    """
    unfilled = background_index(classes)
    _component(
        key=key,
        data={
            "panels": list(panels),
            "photo": photo,
            "aspect": aspect,
            "classes": [
                {"name": one.name, "color": one.color, "filled": index != unfilled}
                for index, one in enumerate(classes)
            ],
            "void": ignore_index,
            "errors": ERROR_COLORS,
        },
        on_move_change=on_move,
    )
