"""What tests of the Curves page look at."""

from __future__ import annotations

from typing import Any

LOSS, MIOU = "steps-loss", "epochs-val_miou"


def figure(panel: str) -> str:
    """Plotly's figure of a panel, in the browser."""
    return f"document.querySelector('[data-panel=\"{panel}\"] .live-panel__figure')"


def trace(panel: str, curve: str) -> str:
    """The first run's trace of a curve; undefined before it is drawn."""
    return f"{figure(panel)}?.data?.find((t) => t.uid.endsWith('--{curve}'))"


def wait_for_points(page: Any, curve: str, count: int, panel: str = "") -> None:
    """Wait until this curve of the first run has so many points."""
    panel = panel or ("loss" if "loss" in curve else "miou")
    page.wait_for_function(f"{trace(panel, curve)}?.x.length === {count}")


def drag(page: Any, panel: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Draw a rectangle in a panel: pixels from the corner of its plot."""
    box = page.locator(f"[data-panel={panel}] .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=4)
    page.mouse.up()
