"""Panels of one image under one opacity slider, with what is under the cursor in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dashboard.masks.overlays import background_index
from dashboard.masks.panels import Panel
from dashboard.shared.colors import ERROR_COLORS
from dashboard.shared.component import load_component
from segengine.datasets.base import ClassInfo

_component = load_component(__file__)


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
                {"name": info.name, "color": info.color, "filled": index != unfilled}
                for index, info in enumerate(classes)
            ],
            "void": ignore_index,
            "errors": ERROR_COLORS,
        },
        on_move_change=on_move,
    )
