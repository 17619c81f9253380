"""The whole way: from the form, through a real training, to its curve and its masks."""

from __future__ import annotations

from typing import Any

import pytest

from segengine.results.status import read_status
from segengine.run.rundir import RunDir
from tests.browser.conftest import Dashboard

pytestmark = pytest.mark.browser

TINY = {"Image size": "32", "Epochs": "200", "Batch size": "8"}
TINY_MORE = {"Training images": "16", "Validation images": "4", "Early stopping (epochs)": "0"}
VALIDATIONS = (
    "(document.querySelector('[data-panel=miou] .live-panel__figure')"
    "?.data?.find((trace) => trace.uid.endsWith('--epochs-val_miou'))?.x.length ?? 0)"
)


def test_a_run_is_launched_watched_and_its_masks_are_seen(dashboard: Dashboard, page: Any) -> None:
    page.set_default_timeout(45_000)  # the first run of all draws the sample, some ten seconds
    launch_tiny_run(dashboard, page)
    page.wait_for_url("**/curves?runs=*")
    (run,) = RunDir.all(dashboard.runs_dir)

    page.locator(".live-panel .main-svg").first.wait_for()
    page.wait_for_function(f"{VALIDATIONS} >= 1")
    page.evaluate("window.sameDocument = true")
    seen = page.evaluate(VALIDATIONS)
    page.wait_for_function(f"{VALIDATIONS} >= {seen + 2}")
    assert read_status(run).state == "running", run.output_file.read_text()
    assert page.evaluate("window.sameDocument")

    page.get_by_role("link", name="Masks").click()
    page.locator(f'[data-panel="{run.id}"]').wait_for()
    assert page.locator(".panel").count() == 3  # input, ground truth, this run
    page.wait_for_function(
        "[...document.querySelectorAll('.panel img')].every((img) => img.naturalWidth > 0)"
    )
    assert page.locator(f'[data-panel="{run.id}"] .miou').inner_text().startswith("mIoU 0.")
    assert not page.errors


def launch_tiny_run(dashboard: Dashboard, page: Any) -> None:
    """Fill in the form for a training of a minute at most, and start it."""
    page.goto(dashboard.url)
    page.get_by_text("More settings", exact=True).click()
    for title, text in {**TINY, **TINY_MORE}.items():
        page.get_by_role("textbox", name=title, exact=True).fill(text)
    hint = "16 training and 4 validation images, 80 test images scored once, 2 steps per epoch."
    page.get_by_text(hint).wait_for()
    page.get_by_role("button", name="Start run").click()
