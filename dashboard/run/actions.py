"""The buttons of a run's page: stop, resume, clone, and the pages that show it beside others."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.runs.more_epochs import draw_more_epochs
from dashboard.runs.rows import choices_for
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.formats import escaped
from dashboard.shared.page_links import go_to, show_runs
from segengine import launchers
from segengine.errors import UserError
from segengine.launchers.slim import bytes_of_checkpoints, slim
from segengine.results.amounts import size_text
from segengine.results.table import RunRow
from segengine.run.rundir import RunDir

ANSWER = "run_answer"  # key of the session: why the last action could not be done


def draw_actions(row: RunRow) -> None:
    """The buttons, in a row; those that change the run itself first."""
    run, can = row.run, choices_for([row])
    with st.container(horizontal=True, width="content", key="run_actions"):
        if row.status.active:
            _action_button("Stop", launchers.cancel, run, enabled=bool(can.stop))
            if can.kill:
                _draw_kill(run)
        elif can.resume:
            _action_button("Resume", launchers.submit, run)
        if row.status.state == "finished" and row.config:
            draw_more_epochs([row], lambda action: _apply(action, run), key="run")
            _draw_slim(run)
        if st.button("Clone", help="Fill the form with these settings, to change and start again."):
            go_to("launch", clone=run.id)
        if st.button("Open in Curves"):
            show_runs("curves", [run.id])
        if st.button("Open in Masks"):
            show_runs("masks", [run.id])


def draw_answer(run: RunDir) -> None:
    """Why the last action on this run could not be done; until another one is."""
    run_id, problem = st.session_state.get(ANSWER, ("", ""))
    if problem and run_id == run.id:
        st.error(escaped(problem))


def _draw_kill(run: RunDir) -> None:
    """Behind a question: it has a place of its own."""
    with st.popover("Kill"):
        st.write(
            "The run has not ended since it was asked to stop. Kill it? What was done since the "
            "last checkpoint is lost; what was saved before stays."
        )
        _action_button("Kill now", launchers.cancel, run)


def _draw_slim(run: RunDir) -> None:
    """Let the optimizer's state go, after the sentence that says what that means."""
    size = bytes_of_checkpoints(run)
    with st.popover("Free disk space", disabled=not size):
        st.write(
            f"The checkpoints of this run take {size_text(size)}, most of it for the optimizer's "
            "state. Without it the run still predicts, is evaluated and lends its weights, but it "
            "cannot be trained for more epochs."
        )
        st.button("Let the optimizer's state go", on_click=_apply, args=(slim, run))


def _action_button(
    word: str, action: Callable[[RunDir], None], run: RunDir, *, enabled: bool = True
) -> None:
    st.button(word, on_click=_apply, args=(action, run), disabled=not enabled)


def _apply(action: Callable[[RunDir], object], run: RunDir) -> None:
    try:
        action(run)
    except UserError as error:
        st.session_state[ANSWER] = (run.id, in_browser_words(str(error)))
    else:
        st.session_state.pop(ANSWER, None)
