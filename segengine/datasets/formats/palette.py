"""Colors for classes that come without any."""

from __future__ import annotations

import colorsys
from collections.abc import Collection

# Okabe and Ito's color-blind safe list; a gray stands in for its black, which vanishes in a photo.
_OKABE_ITO = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7"),
    *("#56B4E9", "#D55E00", "#F0E442", "#999999"),
)
_GOLDEN_ANGLE = 0.381966  # of a turn: neighbors in the list lie far apart on the color wheel
_SHADES = ((0.72, 0.55), (0.95, 0.85), (0.5, 0.9), (0.85, 0.3))  # (value, saturation)


def class_colors(count: int, taken: Collection[str] = ()) -> list[str]:
    """`count` different colors (#RRGGBB), none of them among `taken`, always the same ones."""
    colors: list[str] = []
    used = {color.upper() for color in taken}
    candidate = 0
    while len(colors) < count:
        color = _color(candidate)
        candidate += 1
        if color not in used:
            used.add(color)
            colors.append(color)
    return colors


def _color(index: int) -> str:
    if index < len(_OKABE_ITO):
        return _OKABE_ITO[index]
    value, saturation = _SHADES[index % len(_SHADES)]
    rgb = colorsys.hsv_to_rgb(index * _GOLDEN_ANGLE % 1, saturation, value)
    return "#" + "".join(f"{round(255 * part):02X}" for part in rgb)
