"""Panels of one image, with what is under the cursor in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard.masks.overlays import background_index
from dashboard.masks.panels import Panel
from dashboard.shared.colors import ERROR_COLORS
from dashboard.shared.component import load_component
from segengine.datasets.base import ClassInfo

_COUNTED = "masks_counted"  # key of the session: the sum of steps that was counted last

_component = load_component(__file__, "mask_view.js")


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
        photo: address of the photograph behind every overlay; "" for a neutral gray.
        aspect: width / height of every panel.
        on_move: called when arrow keys ask for other images; `steps_asked(key)` then says how far.
    """
    unfilled = background_index(classes)
    _component(
        key=key,
        data={
            "panels": list(panels),
            "photo": photo,
            "aspect": aspect,
            "classes": [
                {"name": info.name, "color": info.color, "filled": index != unfilled}
                for index, info in enumerate(classes)
            ],
            "void": ignore_index,
            "errors": ERROR_COLORS,
        },
        on_move_change=on_move,
    )


def steps_asked(key: str) -> int:
    """How many images the arrow keys went on since the last call; back if negative.

    The browser sums its steps up, so that presses of which only the last arrives all count.
    """
    asked: dict[str, Any] = st.session_state[key].move or {}
    counted = st.session_state.get(_COUNTED, {})
    before = counted["steps"] if counted.get("mount") == asked.get("mount") else 0
    st.session_state[_COUNTED] = asked
    return int(asked.get("steps", 0)) - before
