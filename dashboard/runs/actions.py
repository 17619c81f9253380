"""What can be done with the selected runs: the buttons above the table, and the one question."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.runs.more_epochs import draw_more_epochs
from dashboard.runs.rows import choices_for
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.formats import escaped, with_links
from dashboard.shared.page_links import go_to, show_runs
from dashboard.shared.run_names import row_label, short_name
from dashboard.shared.run_store import existing_rows, look_at_runs, row_of
from dashboard.shared.selection import MASKS_LIMIT
from segengine import launchers
from segengine.errors import UserError
from segengine.results.removal import plan_removal, remove_run
from segengine.results.table import RunRow
from segengine.run.notes import change_notes
from segengine.run.rundir import RunDir

# Keys of the session.
SELECTED, ANSWER, POKE, _DELETE = "runs_selected", "runs_answer", "runs_poke", "runs_delete"
# A toast has room for about 100 letters.
STOPPING = "Asked to stop: {}."
KILLED = "Killed: {}."
ARCHIVED = "Archived: {}. Switch on Archived to see it."
STOP_HELP = "The run finishes its step, saves and ends."
KILL_HELP = "For a run that has not ended 10 seconds after it was asked to stop."


def draw_actions(selected: list[RunRow]) -> None:
    """The buttons: always there, so that nothing jumps; disabled where they make no sense."""
    choices = choices_for(selected)
    ids = [row.run.id for row in selected]
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Stop",
            key="runs_stop",
            disabled=not choices.stop,
            help=STOP_HELP,
            on_click=apply,
            args=(launchers.cancel, choices.stop, STOPPING),
        )
        _draw_kill(choices.kill)
        st.button(
            "Resume",
            disabled=not choices.resume,
            help="Go on from the last checkpoint.",
            on_click=apply,
            args=(launchers.submit, choices.resume, "Started again: {}."),
        )
        runs = [row.run for row in selected]
        draw_more_epochs(selected, lambda action: apply(action, runs, "Goes on: {}."), key="runs")
        _draw_page_buttons(ids)
        _draw_archive(selected)
        if st.button("Delete", disabled=not ids, help="Says first what goes."):
            st.session_state[_DELETE] = ids
            st.rerun()
    _draw_answer(ids)


def draw_question() -> None:
    """The question before a deletion, if one was asked for."""
    if ids := st.session_state.pop(_DELETE, None):
        _ask_before_deleting(ids)


def _draw_kill(runs: list[RunDir]) -> None:
    """The button that kills, behind a question: it has a place of its own and asks once."""
    with st.popover("Kill", key="runs_kill", disabled=not runs, help=KILL_HELP):
        st.write(
            f"Kill {escaped(_names(runs))}? What was done since the last checkpoint is lost; what "
            "was saved before stays."
        )
        st.button("Kill now", on_click=apply, args=(launchers.cancel, runs, KILLED))


def _draw_page_buttons(ids: list[str]) -> None:
    """The buttons that lead to other pages."""
    if st.button("Show curves", disabled=not ids):
        show_runs("curves", ids)
    if st.button("Compare", disabled=len(ids) < 2):
        show_runs("compare", ids)
    too_many = f"Up to {MASKS_LIMIT} runs fit side by side." if len(ids) > MASKS_LIMIT else None
    if st.button("Show masks", disabled=not ids or bool(too_many), help=too_many):
        show_runs("masks", ids)
    if st.button("Clone", disabled=len(ids) != 1, help="Set up a new run with its settings."):
        edit(ids[0])


def _draw_archive(selected: list[RunRow]) -> None:
    """Archive, and Restore beside it, each in a place of its own."""
    archived = [row.run for row in selected if row.notes.get("archived")]
    others = [row.run for row in selected if not row.notes.get("archived")]
    st.button(
        "Archive",
        disabled=not others,
        help="The table leaves it out; nothing is lost.",
        on_click=apply,
        args=(lambda run: change_notes(run, archived=True), others, ARCHIVED),
    )
    st.button(
        "Restore",
        disabled=not archived,
        help="Bring an archived run back.",
        on_click=apply,
        args=(lambda run: change_notes(run, archived=False), archived, "Restored: {}."),
    )


def edit(run_id: str) -> None:
    """Go to the form, filled with that run's settings."""
    go_to("launch", clone=run_id)


@st.dialog("Delete runs")
def _ask_before_deleting(ids: Sequence[str]) -> None:
    """What goes and how many bytes; only then the button."""
    selected = [row.run for row in existing_rows(ids)]
    plan = plan_removal(selected, look_at_runs().rows)
    sentence = plan.sentence or "The selected runs are gone already."
    for run in (*plan.runs, *plan.at_work):
        sentence = sentence.replace(f"Run {run.id}", f"Run {_names([run])}")
    st.write(escaped(sentence))
    with st.container(horizontal=True):
        if st.button("Keep them", key="runs_keep"):
            st.rerun()
        count = f"{len(plan.runs):,} runs" if len(plan.runs) != 1 else "1 run"
        if st.button(f"Delete {count}", key="runs_delete_now", disabled=not plan.runs):
            apply(remove_run, plan.runs, "Deleted: {}.")
            st.rerun()


def _draw_answer(ids: list[str]) -> None:
    """What the last action did, once; why it could not, until other runs are selected."""
    done, problems, selected = st.session_state.get(ANSWER, ("", "", ()))
    if done:
        st.toast(escaped(done), duration="long")
    if problems and set(selected) == set(ids):
        st.error(with_links(problems))
        st.session_state[ANSWER] = ("", problems, selected)
    else:
        st.session_state.pop(ANSWER, None)


def apply(action: Callable[[RunDir], object], runs: Sequence[RunDir], done: str) -> None:
    """Apply an action to runs; note which it was done to and, for others, why it was not.

    Args:
        done: the sentence that says so, with {} where the runs are named.
    """
    done_to, problems = [], []
    for run in runs:
        name = _names([run])
        try:
            action(run)
        except UserError as error:
            problems.append(in_browser_words(str(error)))
        else:
            done_to.append(name)
    selected = list(st.session_state.get(SELECTED, []))
    names = done_to[0] if len(done_to) == 1 else f"{len(done_to):,} runs"
    sentence = done.format(names) if done_to else ""
    st.session_state[ANSWER] = (sentence, " ".join(problems), selected)
    st.session_state[POKE] = st.session_state.get(POKE, 0) + 1


def _names(runs: Sequence[RunDir]) -> str:
    """ "SegFormer-B0 scratch 3fa9", or how many they are."""
    if len(runs) != 1:
        return f"{len(runs):,} runs"
    return row_label(row_of(runs[0])) if runs[0].exists() else short_name(runs[0].id)
