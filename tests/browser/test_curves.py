"""Curves in a real browser: a run grows, and the charts follow without moving anything else."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from tests.browser.conftest import Dashboard, free_port
from tests.browser.curves_page import LOSS, MIOU, drag, figure, trace, wait_for_points
from tests.made_runs import alive, config_for, epoch_fields, make_run, started_fields, write_epoch

pytestmark = pytest.mark.browser


VIEW = f"""() => [{figure("loss")}, {figure("miou")}].map((plot) => [
    plot.layout.xaxis.range, plot.layout.yaxis.range, plot.data.map((t) => t.uid)])"""


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
    wait_for_points(page, LOSS, 10)
    page.get_by_role("button", name="Training").click()
    drag(page, "loss", (100, 50), (300, 150))
    page.get_by_role("button", name="Reset zoom").wait_for()
    page.wait_for_timeout(500)
    page.evaluate("window.sameDocument = true; document.querySelector('.live-chart').mine = true")
    before = page.evaluate(VIEW)
    assert before[0][0] == before[1][0]  # the other panel was zoomed along
    assert 0 < before[0][0][0] < before[0][0][1] < 6
    assert page.evaluate(f"{trace('loss', 'epochs-train_loss')} === undefined")
    with EventLog(run.events_file) as log:
        write_epoch(log, 3)
    wait_for_points(page, MIOU, 3)
    wait_for_points(page, "steps-lr", 15, "lr")
    assert page.evaluate(VIEW) == before
    page.get_by_text("3 of 6", exact=True).wait_for()
    page.locator("body").press("r")  # Streamlit's key to run the page's script again
    page.wait_for_timeout(1000)
    assert page.evaluate(VIEW) == before
    assert page.evaluate("window.sameDocument && document.querySelector('.live-chart').mine")
    assert page.errors == []


# In px: where a panel's lines and dots are drawn, and where its data say that they belong. Plotly
# leaves out points in the middle of a line.
PLACES = """(panel) => {
  const figure = document.querySelector(`[data-panel=${panel}] .live-panel__figure`);
  const { xaxis, yaxis } = figure._fullLayout;
  return figure.data.map((trace) => {
    const element = figure.querySelector(`.trace${trace.uid}`);
    const line = element.querySelector(".js-line")?.getAttribute("d").slice(1).split(/[ML]/) ?? [];
    const dots = [...element.querySelectorAll(".point")].map((dot) =>
      dot.getAttribute("transform").match(/[-.0-9]+/g).slice(0, 2).map(Number));
    const belongs = trace.x.map((x, row) => [xaxis.d2p(x), yaxis.d2p(trace.y[row])]);
    return { line: line.map((place) => place.split(",").map(Number)), dots, belongs };
  });
}"""


def test_new_points_stand_where_they_belong_without_a_new_drawing(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    runs = [make_run(dashboard.runs_dir, epochs_done=2, end=None, seed=n) for n in range(2)]
    opened(*map(alive, runs))
    wait_for_points(page, MIOU, 2)
    page.evaluate(
        "() => { window.drawn = 0; const { react } = Plotly;"
        " Plotly.react = (...given) => { window.drawn += 1; return react(...given); } }"
    )
    for number in (3, 4):
        with EventLog(runs[0].events_file) as log:
            write_epoch(log, number)
        wait_for_points(page, MIOU, number)
    assert page.evaluate("window.drawn") == 0
    for width in (1440, 1200):  # grown, and drawn anew by Plotly
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        for panel in ("loss", "miou", "lr"):
            for places in page.evaluate(PLACES, panel):
                line, dots, belongs = (np.array(places[key]) for key in ("line", "dots", "belongs"))
                assert len(line) or len(dots)
                assert not len(line) or np.abs(line[[0, -1]] - belongs[[0, -1]]).max() < 1
                assert not len(dots) or np.abs(dots - belongs).max() < 1
    assert page.evaluate("window.drawn") > 0
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
        page.wait_for_selector(".live-panel .main-svg")
        wait_for_points(page, LOSS, 10)
    page.wait_for_url(f"**/curves?runs={run.id}")
    assert page.locator(".live-chart").count() == 1
    assert page.errors == []


def test_nothing_moves_when_nothing_happens(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    opened(run)
    wait_for_points(page, LOSS, 10)
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
    page.locator(".live-chart").get_by_text("starting", exact=True).wait_for()
    with EventLog(run.events_file) as log:
        log.write({"event": "run_started", **started_fields(config_for(), [])})
        step(log, 1)
    wait_for_points(page, LOSS, 1)
    page.get_by_text("Waiting for the first step").first.wait_for(state="hidden")
    page.locator(".live-chart").get_by_text("running", exact=True).wait_for()
    page.locator(".rail").get_by_text("running", exact=True).wait_for()


def test_a_resumed_run_shows_no_epoch_twice(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=3, end=None))
    opened(run)
    wait_for_points(page, MIOU, 3)
    with EventLog(run.events_file) as log:
        again = {"start_epoch": 3, "start_step": 10}
        log.write({"event": "run_started", **started_fields(config_for(), [], **again)})
        wait_for_points(page, MIOU, 2)
        write_epoch(log, 3)
    wait_for_points(page, MIOU, 3)
    wait_for_points(page, LOSS, 15)


def test_the_first_minutes_show_whole_axes_and_a_line_that_can_be_seen(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=0, end=None))
    with EventLog(run.events_file) as log:
        step(log, 1)
        step(log, 2)
    opened(run)
    wait_for_points(page, LOSS, 2)
    assert page.evaluate(f"{figure('miou')}.layout.yaxis.range") == [0, 1]
    low, high = page.evaluate(f"{figure('miou')}.layout.xaxis.range")
    assert low == 0 and 6 <= high < 6.2  # the epochs planned
    opacity = f"{trace('loss', LOSS)}.opacity"
    assert page.evaluate(opacity) == 1
    with EventLog(run.events_file) as log:
        write_epoch(log, 1)
        write_epoch(log, 2)
    wait_for_points(page, "epochs-train_loss", 2)
    page.wait_for_function(f"{opacity} < 0.5")  # behind the line that the epochs make now
    assert page.evaluate(f"{figure('miou')}.layout.yaxis.range") == [0, 1]


def test_the_beginning_of_a_long_training_gets_a_part_of_the_axis(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=3, end=None, epochs=400))
    opened(run)
    wait_for_points(page, MIOU, 3)
    assert page.evaluate(f"{figure('miou')}.layout.xaxis.range[1]") == pytest.approx(50 * 1.015)


def test_the_state_can_say_more_without_moving_a_column(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    run = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    opened(run)
    wait_for_points(page, LOSS, 10)
    heads = "cells => cells.map(cell => Math.round(cell.getBoundingClientRect().right))"
    before = page.locator(".live-chart th").evaluate_all(heads)
    assert max(before) <= 1024 - 20
    with EventLog(run.events_file) as log:
        fields = {"phase": "Reading images", "done": 1200, "total": 3680}
        log.write({"event": "progress", **fields})
    page.get_by_text("Reading images 1,200 of 3,680").wait_for()
    assert page.locator(".live-chart th").evaluate_all(heads) == before


def test_runs_that_cannot_be_compared_are_said_beside_the_charts(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    opened(make_run(dashboard.runs_dir), make_run(dashboard.runs_dir, loss="dice"))
    page.get_by_text("their losses cannot be compared, only their mIoU").wait_for()


def test_one_huge_loss_does_not_flatten_the_others(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=3, end=None))
    opened(run)
    wait_for_points(page, "epochs-val_loss", 3)
    assert page.evaluate(f"{figure('loss')}.layout.yaxis.type") == "linear"
    fields = epoch_fields(4)
    with EventLog(run.events_file) as log:
        log.write({"event": "epoch", **fields, "val": {**fields["val"], "loss": 250.0}})
    page.wait_for_function(f"{figure('loss')}.layout.yaxis.type === 'log'")
    choice = page.get_by_label("Scale of Loss")
    assert choice.locator("option:checked").inner_text() == "Log scale, automatic"
    low, high = page.evaluate(f"{figure('loss')}.layout.yaxis.range")  # exponents of ten
    assert low < -0.2 and high > 2.3
    ticks = page.locator("[data-panel=loss] .ytick text").all_text_contents()
    values = [float(tick) for tick in ticks if tick]  # whole numbers, not 2 and 5 for 20 and 50
    assert values == sorted(values) and len(values) == len(set(values)) > 3
    choice.select_option("linear")
    page.wait_for_function(f"{figure('loss')}.layout.yaxis.type === 'linear'")
    assert page.errors == []


def test_adding_a_run_keeps_the_zoom_and_the_first_runs_color(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    first = make_run(dashboard.runs_dir, epochs_done=6)
    second = alive(make_run(dashboard.runs_dir, epochs_done=4, end=None, seed=1, epochs=40))
    opened(first)
    wait_for_points(page, "epochs-val_loss", 6)
    drag(page, "miou", (100, 50), (250, 120))
    page.get_by_role("button", name="Reset zoom").wait_for()
    page.wait_for_timeout(300)
    zoomed = page.evaluate(VIEW)[1][:2]
    color = page.evaluate(f"{trace('miou', MIOU)}.line.color")
    page.get_by_role("button", name=re.compile(f"Show .*{second.id[-4:]}")).click()
    both = f"{figure('miou')}.data.filter((t) => t.uid.endsWith('--{MIOU}'))"
    page.wait_for_function(f"{both}.length === 2 && {both}[1].x.length === 4")
    assert page.evaluate(VIEW)[1][:2] == zoomed
    colors = page.evaluate(f"{both}.map((t) => t.line.color)")
    assert colors[0] == color != colors[1]
    page.wait_for_url(lambda url: f"runs={first.id},{second.id}" in url.replace("%2C", ","))
    box = page.locator("[data-panel=miou] .nsewdrag").bounding_box()
    page.mouse.dblclick(box["x"] + 50, box["y"] + 50)
    page.wait_for_function(f"{figure('miou')}.layout.yaxis.range[1] === 1")
    assert page.evaluate(f"{figure('loss')}.layout.xaxis.range[1]") == pytest.approx(40 * 1.015)


def test_a_dashboard_killed_and_started_again_goes_on_within_three_seconds(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    opened(run)
    wait_for_points(page, LOSS, 10)
    dashboard.kill()
    with EventLog(run.events_file) as log:
        step(log, 11)
        step(log, 12)
    dashboard.start()
    back = time.monotonic()
    wait_for_points(page, LOSS, 12)
    assert time.monotonic() - back < 3
    page.reload()
    page.wait_for_selector(".live-panel .main-svg")
    wait_for_points(page, LOSS, 12)
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
    page.wait_for_selector(".live-panel .main-svg")
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
