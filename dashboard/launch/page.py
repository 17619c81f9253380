"""Launch: the form that starts a run."""

from __future__ import annotations

import contextlib

import streamlit as st

from dashboard.launch.fields import SECTION_TITLES, FormEntries, in_sight, specs, visible_fields
from dashboard.launch.form import (
    CheckedForm,
    changed_titles,
    check_form,
    command_line,
    from_run,
    to_config,
    to_entries,
)
from dashboard.launch.start_once import TICKET, Ticket
from dashboard.launch.widgets import current_entries, draw_field, draw_remark, widget_key
from dashboard.shared import selection
from dashboard.shared.formats import escaped
from dashboard.shared.run_store import runs_dir
from segengine.config import InvalidConfig
from segengine.config.presets import DEFAULT, PRESETS
from segengine.errors import UserError
from segengine.run.rundir import RunDir

# Keys of the session.
BASE = "launch_base"  # (sentence, entries): what the form was filled from
CLONED = "launch_cloned"  # the `?clone=` that is in the form already

WIDTHS = (12, 11, 10, 10)  # of the sections: the first two hold the longest names
SHORT_TITLE = 17  # letters at most, beside which a neighbor has room
PAIRS = (
    "display: grid; align-items: start; gap: 16px 12px; "
    "grid-template-columns: repeat(auto-fill, minmax(max({width}px, 34%), 1fr));"
)


def fill(sentence: str, entries: FormEntries) -> None:
    """Put these entries in the form. Only before its widgets are drawn."""
    st.session_state[BASE] = (sentence, entries)
    for name, entry in entries.items():
        st.session_state[widget_key(name)] = entry


def fill_preset() -> None:
    """A preset was chosen."""
    preset = PRESETS[st.session_state[widget_key("preset")]]
    fill(preset.description, to_entries(preset.config()))
    st.session_state.pop(CLONED, None)
    st.query_params.pop("clone", None)


def fill_clone(run_id: str) -> None:
    """Put an earlier run's settings in the form."""
    try:
        entries = from_run(RunDir.open(runs_dir(), run_id).config())
    except UserError as error:
        st.warning(f"The form could not be filled from that run. {escaped(str(error))}")
        return
    fill(f"Settings of {run_id}.", entries)
    st.session_state[widget_key("preset")] = None


def fill_at_first() -> None:
    """Fill the form on the first visit, and from `?clone=<run id>` once."""
    if BASE not in st.session_state:
        st.session_state[widget_key("preset")] = DEFAULT
        fill(PRESETS[DEFAULT].description, to_entries(PRESETS[DEFAULT].config()))
    clone = st.query_params.get("clone")
    if clone and clone != st.session_state.get(CLONED):
        st.session_state[CLONED] = clone
        fill_clone(clone)


def start(ticket: Ticket) -> None:
    """The button's callback: start what the form holds at this moment.

    A rerun may interrupt any use of the session, so the start itself uses none: whichever press
    gets there first starts the run, and the last press finds the used ticket and follows.
    """
    with contextlib.suppress(InvalidConfig):  # the form that is drawn next says what is wrong
        ticket.start(to_config(current_entries()), runs_dir())
    st.session_state[TICKET] = ticket


def show_run(run_id: str) -> None:
    """Show the run that was started, on the Curves page."""
    selection.choose([run_id])
    st.switch_page("curves/page.py")


def draw_base() -> None:
    """The presets, and what was changed since one was chosen."""
    sentence, base = st.session_state[BASE]
    titles = changed_titles(current_entries(), base)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.segmented_control(
            "Preset",
            list(PRESETS),
            key=widget_key("preset"),
            format_func=lambda name: PRESETS[name].label,
            on_change=fill_preset,
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
        if titles:
            st.button("Undo changes", type="tertiary", on_click=fill, args=(sentence, base))
    st.caption(f"{sentence} Changed: {', '.join(titles)}." if titles else sentence)


def draw_fields(checked: CheckedForm, *, main: bool) -> None:
    """The fields in a column for each section."""
    entries = current_entries()
    visible = visible_fields(entries)
    for column, (section, title) in zip(st.columns(WIDTHS), SECTION_TITLES.items(), strict=True):
        if main:
            column.subheader(title)
        grid = column.container(key=f"{'main' if main else 'more'}_{section}")
        for spec in specs():
            in_grid = spec.section == section and in_sight(spec, entries) == main
            if in_grid and spec.name in visible:
                with grid.container(key=f"field_{spec.name}", gap="xxsmall"):
                    draw_field(spec, entries)
                    draw_remark(spec, checked)


def draw_start(checked: CheckedForm, ticket: Ticket) -> None:
    """The button, and what keeps it from working."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    row.button(
        "Start run",
        key=widget_key("start"),
        type="primary",
        on_click=start,
        args=(ticket,),
        disabled=bool(checked.problems) or bool(ticket.run_id),
    )
    if not checked.problems:
        row.caption(f"{checked.hint}.")
        return
    count = len(checked.problems)
    entries = current_entries()
    names = ", ".join(
        spec.title if in_sight(spec, entries) else f"{spec.title} (under More settings)"
        for spec in specs()
        if spec.name in checked.problems
    )
    row.markdown(f":red[:small[{count} problem{'' if count == 1 else 's'} to solve: {names}.]]")


def draw_command(checked: CheckedForm) -> None:
    """The command line that does the same."""
    if checked.config:
        st.caption("The same from a terminal, in the project folder:")
        st.code(command_line(checked.config, runs_dir()), language=None, wrap_lines=True)


def draw_style(problems: dict[str, str]) -> None:
    """Numbers with short titles stand in pairs; text fields with a problem have red frames."""
    numbers = (spec for spec in specs() if spec.kind in ("integer", "number"))
    pairs = (spec.name for spec in numbers if len(spec.title) <= SHORT_TITLE)
    others = "".join(f":not(:has(> .st-key-field_{name}))" for name in pairs)
    frames = [f".st-key-field_{name} [data-testid=stTextInputRootElement]" for name in problems]
    st.html(
        "<style>"
        f"{grid_selector('main')} {{ {PAIRS.format(width=100)} }}"
        f"{grid_selector('more')} {{ {PAIRS.format(width=130)} }}"
        f"{grid_selector('main', 'more')} > {others} {{ grid-column: 1 / -1; }}"
        f"@media (max-width: 1200px) {{ {grid_selector('main')} label p {{ font-size: 12px; }} }}"
        f"{', '.join(frames) or '.none'} {{ border-color: #d94a57; }}"
        "</style>"
    )


def grid_selector(*parts: str) -> str:
    """The selector of the sections' fields in those parts of the form."""
    return (
        f":is({', '.join(f'.st-key-{part}_{name}' for part in parts for name in SECTION_TITLES)})"
    )


def draw_page() -> None:
    """The whole page."""
    ticket: Ticket = st.session_state.setdefault(TICKET, Ticket())
    if ticket.run_id:
        show_run(ticket.run_id)
    fill_at_first()
    st.title("Launch")
    with st.spinner("Looking at the data"):  # shown only where that takes a while
        checked = check_form(current_entries(), runs_dir())
    draw_base()
    draw_style(checked.problems)
    draw_fields(checked, main=True)
    with st.expander("More settings", type="compact"):
        draw_fields(checked, main=False)
    if ticket.problem:
        st.error(escaped(ticket.problem))
        ticket = st.session_state[TICKET] = Ticket()
    draw_start(checked, ticket)
    draw_command(checked)


draw_page()
