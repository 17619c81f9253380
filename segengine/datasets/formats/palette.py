"""Default colors of classes."""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Collection

# Okabe and Ito's color-blind safe list, with gray in place of black, which is lost in a photograph.
_OKABE_ITO = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7"),
    *("#56B4E9", "#D55E00", "#F0E442", "#999999"),
)
_GOLDEN_ANGLE = 0.381966  # in turns: neighbors in the list lie far apart on the color wheel
_SHADES = ((0.72, 0.55), (0.95, 0.85), (0.5, 0.9), (0.85, 0.3))  # (value, saturation)


def class_colors(count: int, taken: Collection[str] = ()) -> list[str]:
    """`count` different colors (#RRGGBB), none of them in `taken`; the same at every call."""
    colors: list[str] = []
    used = {color.upper() for color in taken}
    candidates = map(_nth_color, itertools.count())
    while len(colors) < count:
        color = next(candidates)
        if color not in used:
            used.add(color)
            colors.append(color)
    return colors


def _nth_color(index: int) -> str:
    if index < len(_OKABE_ITO):
        return _OKABE_ITO[index]
    value, saturation = _SHADES[index % len(_SHADES)]
    rgb = colorsys.hsv_to_rgb(index * _GOLDEN_ANGLE % 1, saturation, value)
    return "#" + "".join(f"{round(255 * channel):02X}" for channel in rgb)
