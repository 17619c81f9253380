"""The table of the Runs page: filter, columns, notes in place, archive, delete, selection."""

from __future__ import annotations

from typing import Any

import pytest

from segengine.run.event_log import EventLog
from segengine.run.notes import change_notes
from segengine.run.rundir import RunDir
from tests import made_events
from tests.browser.conftest import Dashboard, watch_errors
from tests.browser.test_runs import button, open_runs, row, select
from tests.made_runs import alive, make_run, write_epoch

pytestmark = pytest.mark.browser


def shown(page: Any) -> list[str]:
    """The ids of the lines, from top to bottom."""
    ids: list[str] = page.locator("tr[data-run]").evaluate_all("r => r.map(x => x.dataset.run)")
    return ids


def type_filter(page: Any, text: str) -> None:
    page.get_by_placeholder("Filter runs").fill(text)


def edit(page: Any, run: RunDir, field: str) -> Any:
    """The open field over a cell of a run's line."""
    row(page, run).hover()
    row(page, run).get_by_label(f"Edit {field} of {run.id}").click()
    return page.locator(f".edits-{field}").locator("input, textarea")


def test_a_filter_of_conditions_finds_errors_are_underlined_and_nothing_can_be_cleared(
    page: Any, dashboard: Dashboard
) -> None:
    unet = make_run(dashboard.runs_dir, arch="unet", base_width=8)
    other = make_run(dashboard.runs_dir)
    change_notes(unet, tags=["baseline"])
    open_runs(page, dashboard)
    type_filter(page, "arch = unet and best_miou > 0.1 and tag = baseline")
    page.get_by_text("1 of 2 runs").wait_for()
    assert shown(page) == [unet.id]
    type_filter(page, "arch = unet and best_mio > 0.1")
    page.get_by_text("There is no field 'best_mio': did you mean best_miou").wait_for()
    assert page.locator(".problem mark").inner_text() == "best_mio"
    assert shown(page) == [unet.id]  # what was found before stays until the filter makes sense
    type_filter(page, "lr > 5")
    page.get_by_text("No run fits this filter").wait_for()
    assert page.locator(".problem").is_hidden()
    button(page, "Clear the filter").click()
    row(page, other).wait_for()
    assert not page.errors


def test_notes_are_edited_in_place_and_two_tabs_lose_nothing(
    chromium: Any, page: Any, dashboard: Dashboard
) -> None:
    run = make_run(dashboard.runs_dir)
    other_tab = watch_errors(chromium.new_page(viewport={"width": 2200, "height": 900}))
    page.set_viewport_size({"width": 2200, "height": 900})
    for tab in (page, other_tab):
        open_runs(tab, dashboard)
    tags, notes = edit(page, run, "tags"), edit(other_tab, run, "tags")
    tags.fill("baseline, week 2")
    tags.press("Enter")
    notes.fill("odd")
    notes.press("Enter")
    for tab in (page, other_tab):
        row(tab, run).get_by_text("odd").wait_for()
        row(tab, run).get_by_text("week 2").wait_for()
    assert sorted(run.notes()["tags"]) == ["baseline", "odd", "week 2"]
    mine, theirs = edit(page, run, "name"), edit(other_tab, run, "name")
    theirs.fill("Their <b>name</b>")
    theirs.press("Enter")
    row(page, run).get_by_text("Their <b>name</b>").wait_for()
    mine.fill("My name")
    mine.press("Enter")
    page.get_by_text("was changed elsewhere meanwhile, to 'Their <b>name</b>'").wait_for()
    assert run.notes()["name"] == "Their <b>name</b>"
    assert mine.input_value() == "My name"  # nothing that was typed is lost
    mine.press("Enter")
    row(other_tab, run).get_by_text("My name").wait_for()
    row(page, run).get_by_label("Star My name").click()
    row(other_tab, run).get_by_text("★").wait_for()
    assert run.notes()["star"] is True
    assert [text for text in (*page.errors, *other_tab.errors) if "409" not in text] == []
    other_tab.close()


def test_escape_leaves_a_note_and_a_refresh_leaves_the_field(
    page: Any, dashboard: Dashboard
) -> None:
    run = make_run(dashboard.runs_dir)
    open_runs(page, dashboard)
    field = edit(page, run, "name")
    field.fill("half typed")
    make_run(dashboard.runs_dir, seed=1)
    page.get_by_text("2 runs").wait_for()
    assert field.input_value() == "half typed"
    field.press("Escape")
    assert page.locator(".editor").count() == 0
    assert run.notes() == {}


def test_damaged_notes_are_said_and_left(page: Any, dashboard: Dashboard) -> None:
    run = make_run(dashboard.runs_dir)
    run.notes_file.write_text("{")
    open_runs(page, dashboard)
    field = edit(page, run, "name")
    field.fill("new")
    field.press("Enter")
    page.get_by_text("They were left as they are").first.wait_for()
    assert run.notes_file.read_text() == "{"


def test_runs_are_deleted_after_a_sentence_and_only_those_not_at_work(
    page: Any, dashboard: Dashboard
) -> None:
    gone, kept = make_run(dashboard.runs_dir), make_run(dashboard.runs_dir, seed=1)
    working = alive(make_run(dashboard.runs_dir, epochs_done=1, end=None))
    child = make_run(dashboard.runs_dir, strategy="pretrained", weights=f"run:{gone.id}")
    open_runs(page, dashboard)
    select(page, gone, working)
    button(page, "Delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("will be deleted for good").wait_for()
    said = dialog.inner_text()
    assert "kB." in said
    assert "1 other run started from it" in said
    assert "is at work and stays" in said
    page.wait_for_timeout(2_500)  # a tick of the page leaves the question open
    button(page, "Keep them").click()
    dialog.wait_for(state="hidden")
    assert gone.path.exists()
    button(page, "Delete").click()
    button(page, "Delete 1 run").click()
    row(page, gone).wait_for(state="hidden")
    assert not gone.path.exists()
    assert sorted(shown(page)) == sorted([kept.id, working.id, child.id])
    page.get_by_text("3 runs, 1 selected").wait_for()
    select(page, working, child)  # the one is let go, the other is readable without its parent
    page.get_by_text("deleted", exact=True).wait_for()
    assert not page.errors


def test_archived_runs_are_hidden_let_go_and_come_back(page: Any, dashboard: Dashboard) -> None:
    old, new = make_run(dashboard.runs_dir), make_run(dashboard.runs_dir, seed=1)
    open_runs(page, dashboard)
    select(page, old, new)
    row(page, new).click()
    page.get_by_text("2 runs, 1 selected").wait_for()
    page.wait_for_timeout(2000)  # the buttons are for what the server knows to be selected
    button(page, "Archive").click()
    row(page, old).wait_for(state="hidden")
    page.get_by_text("Archived (1)").wait_for()
    page.locator("output", has_text="1 run ·").wait_for()  # nothing is selected that is not seen
    page.get_by_label("Archived (1)").check()
    row(page, old).click()
    page.wait_for_timeout(2000)
    page.locator("button:enabled", has_text="Restore").first.click()
    page.get_by_label("Archived", exact=True).uncheck()
    page.get_by_text("2 runs").first.wait_for()
    assert sorted(shown(page)) == sorted([old.id, new.id])


def test_the_selection_survives_refreshes_sorting_and_other_pages(
    page: Any, dashboard: Dashboard
) -> None:
    runs = [make_run(dashboard.runs_dir, seed=seed, epochs_done=seed + 1) for seed in range(3)]
    working = alive(make_run(dashboard.runs_dir, epochs_done=2, end=None))
    open_runs(page, dashboard)
    select(page, runs[0], runs[2])
    page.get_by_text("4 runs, 2 selected").wait_for()
    with EventLog(working.events_file) as log:
        write_epoch(log, 3)
        log.write(made_events.stopped())
    row(page, working).get_by_text("stopped").wait_for(timeout=6_000)
    button(page, "Best mIoU").click()  # the best comes first
    page.locator('th[aria-sort="descending"]').wait_for()
    assert shown(page) == [working.id, runs[2].id, runs[1].id, runs[0].id]
    button(page, "Best mIoU").click()
    page.locator('th[aria-sort="ascending"]').wait_for()
    assert shown(page) == [runs[0].id, runs[1].id, runs[2].id, working.id]
    page.get_by_role("link", name="Guide").click()
    page.get_by_role("link", name="Runs").click()
    page.locator("tr.selected").nth(1).wait_for()
    assert shown(page)[0] == runs[0].id  # the order is remembered
    button(page, "Show curves").click()
    page.wait_for_url(f"**/curves?runs=*{runs[0].id}*")
    assert runs[2].id in page.url and runs[1].id not in page.url


def test_columns_are_chosen_ordered_and_remembered(page: Any, dashboard: Dashboard) -> None:
    make_run(dashboard.runs_dir)
    open_runs(page, dashboard)

    def titles() -> list[str]:
        return [text.strip("↑↓") for text in page.locator("th").all_inner_texts()][5:]

    assert titles() == ["Tags", "Model", "Strategy", "Dataset", "Disk", "Notes"]
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("Strategy", exact=True).uncheck()
    page.get_by_placeholder("Find a column").fill("in valid")
    page.get_by_label("Images in validation", exact=True).check()
    page.locator("th", has_text="Images in validation").wait_for()
    page.get_by_placeholder("Find a column").fill("")
    page.get_by_label("Move Images in validation left").click()
    page.wait_for_function(
        """() => [...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)
             .some(r => [...r.querySelectorAll('th')].at(-1)?.textContent.startsWith('Notes'))"""
    )
    wanted = ["Tags", "Model", "Dataset", "Disk", "Images in validation", "Notes"]
    assert titles() == wanted
    page.reload()
    page.locator("tr[data-run]").first.wait_for()
    assert titles() == wanted
    page.locator("summary", has_text="Columns").click()
    button(page, "Usual columns").click()
    page.locator("th", has_text="Strategy").wait_for()


def test_groups_fold_and_are_remembered(page: Any, dashboard: Dashboard) -> None:
    unet = make_run(dashboard.runs_dir, arch="unet", base_width=8)
    others = [make_run(dashboard.runs_dir, seed=seed) for seed in range(2)]
    open_runs(page, dashboard)
    page.get_by_label("Group by").select_option("arch")
    page.locator("tr.group").nth(1).wait_for()
    heads = page.locator("tr.group").all_inner_texts()
    assert "SegFormer-B0" in heads[0] and "2 runs, best mIoU 0." in heads[0]
    assert shown(page) == [*sorted((run.id for run in others), reverse=True), unet.id]
    page.locator("tr.group button").first.click()
    row(page, others[0]).wait_for(state="hidden")
    assert shown(page) == [unet.id]
    page.reload()
    page.locator("tr.group").first.wait_for()
    assert shown(page) == [unet.id]


def test_of_many_runs_only_those_in_sight_are_drawn_and_all_can_be_reached(
    page: Any, dashboard: Dashboard
) -> None:
    made = [make_run(dashboard.runs_dir, seed=seed, epochs_done=1) for seed in range(150)]
    runs = sorted(made, key=lambda run: run.id)
    open_runs(page, dashboard)
    page.get_by_text("150 runs").wait_for()
    drawn = len(shown(page))
    assert drawn < 80
    scroll = page.locator(".scroll")
    scroll.evaluate("box => { box.scrollTop = box.scrollHeight }")
    row(page, runs[0]).wait_for()
    bottom = row(page, runs[0]).bounding_box()
    frame = scroll.bounding_box()
    assert abs(bottom["y"] + bottom["height"] - frame["y"] - frame["height"]) < 20
    assert len(shown(page)) < 80
    row(page, runs[0]).click()
    scroll.evaluate("box => { box.scrollTop = 0 }")
    row(page, runs[-1]).wait_for()
    row(page, runs[-1]).locator("input[type=checkbox]").click(modifiers=["Shift"])
    page.get_by_text("150 runs, 150 selected").wait_for()
