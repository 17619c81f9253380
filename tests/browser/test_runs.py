"""The Runs page as a person uses it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from segengine.launchers import local
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from tests import made_events
from tests.browser.conftest import Dashboard, stand_still
from tests.made_runs import alive, config_for, epoch_fields, make_run, write_epoch

pytestmark = pytest.mark.browser


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for a trainer, deaf to SIGTERM like one in the middle of a step."""
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}; time.sleep(60)"], stdout=subprocess.PIPE
    )
    assert process.stdout
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def open_runs(page: Any, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}/runs")
    page.locator("tr[data-run]").first.wait_for()


def row(page: Any, run: RunDir) -> Any:
    return page.locator(f'tr[data-run="{run.id}"]')


def select(page: Any, *runs: RunDir) -> None:
    for run in runs:
        row(page, run).click()


def wait_for_state(page: Any, run: RunDir, state: str) -> None:
    page.locator(f'tr[data-run="{run.id}"][data-state="{state}"]').wait_for(timeout=6_000)


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def test_every_state_has_its_word_and_its_shape(page: Any, dashboard: Dashboard) -> None:
    runs = {
        "running": alive(make_run(dashboard.runs_dir, epochs_done=2, end=None)),
        "waiting": RunDir.create(dashboard.runs_dir, config_for()),
        "starting": alive(RunDir.create(dashboard.runs_dir, config_for())),
        "finished": make_run(dashboard.runs_dir),
        "stopped": make_run(dashboard.runs_dir, epochs_done=2, end="run_stopped"),
        "failed": make_run(dashboard.runs_dir, epochs_done=2, end="run_failed"),
        "crashed": make_run(dashboard.runs_dir, epochs_done=2, end=None),
    }
    open_runs(page, dashboard)
    shapes = set()
    for state, run in runs.items():
        assert row(page, run).get_attribute("data-state") == state
        assert state in row(page, run).inner_text()
        shapes.add(row(page, run).locator(".shape").inner_text())
    assert len(shapes) == len(runs)
    ids = page.locator("tr[data-run]").evaluate_all("rows => rows.map(r => r.dataset.run)")
    assert ids == sorted(ids, reverse=True)
    assert not page.errors


def test_progress_moves_and_the_selection_stays(page: Any, dashboard: Dashboard) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    open_runs(page, dashboard)
    assert "epoch 2 of 6" in row(page, run).inner_text()
    select(page, run)
    with EventLog(run.events_file) as log:
        write_epoch(log, 3)
    make_run(dashboard.runs_dir)  # a newer run comes in above it
    row(page, run).get_by_text("epoch 3 of 6").wait_for(timeout=6_000)
    page.locator("tr[data-run]").nth(1).wait_for()
    assert page.locator("tr.selected").evaluate_all("rows => rows.map(r => r.dataset.run)") == [
        run.id
    ]


def test_a_killed_trainer_shows_as_crashed_with_the_end_of_its_output(
    page: Any, dashboard: Dashboard, sleeper: subprocess.Popen[bytes]
) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=2, end=None)
    run.output_file.write_text("epoch 2/6\nRuntimeError: out of memory\n")
    run.write_job("local", local.handle_of(sleeper.pid))
    open_runs(page, dashboard)
    wait_for_state(page, run, "running")
    select(page, run)
    sleeper.kill()
    sleeper.wait()
    wait_for_state(page, run, "crashed")
    page.get_by_text("RuntimeError: out of memory").wait_for()
    assert button(page, "Stop").is_disabled()
    assert button(page, "Resume").is_enabled()


def test_a_new_dashboard_knows_every_state_within_three_seconds(
    page: Any, dashboard: Dashboard
) -> None:
    running = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    crashed = make_run(dashboard.runs_dir, epochs_done=2, end=None)
    open_runs(page, dashboard)
    dashboard.kill()
    dashboard.start()
    started = time.monotonic()
    open_runs(page, dashboard)
    wait_for_state(page, running, "running")
    wait_for_state(page, crashed, "crashed")
    assert time.monotonic() - started < 3.0


def test_stop_never_kills_and_kill_asks_once(
    page: Any, dashboard: Dashboard, sleeper: subprocess.Popen[bytes]
) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=2, end=None)
    run.write_job("local", local.handle_of(sleeper.pid))
    open_runs(page, dashboard)
    select(page, run)
    assert button(page, "Kill").is_disabled()
    place = button(page, "Stop").bounding_box()
    button(page, "Stop").click()
    page.get_by_text("Asked to stop").wait_for()
    row(page, run).get_by_text("Stopping since").wait_for(timeout=6_000)
    assert button(page, "Stop").is_disabled()  # a second press has nothing to do
    assert button(page, "Stop").bounding_box() == place
    assert sleeper.poll() is None
    request = json.loads(run.request_file.read_text())
    run.request_file.write_text(json.dumps({**request, "time": request["time"] - 11}))
    button(page, "Kill").click()
    page.get_by_text("What was done since the last checkpoint is lost").wait_for()
    page.wait_for_timeout(2_500)  # a tick of the page leaves the question open
    assert sleeper.poll() is None
    button(page, "Kill now").click()
    wait_for_state(page, run, "stopped")
    assert sleeper.wait(timeout=5) == -9


def test_a_failed_run_says_why_and_shows_its_settings(page: Any, dashboard: Dashboard) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=2, end="run_failed", lr=3e-4)
    open_runs(page, dashboard)
    select(page, run)
    page.get_by_role("alert").get_by_text("Loss became NaN at step 17.").wait_for()
    page.locator(".seglab-facts").nth(1).wait_for()
    text = page.locator(".seglab-facts").all_inner_texts()
    assert str(run.path) in text[0]
    assert "3,714,915" in text[0]
    assert "Learning rate" in text[1]
    assert "0.0003" in text[1]


def test_a_run_that_failed_for_its_data_lists_every_file(page: Any, dashboard: Dashboard) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=0, end=None)
    problems = ["/data/a_*b*.jpg is missing.", "/data/c.png has 7 in it."]
    with EventLog(run.events_file) as log:
        log.write(
            {"event": "run_failed", "error": "See below.", "problems": problems, "traceback": ""}
        )
    open_runs(page, dashboard)
    select(page, run)
    for problem in problems:
        page.get_by_text(problem, exact=True).wait_for()
    assert page.get_by_role("alert").get_by_text("See below.").count() == 0


def test_a_failed_runs_sentence_is_in_sight_and_leads_back_to_the_form(
    page: Any, dashboard: Dashboard
) -> None:
    for _ in range(12):  # a list longer than the window
        make_run(dashboard.runs_dir, epochs_done=1)
    run = make_run(dashboard.runs_dir, epochs_done=0, end=None, lr=3e-4)
    sentence = "No weights: get them at https://example.org/a_b.pt and choose a smaller batch_size."
    with EventLog(run.events_file) as log:
        log.write({"event": "run_failed", "error": sentence, "traceback": ""})
    open_runs(page, dashboard)
    select(page, run)
    alert = page.get_by_role("alert")
    alert.get_by_text("choose a smaller batch size").wait_for()
    assert alert.get_by_role("link").get_attribute("href") == "https://example.org/a_b.pt"
    again = button(page, "Edit and start again")
    box = again.bounding_box()
    assert box["y"] + box["height"] <= 900
    again.click()
    page.get_by_text(f"Settings of {run.id}").wait_for()
    rate = page.get_by_role("textbox", name="Learning rate").element_handle()
    page.wait_for_function("field => field.value === '0.0003'", arg=rate)


def test_no_column_moves_when_a_state_says_more(page: Any, dashboard: Dashboard) -> None:
    run = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    make_run(dashboard.runs_dir, epochs_done=2)
    open_runs(page, dashboard)
    lefts = "cells => cells.map(cell => Math.round(cell.getBoundingClientRect().left))"
    before = page.locator("th").evaluate_all(lefts)
    with EventLog(run.events_file) as log:
        fields = {"phase": "Reading images", "done": 1200, "total": 3680}
        log.write({"event": "progress", **fields})
    row(page, run).get_by_text("Reading images 1,200 of 3,680").wait_for(timeout=6_000)
    assert page.locator("th").evaluate_all(lefts) == before
    with EventLog(run.events_file) as log:
        log.write({"event": "run_failed", "error": "A sentence. " * 9, "traceback": ""})
    wait_for_state(page, run, "failed")
    assert page.locator("th").evaluate_all(lefts) == before


def test_on_a_phone_progress_and_best_miou_are_in_sight(page: Any, dashboard: Dashboard) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=2, end="run_stopped", arch="fcn_resnet50")
    page.set_viewport_size({"width": 390, "height": 844})
    open_runs(page, dashboard)
    for part in (".run", ".progress", ".best", ".status"):
        box = row(page, run).locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
        assert box["y"] + box["height"] <= 844
    assert "epoch 2 of 6" in row(page, run).inner_text()
    select(page, run)
    page.get_by_text("1 run, 1 selected").wait_for()


@pytest.mark.parametrize("width", [390, 1024])
def test_what_a_score_is_over_leaves_the_score_and_the_name_in_sight(
    page: Any, dashboard: Dashboard, width: int
) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=2, end=None, arch="fcn_resnet50")
    test = {**epoch_fields(2)["val"], "images": 3669}
    with EventLog(run.events_file) as log:
        log.write(made_events.finished(best_epoch=2, test=test))
    page.set_viewport_size({"width": width, "height": 844})
    open_runs(page, dashboard)
    assert f"test {test['miou']:.3f}" in row(page, run).inner_text()
    stand_still(page)
    name, created, best, over = (
        row(page, run)
        .locator(f"{part} span")
        .nth(index)
        .evaluate(
            """element => {
                const text = document.createRange();
                text.selectNodeContents(element);
                return text.getBoundingClientRect().toJSON();
            }"""
        )
        for part in (".run", ".best")
        for index in (0, 1)
    )
    table = page.locator(".scroll").bounding_box()
    for text in (best, over):
        assert text["right"] <= table["x"] + table["width"]
        assert text["left"] > max(name["right"], created["right"])


def test_selected_runs_go_to_curves_masks_and_launch(page: Any, dashboard: Dashboard) -> None:
    runs = [make_run(dashboard.runs_dir) for _ in range(3)]
    open_runs(page, dashboard)
    assert button(page, "Show curves").is_disabled()
    select(page, runs[0], runs[2])
    page.locator("button:disabled", has_text="Clone").first.wait_for()
    button(page, "Show masks").click()
    page.wait_for_url("**/masks?**")
    chosen = parse_qs(urlparse(page.url).query)["runs"][0].split(",")
    assert sorted(chosen) == sorted([runs[0].id, runs[2].id])
    page.get_by_role("link", name="Runs").click()
    page.locator("tr.selected").nth(1).wait_for()
    assert page.locator("tr.selected").count() == 2
    row(page, runs[2]).click()
    button(page, "Clone").click()
    page.wait_for_url(lambda url: urlparse(url).path in ("/", "/launch"))


def test_the_filter_hides_other_runs_and_deselects_them(page: Any, dashboard: Dashboard) -> None:
    fcn = make_run(dashboard.runs_dir, arch="fcn_resnet50")
    segformer = make_run(dashboard.runs_dir)
    open_runs(page, dashboard)
    select(page, fcn, segformer)
    page.get_by_placeholder("Filter runs").fill("FCN finished")
    row(page, segformer).wait_for(state="hidden")
    assert row(page, fcn).is_visible()
    page.get_by_text("1 of 2 runs, 1 selected").wait_for()
    page.wait_for_timeout(2_500)  # a tick of the page must not bring the others back
    assert row(page, segformer).is_hidden()


def test_synthetic_data_is_labeled(page: Any, dashboard: Dashboard) -> None:
    run = make_run(dashboard.runs_dir, dataset="sample_pets")
    open_runs(page, dashboard)
    assert "synthetic sample" in row(page, run).inner_text()


def test_an_empty_page_leads_to_launch(page: Any, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}/runs")
    page.get_by_text("Your runs will be here").wait_for()
    button(page, "Set up a run").click()
    page.wait_for_url(lambda url: urlparse(url).path in ("/", "/launch"))


def test_resume_that_cannot_work_is_one_sentence(
    page: Any, dashboard: Dashboard, tmp_path: Path
) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=2, end="run_stopped")
    open_runs(page, dashboard)
    select(page, run)
    button(page, "Resume").wait_for()
    run.output_file.mkdir()  # nothing can be written where the output should go
    button(page, "Resume").click()
    page.get_by_text(f"{run.output_file} cannot be written").wait_for()
    assert page.get_by_text("Traceback").count() == 0
