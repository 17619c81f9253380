"""What can be done with a sweep: stop, go on, show its runs, and run its best settings again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.launch.start_once import TICKET, Ticket
from dashboard.launch.wording import in_page_words
from dashboard.shared.formats import escaped
from dashboard.shared.page_links import go_to, show_runs
from dashboard.shared.run_store import existing_rows, look_at_runs, runs_dir
from dashboard.shared.selection import MASKS_LIMIT
from dashboard.sweep.words import note_words
from segengine.errors import UserError
from segengine.results.table import RunRow
from segengine.studies import control
from segengine.studies.best_of import plan_best_of
from segengine.studies.estimate import estimate
from segengine.studies.outcomes import Outcome
from segengine.studies.record import SweepRecord
from segengine.studies.state import SweepStatus
from segengine.studies.sweepdir import SweepDir

ANSWER = "sweep_answer"  # key of the session: why the last action could not be done


def draw_actions(sweep: SweepDir, status: SweepStatus, ids: Sequence[str]) -> None:
    """The buttons, in a row; those that change the sweep first.

    Args:
        ids: of its runs whose folders are there, best first.
    """
    with st.container(horizontal=True, width="content", key="sweep_actions"):
        if status.active:
            want = sweep.want()
            word = "Stopping" if want == "stop" else "Stop"
            help_ = "Its run at work saves and stops, too."
            _action(word, control.stop_sweep, sweep, help_, enabled=want != "stop")
            word = "Stopping after this run" if want == "no_more" else "Stop after this run"
            help_ = "The run at work may finish; no other is started."
            _action(word, _stop_after_run, sweep, help_, enabled=want == "go")
        elif status.state in ("stopped", "lost", "planned"):
            _action("Continue", _continue, sweep, "No run is started twice.")
        if not status.active and status.not_finished:
            _action(
                "Try the others again",
                lambda one: _continue(one, retry=True),
                sweep,
                "Resume the runs that failed, crashed or were stopped.",
            )
        if st.button("Open in Curves", disabled=not ids):
            show_runs("curves", ids)
        if st.button("Compare", disabled=len(ids) < 2):
            show_runs("compare", ids)
        if st.button("Open the best in Masks", disabled=not ids):
            show_runs("masks", ids[:MASKS_LIMIT])
    sweep_id, problem = st.session_state.get(ANSWER, ("", ""))
    if problem and sweep_id == sweep.id:
        st.error(escaped(problem))


def rows_of(record: SweepRecord) -> list[RunRow]:
    """The rows of a sweep's runs that are there."""
    return existing_rows([planned.run for planned in record.runs if planned.run])


def best_first(found: Sequence[Outcome]) -> list[str]:
    """The ids of the begun runs, best mIoU first, then those without one."""
    begun = [run for run in found if run.run_id and run.state not in ("refused", "deleted")]
    return [run.run_id for run in sorted(begun, key=lambda run: -(run.best_miou or -1.0))]


@st.fragment
def draw_again(sweep: SweepDir) -> None:
    """The best settings again, with seeds that did not choose them."""
    ticket: Ticket = st.session_state.setdefault(TICKET, Ticket())
    if ticket.sweep_id:
        st.session_state.pop(TICKET)
        go_to("sweep", id=ticket.sweep_id)
    st.subheader("The best again", anchor=False)
    st.caption(
        "Who is best of many was lucky, too: its score is too high. Run the best settings again "
        "with seeds that did not choose them, and judge by those runs alone."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        top = int(st.number_input("Best settings", 1, 50, 3, width=140))
        seeds = int(st.number_input("Seeds each", 1, 50, 5, width=140))
        try:
            record = plan_best_of(sweep, rows_of(sweep.record()), top=top, seeds=seeds)
        except UserError as error:
            st.caption(escaped(in_page_words(str(error))))
            return
        st.button(
            f"Start {record.total:,} run{'' if record.total == 1 else 's'}",
            type="primary",
            on_click=ticket.start_sweep,
            args=(record, runs_dir()),
        )
    cost = estimate(record, look_at_runs().rows, runs_dir()).sentences()
    st.caption(escaped(" ".join(map(in_page_words, cost))))
    for note in record.notes:
        st.caption(escaped(note_words(note)))
    if ticket.problem:
        st.error(escaped(ticket.problem))
        st.session_state[TICKET] = Ticket()


def _continue(sweep: SweepDir, *, retry: bool = False) -> None:
    control.prepare_to_continue(sweep, retry=retry)
    control.start_coordinator(sweep)


def _stop_after_run(sweep: SweepDir) -> None:
    control.stop_sweep(sweep, current_run=False)


def _action(
    word: str,
    action: Callable[[SweepDir], None],
    sweep: SweepDir,
    hint: str,
    *,
    enabled: bool = True,
) -> None:
    st.button(word, on_click=_apply, args=(action, sweep), help=hint, disabled=not enabled)


def _apply(action: Callable[[SweepDir], None], sweep: SweepDir) -> None:
    st.session_state.pop(ANSWER, None)
    try:
        action(sweep)
    except UserError as error:
        st.session_state[ANSWER] = (sweep.id, in_page_words(str(error)))
