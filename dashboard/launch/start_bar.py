"""The bar that stays in sight: Start, what keeps it from working, and what is at work already."""

from __future__ import annotations

import contextlib

import streamlit as st

from dashboard.launch.at_work import known_runs, last_started, what_it_costs
from dashboard.launch.fields import in_sight, specs
from dashboard.launch.form import CheckedForm, command_line, to_config
from dashboard.launch.start_once import TICKET, Ticket
from dashboard.launch.sweep.panel import sweep_now, varied
from dashboard.launch.sweep.varied import CheckedSweep, sweep_command
from dashboard.launch.widgets import current_entries, widget_key
from dashboard.shared.formats import escaped
from dashboard.shared.page_links import show_runs
from dashboard.shared.run_store import REFRESH_SECONDS, runs_dir
from segengine.errors import UserError


def start(ticket: Ticket, runs: int) -> None:
    """The button's callback: start what the form holds at this moment.

    A rerun may interrupt any use of the session, so the start itself uses none: whichever press
    gets there first starts the run, and the last press finds the used ticket and follows.

    Args:
        runs: how many the button said it starts; 0 for one run alone.
    """
    with contextlib.suppress(UserError):  # the form that is drawn next says what is wrong
        if sweep := sweep_now():
            if sweep.total == runs:  # else the form has changed since the button said how many
                ticket.start_sweep(sweep, runs_dir())
        elif not runs:
            ticket.start(to_config(current_entries()), runs_dir())
    st.session_state[TICKET] = ticket


def draw_start_bar(checked: CheckedForm, sweep: CheckedSweep | None, ticket: Ticket) -> None:
    """The button, what keeps it from working, and what is at work."""
    problems = bool(checked.problems) or bool(sweep and not sweep.record)
    with st.container(key="launch_start_bar", gap="xsmall"):
        row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
        row.button(
            _start_word(sweep),
            key=widget_key("start"),
            type="primary",
            on_click=start,
            args=(ticket, sweep.record.total if sweep and sweep.record else 0),
            disabled=problems or bool(ticket.run_id or ticket.sweep_id),
        )
        with row.container(gap=None):
            _draw_readiness(checked, sweep)
        _draw_at_work()


def draw_command(checked: CheckedForm, sweep: CheckedSweep | None) -> None:
    """The command line that does the same."""
    now = varied()
    with st.container(key="launch_command"):
        if checked.config and (sweep is None or sweep.record):
            st.caption("The same from a terminal, in the project folder:")
            command = (
                sweep_command(checked.config, now, runs_dir())
                if now
                else command_line(checked.config, runs_dir())
            )
            st.code(command, language=None, wrap_lines=True)


def _start_word(sweep: CheckedSweep | None) -> str:
    if not sweep:
        return "Start run"
    count = sweep.record.total if sweep.record else 0
    return f"Start {count:,} runs" if count > 1 else "Start the sweep"


def _draw_readiness(checked: CheckedForm, sweep: CheckedSweep | None) -> None:
    """How much there is to learn from, or what has to be done before."""
    wrong = checked.problems.keys() - checked.to_give
    if wrong:
        count = f"{len(wrong)} problem{'' if len(wrong) == 1 else 's'} to solve"
        st.markdown(f":red[:small[{count}: {_titles(wrong)}.]]")
    if checked.to_give:
        st.caption(f"Still to give: {_titles(checked.to_give)}.")
    if not checked.problems:
        st.caption(f"{checked.hint}.")
        if sweep and sweep.problems:
            st.markdown(":red[:small[What is varied has a problem: see Several runs.]]")
        elif sweep:
            st.caption(escaped(" ".join(sweep.cost)))


def _titles(names: set[str] | frozenset[str]) -> str:
    """The fields' titles, in the order of the form; where they are if that is out of sight."""
    entries = current_entries()
    known = {spec.name for spec in specs()}
    titles = [
        spec.title if in_sight(spec, entries) else f"{spec.title} (under More settings)"
        for spec in specs()
        if spec.name in names
    ]
    return ", ".join([*titles, *sorted(name.replace("_", " ") for name in names - known)])


@st.fragment(run_every=REFRESH_SECONDS)
def _draw_at_work() -> None:
    """The run that was started last, and how many are at work."""
    known = known_runs()
    if not known:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(escaped(last_started(known)), width="content")
        if st.button("Show", key=widget_key("show"), type="tertiary"):
            show_runs("curves", [known[0].run.id])
        st.caption(what_it_costs(known), width="content")
