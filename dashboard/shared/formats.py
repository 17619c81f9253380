"""Numbers as text, the same on every page, and text that Markdown leaves alone."""

from __future__ import annotations

import math
import re

from segengine.results.amounts import duration_text
from segengine.run.terminal import printable

NOTHING = "–"  # stands where there is no number
A_MOMENT = 5.0  # seconds
# Characters of addresses, without those that mean something in Markdown's <...>; no full stop last.
_ADDRESS = re.compile(r"(https?://[\w\-./?#@!$&'*+,;=%~:]*[\w/#=&])", re.ASCII)

_PUNCTUATION = re.compile(r"""([\\`*_{}\[\]()#+\-.!|<>~$:=&@^"'])""")
# Streamlit also looks for addresses, icons and arrows in the finished text, where no backslash
# stands any more. An empty piece of small print in between keeps it from finding them.
_GAP = ":small[]"
_FOUND_LATER = re.compile(r"(?<=[:@])(?=\S)|(?<=www)(?=\.)|(?<=[-<>=~])(?=[-<>=~])", re.IGNORECASE)


def format_miou(value: float | None) -> str:
    """An IoU or mIoU (0 to 1) with three decimals: 0.697."""
    return NOTHING if _is_missing(value) else f"{value:.3f}"


def format_loss(value: float | None) -> str:
    """A loss with three significant digits: 0.412, 1.23, 12.3, 2.10e-05."""
    return NOTHING if _is_missing(value) else f"{value:#.3g}".removesuffix(".")


def format_duration(seconds: float | None) -> str:
    """A time span in its two largest units: 8 s, 2 min 14 s, 3 h 5 min, 2 d 4 h."""
    if _is_missing(seconds):
        return NOTHING
    assert seconds is not None
    return duration_text(seconds)


def format_count(value: int | None) -> str:
    """A count with thousands separators: 1,234."""
    return NOTHING if value is None else f"{value:,}"


def format_epochs(done: int, planned: int) -> str:
    """How far a training is: "7 of 12"; a dash before the run has said how many epochs it has."""
    return f"{format_count(done)} of {format_count(planned)}" if planned else NOTHING


def format_time_left(seconds: float | None) -> str:
    """An estimated time; its last seconds are told no finer than an estimate can be."""
    if _is_missing(seconds):
        return NOTHING
    assert seconds is not None
    return format_duration(seconds) if seconds >= A_MOMENT else "a few seconds"


def escaped(text: str) -> str:
    """Text as one line for Markdown, where it then reads as it was written: shown, never obeyed.

    The one door for all that SegLab did not write itself: addresses, names and notes, paths, class
    and image names, and every sentence that repeats one of these.
    """
    return _escaped(" ".join(text.split()))


def with_links(text: str) -> str:
    """Text for Markdown like `escaped`, but web addresses in it can be followed."""
    parts = _ADDRESS.split(" ".join(text.split()))  # text, address, text, ...
    return "".join(f"<{part}>" if index % 2 else _escaped(part) for index, part in enumerate(parts))


def for_plotly(text: str) -> str:
    """Text for a figure of Plotly, which reads some tags: shown as it was written."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escaped(line: str) -> str:
    pieces = (_PUNCTUATION.sub(r"\\\1", piece) for piece in _FOUND_LATER.split(printable(line)))
    return _GAP.join(pieces)


def _is_missing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)
