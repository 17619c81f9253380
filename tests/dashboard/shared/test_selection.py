"""The choice of runs: one choice and one color per run, in the session and in the URL."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.shared.colors import RUN_COLORS
from dashboard.shared.selection import assign_slots, first_choice, unknown_sentence
from segengine.run.rundir import RunDir
from tests.made_runs import alive, make_run


def page() -> None:
    """A page that shows up to two chosen runs."""
    import streamlit as st

    from dashboard.shared.run_store import all_runs
    from dashboard.shared.selection import current_choice, pick

    def picked() -> None:
        pick([run_id for run_id in st.session_state["picked"].split(",") if run_id])

    st.text_input("Picked", key="picked", on_change=picked)
    choice = current_choice(all_runs(), limit=2)
    for chosen in choice.shown:
        st.text(f"{chosen.run.id}|{chosen.color}|{chosen.label}")
    for remark in choice.remarks:
        st.warning(remark)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunDir]:
    """Three finished runs, newest first."""
    monkeypatch.setenv("SEGLAB_RUNS", str(tmp_path))
    for seed in range(3):
        make_run(tmp_path, epochs_done=1, seed=seed)
    return RunDir.all(tmp_path)


def shown(app: AppTest) -> list[tuple[str, str]]:
    """(run id, color) of the runs on the page."""
    assert not app.exception
    return [(text.value.split("|")[0], text.value.split("|")[1]) for text in app.text]


def test_the_url_says_which_runs_are_shown_and_in_which_colors(runs: list[RunDir]) -> None:
    app = AppTest.from_function(page)
    app.query_params["runs"] = f"{runs[2].id},{runs[0].id}"
    app.run()
    assert shown(app) == [(runs[2].id, RUN_COLORS[0]), (runs[0].id, RUN_COLORS[1])]


def test_choosing_goes_into_the_url_and_removing_a_run_recolors_nobody(runs: list[RunDir]) -> None:
    app = AppTest.from_function(page)
    app.query_params["runs"] = f"{runs[0].id},{runs[1].id}"
    app.run()
    app.text_input[0].set_value(runs[1].id).run()
    assert shown(app) == [(runs[1].id, RUN_COLORS[1])]
    assert app.query_params["runs"] == runs[1].id
    app.text_input[0].set_value(f"{runs[1].id},{runs[2].id}").run()
    assert shown(app) == [(runs[1].id, RUN_COLORS[1]), (runs[2].id, RUN_COLORS[0])]


def test_an_address_that_lags_behind_does_not_undo_a_choice(runs: list[RunDir]) -> None:
    """While a page is drawn, the browser may still tell an earlier address of ours."""
    app = AppTest.from_function(page)
    app.query_params["runs"] = f"{runs[0].id},{runs[1].id}"
    app.run()
    app.text_input[0].set_value(runs[1].id).run()
    app.text_input[0].set_value(runs[2].id)
    app.query_params["runs"] = f"{runs[0].id},{runs[1].id}"
    app.run()
    assert [run_id for run_id, _ in shown(app)] == [runs[2].id]


def test_an_emptied_choice_stays_empty(runs: list[RunDir]) -> None:
    app = AppTest.from_function(page).run()
    assert len(shown(app)) == 1
    app.text_input[0].set_value(",").run()
    assert shown(app) == []
    app.run()
    assert shown(app) == []


def test_unknown_ids_in_the_url_give_a_sentence_and_the_rest_is_shown(runs: list[RunDir]) -> None:
    app = AppTest.from_function(page)
    app.query_params["runs"] = f"../../etc,{runs[0].id}"
    app.run()
    assert shown(app) == [(runs[0].id, RUN_COLORS[0])]
    assert "`../../etc` is no run" in app.warning[0].value


def test_more_runs_than_the_page_has_room_for_are_said_and_kept(runs: list[RunDir]) -> None:
    app = AppTest.from_function(page)
    app.query_params["runs"] = ",".join(run.id for run in runs)
    app.run()
    assert [run_id for run_id, _ in shown(app)] == [runs[0].id, runs[1].id]
    assert "first 2 of 3" in app.warning[0].value
    assert app.query_params["runs"] == ",".join(run.id for run in runs)


def test_at_first_the_runs_at_work_are_shown_else_the_newest(
    runs: list[RunDir], tmp_path: Path
) -> None:
    assert first_choice(runs) == [runs[0].id]
    working = alive(make_run(tmp_path, epochs_done=1, end=None, seed=7))
    assert first_choice(RunDir.all(tmp_path)) == [working.id]
    assert first_choice([]) == []


def test_a_run_is_called_by_its_name_where_it_has_one(runs: list[RunDir]) -> None:
    runs[0].notes_file.write_text('{"name": "baseline"}')
    app = AppTest.from_function(page)
    app.query_params["runs"] = f"{runs[0].id},{runs[1].id}"
    app.run()
    assert app.text[0].value.endswith("|baseline")
    assert app.text[1].value.endswith(f"|SegFormer-B0 scratch {runs[1].id[-4:]}")


def test_colors_are_kept_and_the_lowest_free_one_is_given() -> None:
    slots = assign_slots({}, ["a", "b", "c"])
    assert slots == {"a": 0, "b": 1, "c": 2}
    slots = assign_slots(slots, ["a", "c"])
    assert (slots["a"], slots["c"]) == (0, 2)
    slots = assign_slots(slots, ["a", "c", "d"])
    assert (slots["a"], slots["c"], slots["d"]) == (0, 2, 1)
    assert assign_slots(slots, ["a", "c", "d", "b"])["b"] == 3


def test_ids_from_the_url_cannot_write_markup() -> None:
    text = unknown_sentence(["a`<b>`c\n# d", *"efg"])
    assert text.startswith("`a<b>c#d`, `e`, `f` and 1 more are no runs")
