"""The list of runs at the left of a page: what it shows, hides, finds and orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dashboard.shared.run_names import label_of
from tests.browser.conftest import Dashboard, stand_still
from tests.browser.curves_page import MIOU, wait_for_points
from tests.made_runs import make_run

pytestmark = pytest.mark.browser


def test_hovering_a_run_in_the_rail_lights_its_lines(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    runs = [make_run(dashboard.runs_dir, seed=seed) for seed in range(2)]
    opened(*runs)
    wait_for_points(page, MIOU, 6)
    page.locator(f".rail [data-run='{runs[0].id}']").hover()
    dim = page.locator("[data-panel=miou] .trace.live-panel__dim")
    dim.first.wait_for(state="attached")
    uids = dim.evaluate_all("lines => lines.map((line) => line.getAttribute('class'))")
    assert all(runs[1].id in names for names in uids) and len(uids) == 2
    marks = page.locator("[data-panel=miou] .tracemarks .point").evaluate_all(
        "marks => marks.map((mark) => mark.classList.contains('live-panel__dim'))"
    )
    assert marks == [False, False, True, True]  # both runs have a best epoch and an end
    page.mouse.move(700, 5)
    page.locator(".live-panel__dim").first.wait_for(state="detached")


def test_runs_are_hidden_searched_and_ordered_in_the_rail(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    runs = [make_run(dashboard.runs_dir, seed=seed) for seed in range(3)]
    unet = make_run(dashboard.runs_dir, arch="unet")
    opened(*runs)
    page.get_by_label("Search runs").fill("unet")
    assert page.locator(".rail__run:visible").count() == 1
    page.get_by_label("Search runs").fill("")
    page.get_by_role("button", name=f"Hide {label_of(runs[1])}").click()
    page.wait_for_url(lambda url: runs[1].id not in url)
    page.locator(".rail__run--shown").nth(2).wait_for(state="detached")
    assert page.locator(".rail__run--shown").count() == 2
    first = page.locator(".rail__run--shown").first
    page.get_by_role("button", name=f"Hide {label_of(runs[2])}").focus()
    page.keyboard.press("Alt+ArrowUp")
    order = f"runs={runs[2].id},{runs[0].id}"
    page.wait_for_url(lambda url: order in url.replace("%2C", ","))
    stand_still(page)
    assert first.get_attribute("data-run") == runs[2].id
    lines = page.locator(".rail__run--shown")
    lines.nth(1).drag_to(lines.nth(0), target_position={"x": 40, "y": 3})
    order = f"runs={runs[0].id},{runs[2].id}"
    page.wait_for_url(lambda url: order in url.replace("%2C", ","))
    assert page.locator(f".rail [data-run='{unet.id}'] .rail__best").inner_text() != ""
    assert page.errors == []
