"""The page of one run in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dashboard.shared.run_names import label_of
from segengine.run.event_log import EventLog
from tests import made_events
from tests.browser.conftest import Dashboard, is_drawn
from tests.made_runs import alive, make_run

pytestmark = pytest.mark.browser


def test_a_run_is_read_on_its_own_page(page: Any, dashboard: Dashboard, real_pets: Path) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    page.goto(f"{dashboard.url}/curves?runs={run.id}")
    page.locator(f".rail [data-run='{run.id}'] a").click()  # its name leads there
    page.wait_for_url(f"**/run?id={run.id}")
    page.get_by_text(label_of(run)).first.wait_for()
    page.locator(".live-panel .main-svg").first.wait_for()
    page.get_by_text("F1 (Dice)", exact=True).last.wait_for()
    rows = page.locator("table", has_text="F1 (Dice)").locator("tbody tr")
    assert [row.split()[0] for row in rows.all_inner_texts()[:3]] == ["pet", "background", "border"]
    page.locator(".js-plotly-plot .heatmaplayer").first.wait_for()
    page.get_by_text("python -m segengine train", exact=False).first.wait_for()
    page.get_by_role("button", name="More epochs").click()
    page.get_by_label("Continue to epoch").fill("9")
    page.get_by_text("The learning rate goes on as if").wait_for()
    page.get_by_role("button", name="Continue training").click()
    page.get_by_text("has no last checkpoint to go on from").wait_for()  # a made run has none
    page.get_by_role("button", name="Evaluate on ...").click()
    page.get_by_text("Scored at", exact=True).wait_for()
    assert "Traceback" not in page.locator("body").inner_text()
    assert page.errors == []


def test_addresses_and_runs_that_have_nothing_to_show(page: Any, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}/run")
    page.get_by_text("This page shows one run").wait_for()
    page.goto(f"{dashboard.url}/run?id=../../etc")
    page.get_by_text("is no run id").wait_for()
    empty = alive(make_run(dashboard.runs_dir, epochs_done=0, end=None))
    page.goto(f"{dashboard.url}/run?id={empty.id}")
    page.get_by_text("Scores per class will be here").wait_for()
    crashed = make_run(dashboard.runs_dir, epochs_done=2, end=None)
    content = crashed.events_file.read_bytes()
    crashed.events_file.write_bytes(content[: len(content) // 2] + b"torn\n")
    page.goto(f"{dashboard.url}/run?id={crashed.id}")
    page.get_by_text("The process ended before its log did", exact=False).wait_for()
    assert "Traceback" not in page.locator("body").inner_text()
    assert page.errors == []


def test_a_press_in_the_moment_of_news_is_not_lost(page: Any, dashboard: Dashboard) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    page.goto(f"{dashboard.url}/run?id={run.id}")
    page.get_by_text("F1 (Dice)", exact=True).last.wait_for()
    is_drawn(page)
    with EventLog(run.events_file) as log:
        log.write(made_events.finished(best_epoch=2, best_miou=0.6))
    page.get_by_role("button", name="Open in Curves").click()
    page.wait_for_url("**/curves?runs=*")
    assert page.errors == []
