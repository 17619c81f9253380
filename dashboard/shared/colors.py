"""The colors that mean something. Each works on the light and on the dark theme."""

from __future__ import annotations

from segengine.results.status import RunState

# Okabe and Ito's color-blind safe list, one per run in the order of choice. Its yellow and black
# vanish on a white or a black page: a darker yellow and a gray stand in for them.
OKABE_ITO: tuple[str, ...] = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#A39100",
    "#7F7F7F",
)

# Pixels of a class that were missed, and pixels wrongly given to it.
ERROR_COLORS: dict[str, str] = {"missed": "#D55E00", "wrong": "#56B4E9"}

# State of a run -> (shape, color); the word beside them is the state itself.
STATE_LOOKS: dict[RunState, tuple[str, str]] = {
    "waiting": ("○", "#7F7F7F"),
    "starting": ("◔", "#7F7F7F"),
    "running": ("▶", "#0072B2"),
    "finished": ("●", "#009E73"),
    "stopped": ("■", "#A39100"),
    "failed": ("✕", "#D55E00"),
    "crashed": ("▲", "#D55E00"),
    "unresponsive": ("◌", "#E69F00"),
    "unreadable": ("?", "#D55E00"),
}
