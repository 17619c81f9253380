"""Curves in a real browser: a run grows, and the charts follow without moving anything else."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from tests.browser.conftest import Dashboard, free_port
from tests.made_runs import alive, config_for, epoch_fields, make_run, started_fields, write_epoch

pytestmark = pytest.mark.browser

PLOT = "document.querySelector('.live-chart .js-plotly-plot')"
VIEW = (
    f"() => {{ const plot = {PLOT}; return {{"
    "x: plot.layout.xaxis.range, y: plot.layout.yaxis.range,"
    "shown: plot.data.map((t) => t.visible)}; }"
)


@pytest.fixture
def opened(dashboard: Dashboard, page: Any) -> Callable[..., None]:
    """Opens Curves with these runs and waits until their points are there."""

    def open_curves(*runs: RunDir) -> None:
        page.goto(f"{dashboard.url}/curves?runs={','.join(run.id for run in runs)}")
        page.wait_for_selector(".live-chart .main-svg")
        page.wait_for_function(f"{PLOT}.data.length === {7 * len(runs)}")
        page.get_by_text("Download CSV").wait_for()

    return open_curves


def wait_for_points(page: Any, curve: str, count: int) -> None:
    """Wait until this curve of the first run has so many points."""
    trace = f"{PLOT}.data.find((t) => t.uid.endsWith('--{curve}'))"
    page.wait_for_function(f"{trace}.x.length === {count}")


def step(log: EventLog, number: int) -> None:
    log.write(
        {
            "event": "step",
            "epoch": 3,
            "step": number,
            "loss": 0.5,
            "lr": 0.001,
            "images_per_second": 9.0,
        }
    )


def test_a_new_point_appears_and_zoom_and_hidden_curves_stay(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    opened(run)
    wait_for_points(page, "step_loss", 10)
    page.get_by_role("button", name="training").click()
    box = page.locator(".live-chart .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 250, steps=4)
    page.mouse.up()
    page.wait_for_function(f"{PLOT}.layout.xaxis.autorange === false")
    page.evaluate("window.sameDocument = true; document.querySelector('.live-chart').mine = true")
    before = page.evaluate(VIEW)
    assert before["shown"] == [False, False, True, False, True, True, True]
    with EventLog(run.events_file) as log:
        write_epoch(log, 3)
    wait_for_points(page, "step_loss", 15)
    wait_for_points(page, "val_miou", 3)
    assert page.evaluate(VIEW) == before
    page.get_by_text("3 of 6", exact=True).wait_for()
    page.locator("body").press("r")  # Streamlit's key to run the page's script again
    page.wait_for_timeout(1000)
    assert page.evaluate(VIEW) == before
    assert page.evaluate("window.sameDocument && document.querySelector('.live-chart').mine")
    assert page.errors == []


def test_going_to_another_page_and_back_keeps_the_choice_and_leaves_nothing_behind(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=2)
    make_run(dashboard.runs_dir, epochs_done=2, seed=1)
    opened(run)
    for _ in range(2):
        page.get_by_role("link", name="Masks").click()
        page.locator(".live-chart").wait_for(state="detached")
        page.get_by_role("link", name="Curves").click()
        page.wait_for_selector(".live-chart .main-svg")
        wait_for_points(page, "step_loss", 10)
    page.wait_for_url(f"**/curves?runs={run.id}")
    assert page.locator(".live-chart").count() == 1
    assert page.errors == []


def test_nothing_moves_when_nothing_happens(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    opened(run)
    wait_for_points(page, "step_loss", 10)
    page.wait_for_timeout(1000)
    page.evaluate(
        "() => { window.changes = 0; new MutationObserver((l) => { window.changes += l.length; })"
        ".observe(document.body, {subtree: true, childList: true, attributes: true,"
        " characterData: true}); }"
    )
    page.wait_for_timeout(5000)  # more than two of the server's looks at a silent run
    assert page.evaluate("window.changes") == 0


def test_a_starting_run_has_empty_axes_and_then_draws(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(RunDir.create(dashboard.runs_dir, config_for()))
    opened(run)
    page.get_by_text("Waiting for the first step").first.wait_for()
    page.get_by_text("starting", exact=True).wait_for()
    with EventLog(run.events_file) as log:
        log.write({"event": "run_started", **started_fields(config_for(), [])})
        step(log, 1)
    wait_for_points(page, "step_loss", 1)
    page.get_by_text("Waiting for the first step").first.wait_for(state="hidden")
    page.get_by_text("running", exact=True).wait_for()


def test_a_resumed_run_shows_no_epoch_twice(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=3, end=None))
    opened(run)
    wait_for_points(page, "val_miou", 3)
    with EventLog(run.events_file) as log:
        again = {"start_epoch": 3, "start_step": 10}
        log.write({"event": "run_started", **started_fields(config_for(), [], **again)})
        wait_for_points(page, "val_miou", 2)
        write_epoch(log, 3)
    wait_for_points(page, "val_miou", 3)
    wait_for_points(page, "step_loss", 15)


def test_the_first_minutes_show_whole_axes_and_a_line_that_can_be_seen(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=0, end=None))
    with EventLog(run.events_file) as log:
        step(log, 1)
        step(log, 2)
    opened(run)
    wait_for_points(page, "step_loss", 2)
    assert page.evaluate(f"{PLOT}.layout.yaxis2.range") == [0, 1]
    low, high = page.evaluate(f"{PLOT}.layout.xaxis.range")
    assert low == 0 and 6 <= high < 6.2  # the epochs planned
    opacity = f"{PLOT}.data.find((t) => t.uid.endsWith('--step_loss')).opacity"
    assert page.evaluate(opacity) == 1
    with EventLog(run.events_file) as log:
        write_epoch(log, 1)
        write_epoch(log, 2)
    wait_for_points(page, "train_loss", 2)
    page.wait_for_function(f"{opacity} < 0.5")  # behind the line that the epochs make now
    assert page.evaluate(f"{PLOT}.layout.yaxis2.range") == [0, 1]


def test_the_beginning_of_a_long_training_gets_a_part_of_the_axis(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=3, end=None, epochs=400))
    opened(run)
    wait_for_points(page, "val_miou", 3)
    assert page.evaluate(f"{PLOT}.layout.xaxis.range[1]") == pytest.approx(50 * 1.015)


def test_the_state_can_say_more_without_moving_a_column(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    run = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    opened(run)
    wait_for_points(page, "step_loss", 10)
    heads = "cells => cells.map(cell => Math.round(cell.getBoundingClientRect().right))"
    before = page.locator(".live-chart th").evaluate_all(heads)
    assert max(before) <= 1024 - 20
    with EventLog(run.events_file) as log:
        fields = {"phase": "Reading images", "done": 1200, "total": 3680}
        log.write({"event": "progress", **fields})
    page.get_by_text("Reading images 1,200 of 3,680").wait_for()
    assert page.locator(".live-chart th").evaluate_all(heads) == before


def test_runs_that_cannot_be_compared_are_said_above_the_charts(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    opened(make_run(dashboard.runs_dir), make_run(dashboard.runs_dir, loss="dice"))
    page.get_by_text("their losses cannot be compared, only their mIoU").wait_for()


def test_one_huge_loss_does_not_flatten_the_others(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=3, end=None))
    opened(run)
    wait_for_points(page, "val_loss", 3)
    assert page.evaluate(f"{PLOT}.layout.yaxis.type") == "linear"
    fields = epoch_fields(4)
    with EventLog(run.events_file) as log:
        log.write({"event": "epoch", **fields, "val": {**fields["val"], "loss": 250.0}})
    page.get_by_text("Loss (log scale)", exact=True).wait_for()
    low, high = page.evaluate(f"{PLOT}.layout.yaxis.range")  # exponents of ten
    assert low < -0.2 and high > 2.3
    ticks = page.locator(".live-chart .ytick text").all_text_contents()
    values = [float(tick) for tick in ticks if tick]  # whole numbers, not 2 and 5 for 20 and 50
    assert values == sorted(values) and len(values) == len(set(values)) > 3
    assert page.errors == []


def test_adding_a_run_keeps_the_zoom_and_the_first_runs_color(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    first = make_run(dashboard.runs_dir, epochs_done=6)
    second = alive(make_run(dashboard.runs_dir, epochs_done=4, end=None, seed=1, epochs=40))
    opened(first)
    wait_for_points(page, "val_loss", 6)
    page.evaluate(f"Plotly.relayout({PLOT}, {{'yaxis2.range': [0.4, 0.6], 'xaxis.range': [1, 3]}})")
    color = page.evaluate(f"{PLOT}.data[2].line.color")
    page.get_by_role("combobox", name="Runs").click()
    page.get_by_role("option").filter(has_text=second.id[-4:]).click()
    page.wait_for_function(f"{PLOT}.data.length === 14 && {PLOT}.data[9].x.length === 4")
    assert page.evaluate(f"{PLOT}.layout.yaxis2.range") == [0.4, 0.6]
    assert page.evaluate(f"{PLOT}.layout.xaxis.range") == [1, 3]
    assert page.evaluate(f"{PLOT}.data[2].line.color") == color
    assert page.evaluate(f"{PLOT}.data[9].line.color") != color
    page.wait_for_url(f"**/curves?runs={first.id}*{second.id}")
    page.keyboard.press("Escape")  # the list of runs lies over the charts
    page.get_by_role("listbox").wait_for(state="detached")
    box = page.locator(".live-chart .nsewdrag").nth(1).bounding_box()
    page.mouse.dblclick(box["x"] + 50, box["y"] + 50)
    page.wait_for_function(f"{PLOT}.layout.yaxis2.range[1] === 1")
    assert page.evaluate(f"{PLOT}.layout.xaxis.range[1]") == pytest.approx(40 * 1.015)


def test_a_dashboard_killed_and_started_again_goes_on_within_three_seconds(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    opened(run)
    wait_for_points(page, "step_loss", 10)
    dashboard.kill()
    with EventLog(run.events_file) as log:
        step(log, 11)
        step(log, 12)
    dashboard.start()
    back = time.monotonic()
    wait_for_points(page, "step_loss", 12)
    assert time.monotonic() - back < 3
    page.reload()
    page.wait_for_selector(".live-chart .main-svg")
    wait_for_points(page, "step_loss", 12)
    assert time.monotonic() - back < 10


def test_without_any_run_the_page_offers_to_launch_one(dashboard: Dashboard, page: Any) -> None:
    page.goto(f"{dashboard.url}/curves")
    page.get_by_role("button", name="Set up a run").click()
    page.wait_for_url(lambda url: "/curves" not in url)


def test_an_unknown_run_in_the_address_is_said_in_a_sentence(
    dashboard: Dashboard, page: Any
) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=2)
    page.goto(f"{dashboard.url}/curves?runs=../etc,{run.id}")
    page.get_by_text("is no run of this runs folder").wait_for()
    page.wait_for_selector(".live-chart .main-svg")
    assert "Traceback" not in page.locator("body").inner_text()


def test_a_second_dashboard_on_the_folder_says_where_the_first_is(
    dashboard: Dashboard, page: Any, tmp_path: Path
) -> None:
    second = Dashboard(free_port(), dashboard.runs_dir, tmp_path / "c2", tmp_path / "2.log")
    try:
        page.goto(f"{second.start().url}/curves")
        page.get_by_text(f"already served by another dashboard at {dashboard.url}").wait_for()
        dashboard.kill()
        page.reload()
        page.get_by_role("button", name="Set up a run").wait_for()
    finally:
        second.kill()
