"""Compare in a real browser: verdict, table to hand in, from a point to its image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dashboard.shared.run_names import label_of
from segengine.results.masks.scoring import saved_scores
from tests.browser.conftest import Dashboard
from tests.made_runs import make_run

pytestmark = pytest.mark.browser


def test_two_runs_are_compared_and_a_point_opens_its_image(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    runs = [
        make_run(dashboard.runs_dir, root=real_pets, seed=seed, val_limit=12, lr=0.001 + seed / 1e4)
        for seed in range(2)
    ]
    page.goto(f"{dashboard.url}/compare?runs={','.join(run.id for run in runs)}")
    page.get_by_text("Over 12 images", exact=False).first.wait_for()
    verdict = page.locator(".seglab-verdicts li")
    assert "12 images" in verdict.inner_text() and label_of(runs[0]) in verdict.inner_text()
    head = page.locator(".seglab-table").first.locator("tbody th").all_inner_texts()
    assert head == ["Learning rate", "Seed"]
    with page.expect_download() as download:
        page.get_by_role("button", name="LaTeX").click()
    assert Path(download.value.path()).read_text().startswith("\\begin{table}")

    point = page.locator(".st-key-compare_scatter .scatterlayer .points path").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url("**/masks?*")
    page.wait_for_url(lambda url: "image=" in url)
    image = page.url.split("image=")[1].split("&")[0]
    assert image in saved_scores(runs[0].per_image_file)
    assert page.errors == []


def test_what_is_missing_is_said_and_can_be_made(page: Any, dashboard: Dashboard) -> None:
    runs = [make_run(dashboard.runs_dir, seed=seed) for seed in range(2)]
    page.goto(f"{dashboard.url}/compare?runs={runs[0].id}")
    page.get_by_text("Choose two or more runs").wait_for()
    page.goto(f"{dashboard.url}/compare?split=test&runs={','.join(run.id for run in runs)}")
    page.get_by_text(f"evaluate {runs[0].id} --split test makes them").wait_for()
    page.get_by_role("button", name="Evaluate these 2 runs now").click()
    page.get_by_text("has no best weights yet", exact=False).first.wait_for()
    assert "Traceback" not in page.locator("body").inner_text()
    assert page.errors == []
