"""Several runs from one form, as a person starts, follows, stops and reads them."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from dashboard.shared.run_names import sweep_name
from segengine.config import RunConfig
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from segengine.studies import control
from segengine.studies.plan import plan_sweep
from segengine.studies.state import read_status
from segengine.studies.sweepdir import SweepDir
from tests import made_events
from tests.browser.conftest import Dashboard
from tests.made_runs import config_for
from tests.tiny import config as tiny_config
from tests.tiny import write_pets

pytestmark = pytest.mark.browser


@pytest.fixture
def slow_sweep(dashboard: Dashboard, tmp_path: Path) -> SweepDir:
    """Two runs that would train for long, the first of them at work."""
    base = tiny_config(write_pets(tmp_path / "pets", train=8, val=2), epochs=500)
    return control.start_sweep(plan_sweep(base, {"seed": ["0", "1"]}), dashboard.runs_dir)


def wait_for(sweep: SweepDir, *states: str) -> None:
    deadline = time.monotonic() + 60
    while read_status(sweep).state not in states:
        assert time.monotonic() < deadline, read_status(sweep)
        time.sleep(0.1)


def test_three_seeds_are_one_click_and_one_start(
    page: Any, dashboard: Dashboard, tmp_path: Path
) -> None:
    root = write_pets(tmp_path / "pets", train=8, val=2)
    run = RunDir.create(dashboard.runs_dir, tiny_config(root, epochs=1))
    run.write_job("local")
    page.goto(f"{dashboard.url}/launch?clone={run.id}")
    page.get_by_role("button", name="3 seeds").click()
    page.get_by_text("3 runs, one after the other.").wait_for()
    page.get_by_role("button", name="Start 3 runs").click()
    page.wait_for_url("**/sweep?id=*", timeout=30_000)
    (sweep,) = SweepDir.all(dashboard.runs_dir)
    wait_for(sweep, "finished")
    page.get_by_text("3 of 3 runs ended: 3 finished").wait_for()
    assert [run.sweep() for run in RunDir.all(dashboard.runs_dir) if run.sweep_file.exists()] == [
        {"sweep": sweep.id, "setting": "the base settings"}
    ] * 3
    page.get_by_role("button", name="Open in Curves").click()
    page.wait_for_url("**/curves?runs=*")
    assert len(page.url.rpartition("=")[2].split("%2C")) == 3
    assert not page.errors


def test_what_is_varied_survives_another_page_and_a_reload(page: Any, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}/launch")
    page.get_by_role("button", name="3 seeds").click()
    page.get_by_role("button", name="Half the learning rate").click()
    rates = page.get_by_placeholder("0.001 0.0005, or 1e-4..1e-2 log 5")
    rates.fill("0.01..0.02 linear 3")
    page.get_by_role("button", name="Start 9 runs").wait_for()
    page.get_by_role("link", name="Guide").click()
    page.locator("h1").first.wait_for()
    page.get_by_role("link", name="Launch").click()
    for _ in range(2):
        page.get_by_role("button", name="Start 9 runs").wait_for()
        assert rates.input_value() == "0.01..0.02 linear 3"
        page.reload()
    page.get_by_role("button", name="One run only").click()
    page.get_by_role("button", name="Start run").wait_for()
    assert not page.errors


def test_a_sweep_is_stopped_and_goes_on(
    page: Any, dashboard: Dashboard, slow_sweep: SweepDir
) -> None:
    page.goto(f"{dashboard.url}/sweep?id={slow_sweep.id}")
    page.get_by_text("running").first.wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for(slow_sweep, "stopped")
    page.get_by_role("button", name="Continue").click()
    wait_for(slow_sweep, "running")
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for(slow_sweep, "stopped")
    page.get_by_role("button", name="Continue").wait_for()
    assert not page.errors


def test_the_settings_of_a_sweep_are_ranked_drawn_and_run_again(
    page: Any, dashboard: Dashboard, tmp_path: Path
) -> None:
    base = tiny_config(write_pets(tmp_path / "pets", train=8, val=2), epochs=1)
    sweep = finished_sweep(dashboard.runs_dir, base)
    page.goto(f"{dashboard.url}/runs")
    page.get_by_role("link", name="Sweeps").click()
    page.get_by_role("link", name=re.compile("^Sweep 20")).click()
    page.get_by_text("4 of 4 runs ended").wait_for()
    cells = page.locator(".seglab-facts tbody tr").first.locator("td")
    assert cells.all_inner_texts() == ["1.", "Learning rate 0.001", "2", "0.550", "0.071"]
    page.locator(".js-plotly-plot").nth(1).wait_for(timeout=30_000)
    page.get_by_text("Start 10 runs").wait_for()  # of two settings with five new seeds each
    page.get_by_text("The new runs have 2 to 6: judge by these alone.").wait_for()
    page.get_by_label("Best settings").fill("1")
    page.get_by_label("Seeds each").fill("1")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Start 1 run", exact=True).click()
    page.wait_for_url(lambda url: "/sweep?id=" in url and sweep.id not in url)
    page.get_by_text("the best settings again of sweep 20").wait_for()
    wait_for(SweepDir.all(dashboard.runs_dir)[0], "finished")
    page.goto(f"{dashboard.url}/curves")
    page.get_by_label("Sweep").select_option(sweep_name(sweep.id))
    page.get_by_role("button", name="Show these 4 runs alone").click()
    page.wait_for_url(re.compile(r"runs=[^&]*(%2C[^&]*){3}"))
    assert not page.errors
    assert read_status(sweep).state == "finished"


def test_a_press_in_the_moment_of_news_is_not_lost(page: Any, dashboard: Dashboard) -> None:
    sweep = finished_sweep(dashboard.runs_dir)
    page.goto(f"{dashboard.url}/sweep?id={sweep.id}")
    page.get_by_text("4 of 4 runs ended: 4 finished").wait_for()
    page.locator(".js-plotly-plot").nth(1).wait_for(timeout=30_000)
    sweep.write(sweep.record().with_run(3, ended="failed"))
    page.get_by_role("button", name="Open in Curves").click()
    page.wait_for_url("**/curves?runs=*")
    assert not page.errors


def finished_sweep(runs_dir: Path, base: RunConfig | None = None) -> SweepDir:
    """lr 0.001: 0.5, 0.6; lr 0.0005: 0.3, 0.4; and a run that is of no sweep."""
    record = plan_sweep(base or config_for(), {"lr": ["0.001", "0.0005"], "seed": ["0", "1"]})
    sweep = SweepDir.create(runs_dir, record)
    for index, miou in enumerate((0.5, 0.6, 0.3, 0.4)):
        planned = record.runs[index]
        run = RunDir.create(runs_dir, record.base_config().with_values(**planned.values))
        run.write_sweep(sweep.id, planned.setting)
        with EventLog(run.events_file) as log:
            log.write(made_events.started(epochs=1, val_every=1))
            log.write(made_events.epoch(1, miou))
            log.write(made_events.finished(best_epoch=1, best_miou=miou))
        record = record.with_run(index, run=run.id, started=True, ended="finished")
    sweep.write(record)
    return sweep
