"""Contrast, names and focus on every page, by axe and by the keyboard, in both themes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Dashboard, is_drawn
from tests.browser.test_sweep import finished_sweep
from tests.made_runs import alive, make_run

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
FOCUSED = """() => {
    let e = document.activeElement;
    while (e.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
    const style = getComputedStyle(e);
    const name = e.getAttribute('aria-label') || e.innerText || e.tagName;
    return {name, tag: e.tagName, outline: style.outlineStyle !== 'none' &&
        parseFloat(style.outlineWidth) >= 2};
}"""


def violations(page: Any) -> list[str]:
    """What axe finds on the page as it is, one line for each element."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="axe-playwright-python is missing: pip install -r tests/requirements.txt",
    )
    found = axe.Axe().run(page, options=RULES).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:120]} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(
    dashboard: Dashboard, page: Any, real_pets: Path, theme: str
) -> None:
    page.emulate_media(color_scheme=theme)
    failed = make_run(dashboard.runs_dir, epochs_done=2, end="run_failed", loss="dice")
    alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    pets = [make_run(dashboard.runs_dir, root=real_pets, val_limit=4, seed=s) for s in range(2)]
    ids = ",".join(run.id for run in pets)
    found = {}

    page.goto(f"{dashboard.url}/runs")
    page.locator(f'tr[data-run="{failed.id}"]').click()
    page.get_by_role("button", name="Edit and start again").wait_for()
    found["runs"] = violations(page)
    page.goto(f"{dashboard.url}/curves?runs={ids},{failed.id}")
    page.get_by_text("Download CSV").wait_for()
    page.get_by_role("button", name="training").first.click()  # hides a curve
    found["curves"] = violations(page)
    page.goto(f"{dashboard.url}/masks?runs={ids}")
    page.locator(".panel .miou").first.wait_for()
    found["masks"] = violations(page)
    page.get_by_role("button", name="Errors").click()
    found["errors"] = violations(page)
    page.goto(f"{dashboard.url}/guide")
    page.locator("h1").first.wait_for()
    found["guide"] = violations(page)
    page.goto(f"{dashboard.url}/compare?runs={ids}")
    page.get_by_role("heading", name="Confusion").wait_for()
    found["compare"] = violations(page)
    page.goto(f"{dashboard.url}/run?id={pets[0].id}")
    page.get_by_role("heading", name="In a terminal").wait_for()
    found["run"] = violations(page)
    sweep = finished_sweep(dashboard.runs_dir)
    page.goto(f"{dashboard.url}/sweep")
    page.get_by_role("link", name="Sweep 20").wait_for()
    found["sweeps"] = violations(page)
    page.goto(f"{dashboard.url}/sweep?id={sweep.id}")
    page.get_by_role("heading", name="The best again").wait_for()
    found["sweep"] = violations(page)
    page.goto(f"{dashboard.url}/launch")
    page.get_by_role("button", name="3 seeds").click()
    page.get_by_role("button", name="Start 3 runs").wait_for()
    found["launch"] = violations(page)
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("runs", {"Launch", "Runs", "Curves", "Masks", "Guide", "Filter runs"}),
        (
            "curves",
            {"Curves", "Search runs", "Training", "Validation", "Save mIoU", "Download CSV"},
        ),
        ("masks", {"Masks", "Next", "Opacity of all masks in percent", "Errors"}),
    ],
)
def test_the_keyboard_reaches_every_control_and_is_seen_there(
    dashboard: Dashboard, page: Any, real_pets: Path, path: str, needed: set[str]
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=4)
    page.goto(f"{dashboard.url}/{path}?runs={run.id}")
    ready = {"runs": "tr[data-run]", "curves": ".live-chart__foot a", "masks": ".miou"}
    page.locator(ready[path]).first.wait_for()
    is_drawn(page)
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        name = focused["name"].strip()
        if focused["tag"] in ("A", "BUTTON"):
            assert focused["outline"], f"{name} shows no focus"
        reached.add(name)
    missing = {name for name in needed if not any(word.startswith(name) for word in reached)}
    assert missing == set()
