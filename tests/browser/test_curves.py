"""Curves in a real browser: a run grows, and the charts follow without moving anything else."""

from __future__ import annotations

import math
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.shared.run_names import label_of
from segengine.results.runlog import open_log
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from tests.browser.conftest import Dashboard, free_port, stand_still
from tests.made_runs import alive, config_for, epoch_fields, make_run, started_fields, write_epoch

pytestmark = pytest.mark.browser

LOSS, MIOU = "steps-loss", "epochs-val_miou"


def figure(panel: str) -> str:
    """Plotly's figure of a panel, in the browser."""
    return f"document.querySelector('[data-panel=\"{panel}\"] .live-panel__figure')"


def trace(panel: str, curve: str) -> str:
    """The first run's trace of a curve; undefined before it is drawn."""
    return f"{figure(panel)}?.data?.find((t) => t.uid.endsWith('--{curve}'))"


VIEW = f"""() => [{figure("loss")}, {figure("miou")}].map((plot) => [
    plot.layout.xaxis.range, plot.layout.yaxis.range, plot.data.map((t) => t.uid)])"""


@pytest.fixture
def opened(dashboard: Dashboard, page: Any) -> Callable[..., None]:
    """Opens Curves with these runs and waits until it is drawn."""

    def open_curves(*runs: RunDir, more: str = "") -> None:
        page.goto(f"{dashboard.url}/curves?runs={','.join(run.id for run in runs)}{more}")
        page.wait_for_selector(".live-panel .main-svg")
        page.get_by_text("Download CSV").wait_for()

    return open_curves


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
    assert page.evaluate(f"{trace('loss', 'epochs-train_loss')}.x.length") == 0
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


def test_the_pointer_reads_all_runs_at_one_epoch_the_largest_first(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    runs = [make_run(dashboard.runs_dir, seed=seed) for seed in range(3)]
    opened(*runs)
    wait_for_points(page, MIOU, 6)
    page.get_by_role("button", name="Training").click()
    axis = page.evaluate(
        f"(() => {{ const x = {figure('miou')}._fullLayout.xaxis; return x.d2p(4.1); }})()"
    )
    box = page.locator("[data-panel=miou] .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + axis, box["y"] + 40)
    reading = page.locator(".live-reading")
    assert reading.locator("strong").inner_text() == "Epoch 4"
    expected = sorted((scores_of(run)[3] for run in runs), reverse=True)
    values = reading.locator(".live-reading__value").all_inner_texts()
    assert values == [f"{value:.3f}" for value in expected]
    assert page.locator(".live-panel__cursor:visible").count() == 6  # in every panel
    page.mouse.move(5, 5)
    reading.wait_for(state="hidden")


def scores_of(run: RunDir) -> list[float]:
    """The validation mIoU of each epoch."""
    return [event["val"]["miou"] for _, event in sorted(open_log(run.events_file).epochs.items())]


def test_runs_of_one_config_are_one_curve_with_a_band(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    runs = [make_run(dashboard.runs_dir, seed=seed) for seed in range(3)]
    other = make_run(dashboard.runs_dir, seed=5, arch="unet")
    opened(*runs, other)
    wait_for_points(page, MIOU, 6)
    page.locator("summary", has_text="Each run by itself").click()
    page.get_by_text("All runs that differ only in their seed").click()
    group = f"{figure('miou')}?.data?.find((t) => t.uid === 'group0--{MIOU}')"
    page.wait_for_function(f"{group}?.y.length === 6")
    last = [scores_of(run)[-1] for run in runs]
    assert page.evaluate(f"{group}.y[5]") == pytest.approx(statistics.fmean(last), abs=1e-5)
    band = f"{figure('miou')}.data.find((t) => t.uid === 'group0--{MIOU}--band')"
    sd = statistics.stdev(last)
    top, bottom = page.evaluate(f"[{band}.y[5], {band}.y[6]]")
    assert (top - bottom) / 2 == pytest.approx(sd, abs=1e-5)
    page.get_by_label("What the band is").select_option("ci")
    page.wait_for_function(f"{band}.y[5] !== {top}")
    top, bottom = page.evaluate(f"[{band}.y[5], {band}.y[6]]")
    assert (top - bottom) / 2 == pytest.approx(4.303 * sd / math.sqrt(3), abs=1e-5)
    table = page.locator(".live-chart table")
    best = [max(scores_of(run)) for run in runs]
    table.get_by_text("n = 3", exact=True).wait_for()
    words = f"{statistics.fmean(best):.3f} ± {statistics.stdev(best):.3f}"
    table.get_by_text(words, exact=True).wait_for()
    single = f"{figure('miou')}.data.find((t) => t.uid === 'group1--{MIOU}--band').x.length"
    assert page.evaluate(single) == 0  # one run has no band
    assert "group=arch" in page.url and "band=ci" in page.url
    page.locator(".live-chart__name", has_text=label_of(runs[1])).click()  # alone
    page.locator(".live-toolbar").scroll_into_view_if_needed()  # only what is in sight is drawn
    page.wait_for_function(f"{figure('miou')}.data.some((t) => t.uid === '{runs[1].id}--{MIOU}')")
    assert page.evaluate(f"{figure('miou')}.data.length") == 3  # its two curves and its marks
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function(f"{group}?.y.length === 6")
    assert page.errors == []


def test_panels_axis_and_smoothing_are_in_the_address_and_remembered(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=6)
    opened(run, more="&panels=miou,dice&x=step&smooth=0.6")
    wait_for_points(page, MIOU, 6)
    assert page.locator(".live-panel h3").all_inner_texts() == ["mIoU", "Dice (F1)"]
    xs, ys = page.evaluate(f"[{trace('miou', MIOU)}.x, {trace('miou', MIOU)}.y]")
    assert xs == [5.0, 10.0, 15.0, 20.0, 25.0, 30.0]  # 5 steps per epoch
    raw = scores_of(run)
    assert page.evaluate(f"{trace('miou', MIOU + '--raw')}.y") == pytest.approx(raw, abs=1e-5)
    second = (0.6 * 0.4 * raw[0] + 0.4 * raw[1]) / (0.6 * 0.4 + 0.4)
    assert ys[:2] == pytest.approx([raw[0], second], abs=1e-5)
    page.locator("summary", has_text="Panels").click()
    page.get_by_label("Precision").check()
    page.locator("[data-panel=precision]").wait_for()
    assert "panels=miou,dice,precision" in page.url
    page.keyboard.press("Escape")
    page.goto(f"{dashboard.url}/curves?runs={run.id}")
    page.locator("[data-panel=precision] .main-svg").first.wait_for()
    assert page.locator(".live-panel").count() == 3
    assert page.get_by_label("Horizontal axis").input_value() == "step"


def test_a_panel_is_saved_as_csv_svg_and_png(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=2)
    opened(run)
    wait_for_points(page, MIOU, 2)
    saved = {}
    for kind in ("csv", "svg", "png"):
        with page.expect_download() as download:
            page.get_by_label("Save mIoU").select_option(kind)
        saved[kind] = Path(download.value.path()).read_bytes()
        assert download.value.suggested_filename == f"seglab-miou.{kind}"
    lines = saved["csv"].decode().splitlines()
    assert lines[0] == "run,split,epoch,mIoU,n"
    assert lines[3] == f"{label_of(run)},val,1,{scores_of(run)[0]:.6g},"
    assert saved["svg"].startswith(b"<svg") and label_of(run).encode() in saved["svg"]
    assert saved["png"].startswith(b"\x89PNG")


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
    assert all(runs[1].id in names for names in uids) and len(uids) == 3
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
