"""The colors that mean something, each as CSS that suits the theme: at least 3:1 on its page.

`light-dark(a, b)` is a on a light page and b on a dark one; Streamlit tells the browser which.
"""

from __future__ import annotations

from segengine.results.status import RunState

BLUE = "light-dark(#00609C, #1A7FC0)"
ORANGE = "light-dark(#C08300, #E69F00)"
GREEN = "light-dark(#00966C, #009E73)"
PURPLE = "light-dark(#CC6FA8, #CC79A7)"
SKY = "light-dark(#3E9BD2, #56B4E9)"
VERMILION = "light-dark(#BF4300, #D55E00)"
YELLOW = "light-dark(#6E7400, #F0E442)"
GRAY = "light-dark(#707070, #999999)"

# Okabe and Ito's color-blind safe list, one per run in the order of choice; a gray stands in for
# their black. On a white page those that would vanish there are darker.
RUN_COLORS: tuple[str, ...] = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW, GRAY)

# Over photographs, on either theme. Missed: an object's pixels predicted as background; false
# alarm: background predicted as an object; wrong: one object predicted as another.
ERROR_COLORS: dict[str, str] = {"missed": "#D55E00", "false_alarm": "#F0E442", "wrong": "#56B4E9"}

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
