"""Runs: every run with its live state, and what can be done with it."""

from __future__ import annotations

import streamlit as st

from dashboard.runs.actions import POKE, SELECTED, draw_actions, draw_question
from dashboard.runs.details import draw_details
from dashboard.runs.run_table import draw_run_table, opened_row, selected_rows
from dashboard.shared.empty import draw_empty
from dashboard.shared.page_links import go_to
from dashboard.shared.run_store import REFRESH_SECONDS, any_runs, existing_rows, runs_dir
from segengine.results.table import RunRow
from segengine.studies.sweepdir import SweepDir

TABLE, _OPEN = "runs_table", "runs_open"  # keys of the session


@st.fragment
def draw_runs() -> None:
    """The actions, the table, and below it the run that is selected, if it is one.

    The table says when there is news: a page on which nothing happens costs nothing.
    """
    if run_id := st.session_state.pop(_OPEN, None):
        go_to("run", id=run_id)
    selected = selection()
    draw_actions(selected)
    draw_run_table(
        [row.run.id for row in selected],
        key=TABLE,
        poke=st.session_state.get(POKE, 0),
        on_open=remember_opened,
    )
    if len(selected) == 1:
        draw_details(selected[0])


@st.fragment(run_every=REFRESH_SECONDS)
def draw_nothing() -> None:
    """What will be here; the table comes with the first run."""
    if any_runs():
        st.rerun()
    draw_empty("Your runs will be here with their progress and their best mIoU, newest first.")


def selection() -> list[RunRow]:
    """The selected rows that are still there; kept when a person comes back to this page."""
    ids = selected_rows(TABLE)
    if ids is not None:
        st.session_state[SELECTED] = ids
    return existing_rows(st.session_state.get(SELECTED, []))


def remember_opened() -> None:
    """A name in the table was pressed: the run's page follows."""
    st.session_state[_OPEN] = opened_row(TABLE)


with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    st.title("Runs", anchor=False, width="content")
    if SweepDir.all(runs_dir()):
        st.page_link("sweep/page.py", label="Sweeps", query_params={})
if any_runs():
    draw_runs()
    draw_question()
else:
    draw_nothing()
