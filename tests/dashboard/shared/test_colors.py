"""Colors that can be seen on the page that they stand on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard.shared.colors import RUN_COLORS, STATE_LOOKS

tomllib = pytest.importorskip("tomllib", reason="tomllib came with Python 3.11")
PROJECT = Path(__file__).resolve().parents[3]
MARKS = [*RUN_COLORS, *(color for _, color in STATE_LOOKS.values())]


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb, by WCAG 2."""
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio, 1 to 21, by WCAG 2."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_and_marks_have_a_contrast_of_3_to_1_in_each_theme(theme: str) -> None:
    file = PROJECT / "dashboard/.streamlit/config.toml"
    config = tomllib.loads(file.read_text())["theme"][theme]
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for color in MARKS:
        light, dark = re.fullmatch(r"light-dark\((#\w{6}), (#\w{6})\)", color).groups()
        assert contrast(light if theme == "light" else dark, config["backgroundColor"]) >= 3
    assert contrast(config["primaryColor"], "#ffffff") >= 4.5  # text on a primary button
    assert contrast(config["linkColor"], config["backgroundColor"]) >= 4.5


def test_no_two_runs_have_one_color() -> None:
    assert len(set(RUN_COLORS)) == len(RUN_COLORS) == 24
