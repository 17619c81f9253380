"""The colors that mean something, each as CSS that suits the theme: at least 3:1 on its page.

`light-dark(a, b)` is a on a light page and b on a dark one; Streamlit tells the browser which.
"""

from __future__ import annotations

import re

from segengine.results.status import RunState

BLUE = "light-dark(#00609C, #1A7FC0)"
ORANGE = "light-dark(#C08300, #E69F00)"
GREEN = "light-dark(#00966C, #009E73)"
PURPLE = "light-dark(#CC6FA8, #CC79A7)"
SKY = "light-dark(#3E9BD2, #56B4E9)"
VERMILION = "light-dark(#BF4300, #D55E00)"
YELLOW = "light-dark(#6E7400, #F0E442)"
GRAY = "light-dark(#707070, #999999)"


def _nearer_to_text(color: str, share: float) -> str:
    """A color mixed with black on a light page and with white on a dark one; `share` of these."""
    light, dark = re.findall(r"#(\w{6})", color)
    return f"light-dark({_mixed(light, 0, share)}, {_mixed(dark, 255, share)})"


def _mixed(color: str, gray: int, share: float) -> str:
    channels = (int(color[start : start + 2], 16) for start in (0, 2, 4))
    return "#" + "".join(f"{round(c + (gray - c) * share):02X}" for c in channels)


# Okabe and Ito's color-blind safe list, one per run in the order of choice; a gray stands in for
# their black. On a white page those that would vanish there are darker.
_FIRST_COLORS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW, GRAY)
# More runs than eight are told apart by shades of these, each nearer to the text's color.
RUN_COLORS: tuple[str, ...] = (
    *_FIRST_COLORS,
    *(_nearer_to_text(color, share) for share in (0.38, 0.64) for color in _FIRST_COLORS),
)

# Over photographs, on either theme. Missed: an object's pixels predicted as background; false
# alarm: background predicted as an object; wrong: one object predicted as another; hit: of the one
# class that is looked at, found.
ERROR_COLORS: dict[str, str] = {
    "missed": "#D55E00",
    "false_alarm": "#F0E442",
    "wrong": "#56B4E9",
    "hit": "#009E73",
}

# State of a run -> (shape, color); the word beside them is the state itself.
STATE_LOOKS: dict[RunState, tuple[str, str]] = {
    "waiting": ("○", GRAY),
    "starting": ("◔", GRAY),
    "running": ("▶", BLUE),
    "finished": ("●", GREEN),
    "stopped": ("■", YELLOW),
    "failed": ("✕", VERMILION),
    "crashed": ("▲", VERMILION),
    "unresponsive": ("◌", ORANGE),
    "unreadable": ("?", VERMILION),
}
