"""Reading curves: the pointer, groups of seeds, panels, and what is saved of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.shared.run_names import label_of
from segengine.results.runlog import open_log
from segengine.run.rundir import RunDir
from tests.browser.conftest import Dashboard
from tests.browser.curves_page import MIOU, figure, trace, wait_for_points
from tests.made_runs import make_run

pytestmark = pytest.mark.browser


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


def test_one_run_has_its_best_epoch_also_where_groups_were_chosen_before(
    dashboard: Dashboard, page: Any, opened: Callable[..., None]
) -> None:
    runs = [make_run(dashboard.runs_dir, seed=seed) for seed in range(2)]
    opened(*runs, more="&group=arch")
    page.get_by_label("What the band is").wait_for()
    page.goto(f"{dashboard.url}/run?id={runs[0].id}")
    page.wait_for_function(
        f"{figure('miou')}?.data?.some((one) => one.uid.startsWith('{runs[0].id}'))"
    )
    assert page.get_by_label("What the band is").is_hidden()
