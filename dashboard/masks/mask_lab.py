"""The mask lab in the browser: the page says which runs, all else comes from `/api/masks`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.masks.pictures import background_index
from dashboard.shared.colors import ERROR_COLORS
from dashboard.shared.component import load_component
from dashboard.shared.selection import ChosenRun
from segengine.datasets.base import ClassInfo
from segengine.results.masks.sets import MaskSet

_component = load_component(
    __file__,
    "lab_view.js",
    "lab_data.js",
    "lab_paint.js",
    "lab_stage.js",
    "lab_panels.js",
    "lab_thumbs.js",
    "lab_toolbar.js",
    "lab_save.js",
)


def draw_mask_lab(
    shown: Sequence[tuple[ChosenRun, Sequence[MaskSet]]],
    *,
    classes: Sequence[ClassInfo],
    ignore_index: int,
    nothing: str,
    wanted: Mapping[str, Any],
) -> None:
    """Draw the lab.

    Args:
        shown: the runs, each with its sets of masks, the one that it shows by itself first.
        nothing: what is said where the runs have no image in common.
        wanted: `{"token": n, "view": {...}}`: how to look at the masks, from where a person comes;
            each token is heeded once.
    """
    unfilled = background_index(classes)
    runs = [
        {
            "id": choice.run.id,
            "label": choice.label,
            "color": choice.color,
            "sets": [[masks.key, _words(masks)] for masks in sets],
        }
        for choice, sets in shown
    ]
    _component(
        key="mask_lab",
        data={
            "runs": runs,
            "classes": [
                {"name": info.name, "color": info.color, "filled": index != unfilled}
                for index, info in enumerate(classes)
            ],
            "void": ignore_index,
            "errors": ERROR_COLORS,
            "nothing": nothing,
            "wanted": dict(wanted),
        },
    )


def _words(masks: MaskSet) -> str:
    return f"best weights, epoch {masks.epoch}" if masks.best else f"epoch {masks.epoch}"
