"""Runs: every run with its live state, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.runs.rows import choices_for, read_rows, table_data
from dashboard.runs.run_table import draw_run_table, selected_rows
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.empty import draw_empty
from dashboard.shared.fact_table import draw_fact_table
from dashboard.shared.formats import escaped, with_links
from dashboard.shared.run_names import short_name
from dashboard.shared.run_store import REFRESH_SECONDS, log_of
from dashboard.shared.selection import MASKS_LIMIT, choose
from segengine import launchers
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.results.status import tail
from segengine.results.table import RunRow, changes, facts
from segengine.run.rundir import RunDir

TABLE, SELECTED, ANSWER = "runs_table", "runs_selected", "runs_answer"  # keys of the session
# A toast has room for about 100 letters.
STOPPING = "Asked to stop: {}."
KILLED = "Killed: {}."
STOP_HELP = "The run finishes its step, saves and ends."
KILL_HELP = "For a run that has not ended 10 seconds after it was asked to stop."


@st.fragment(run_every=REFRESH_SECONDS)
def draw_runs() -> None:
    """The table with its actions; drawn anew every REFRESH_SECONDS."""
    rows = read_rows()
    if not rows:
        draw_empty("Your runs will be here with their progress and their best mIoU, newest first.")
        return
    columns, lines = table_data(rows)
    selected = _selection(rows)
    _draw_actions(selected)
    draw_run_table(columns, lines, [row.run.id for row in selected], key=TABLE)
    if len(selected) == 1:
        _draw_details(selected[0])


def _selection(rows: Sequence[RunRow]) -> list[RunRow]:
    """The selected rows that are still there; kept when a person comes back to this page."""
    ids = selected_rows(TABLE)
    if ids is not None:
        st.session_state[SELECTED] = ids
    wanted = st.session_state.get(SELECTED, [])
    return [row for row in rows if row.run.id in wanted]


def _draw_actions(selected: list[RunRow]) -> None:
    """The buttons: always there, so that nothing jumps; disabled where they make no sense."""
    choices = choices_for(selected)
    ids = [row.run.id for row in selected]
    with st.container(horizontal=True):
        st.button(
            "Stop",
            key="runs_stop",
            disabled=not choices.stop,
            help=STOP_HELP,
            on_click=_apply,
            args=(launchers.cancel, choices.stop, STOPPING),
        )
        _draw_kill(choices.kill)
        st.button(
            "Resume",
            disabled=not choices.resume,
            help="Go on from the last checkpoint.",
            on_click=_apply,
            args=(launchers.submit, choices.resume, "Started again: {}."),
        )
        _draw_page_buttons(ids)
    _draw_answer(ids)


def _draw_kill(runs: list[RunDir]) -> None:
    """The button that kills, behind a question: it has a place of its own and asks once."""
    with st.popover("Kill", key="runs_kill", disabled=not runs, help=KILL_HELP):
        st.write(
            f"Kill {_names(runs)}? What was done since the last checkpoint is lost; what was saved "
            "before stays."
        )
        st.button("Kill now", on_click=_apply, args=(launchers.cancel, runs, KILLED))


def _draw_page_buttons(ids: list[str]) -> None:
    """The buttons that lead to other pages."""
    if st.button("Show curves", disabled=not ids):
        choose(ids)
        st.switch_page("curves/page.py")
    too_many = f"Up to {MASKS_LIMIT} runs fit side by side." if len(ids) > MASKS_LIMIT else None
    if st.button("Show masks", disabled=not ids or bool(too_many), help=too_many):
        choose(ids)
        st.switch_page("masks/page.py")
    if st.button("Clone", disabled=len(ids) != 1, help="Set up a new run with its settings."):
        _edit(ids[0])


def _edit(run_id: str) -> None:
    """Go to the form, filled with that run's settings."""
    st.switch_page("launch/page.py", query_params={"clone": run_id})


def _draw_answer(ids: list[str]) -> None:
    """What the last action did, once; why it could not, until other runs are selected."""
    done, problems, selected = st.session_state.get(ANSWER, ("", "", ()))
    if done:
        st.toast(done, duration="long")
    if problems and set(selected) == set(ids):
        st.error(with_links(problems))
        st.session_state[ANSWER] = ("", problems, selected)
    else:
        st.session_state.pop(ANSWER, None)


def _apply(action: Callable[[RunDir], None], runs: Sequence[RunDir], done: str) -> None:
    """Apply an action to runs; note which it was done to and, for others, why it was not.

    Args:
        done: the sentence that says so, with {} where the runs are named.
    """
    done_to, problems = [], []
    for run in runs:
        try:
            action(run)
        except UserError as error:
            problems.append(in_browser_words(str(error)))
        else:
            done_to.append(run)
    selected = list(st.session_state.get(SELECTED, []))
    sentence = done.format(_names(done_to)) if done_to else ""
    st.session_state[ANSWER] = (sentence, " ".join(problems), selected)


def _names(runs: Sequence[RunDir]) -> str:
    """ "SegFormer-B0 scratch 3fa9", or how many they are."""
    return short_name(runs[0].id) if len(runs) == 1 else f"{len(runs)} runs"


def _draw_details(row: RunRow) -> None:
    """One run: how it ended, what it started from, which settings are not at their default."""
    st.subheader(short_name(row.run.id), anchor=False)
    _draw_ending(row)
    left, right = st.columns(2, gap="large")
    with left:
        told = [("Id", row.run.id), *facts(row.run, log_of(row.run))]
        rows = [(title, in_browser_words(value)) for title, value in told]
        draw_fact_table(rows, ["At the start", ""])
    with right:
        if row.config is None:
            st.warning("The settings of this run cannot be read.")
        else:
            draw_fact_table(_changed_settings(row.config), ["Setting", "Here", "Default"])


def _changed_settings(config: RunConfig) -> list[tuple[str, str, str]]:
    """(title, value, default) of each setting that is not at its default."""
    return [(title, in_browser_words(value), default) for title, value, default in changes(config)]


def _draw_ending(row: RunRow) -> None:
    """Why the run is not at work any more, in the run's own words, and what to do about it."""
    state, message = row.status.state, row.status.message
    if state == "failed":
        sentences = row.status.problems or [message]
        st.error("\n\n".join(with_links(in_browser_words(sentence)) for sentence in sentences))
    elif state == "crashed":
        output = tail(row.run.output_file)
        st.error(
            "The process ended before its log did. Resume goes on from its last checkpoint. "
            f"{'The end of its output:' if output else escaped(message)}"
        )
        if output:
            st.code(output, language=None)
    elif state == "unresponsive":
        st.warning(
            "The process is there, but its log has not moved for over five minutes. Stop it and "
            "resume it if that does not change."
        )
    elif message and state != "unreadable":
        st.caption(escaped(message))
    if row.problem:
        st.warning(escaped(row.problem))
    if state in ("failed", "crashed") and st.button("Edit and start again", type="primary"):
        _edit(row.run.id)


st.title("Runs", anchor=False)
draw_runs()
