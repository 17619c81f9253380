"""Launch: the form that starts a run."""

from __future__ import annotations

import streamlit as st

from dashboard.launch.fields import SECTION_TITLES, in_sight, specs, visible_fields
from dashboard.launch.filling import draft, fill_at_first, fill_preset, source, undo_changes
from dashboard.launch.form import CheckedForm, changed_titles, check_form
from dashboard.launch.memory import draw_memory
from dashboard.launch.start_bar import draw_command, draw_start_bar
from dashboard.launch.start_once import TICKET, Ticket
from dashboard.launch.style import style
from dashboard.launch.sweep.panel import draw_sweep, stop_varying
from dashboard.launch.widgets import current_entries, draw_field, draw_remark, widget_key
from dashboard.shared.formats import escaped
from dashboard.shared.page_links import go_to, show_runs
from dashboard.shared.run_store import runs_dir
from segengine.config.presets import PRESETS

WIDTHS = (12, 11, 10, 10)  # of the sections: the first two hold the longest names


def draw_base() -> None:
    """The presets, and what was changed since one was chosen."""
    base = source()
    titles = changed_titles(current_entries(), base.entries)
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
            st.button("Undo changes", type="tertiary", on_click=undo_changes)
    changed = f" Changed: {', '.join(titles)}." if titles else ""
    st.caption(f"{base.sentence}{changed}")


def draw_fields(checked: CheckedForm, *, main: bool) -> None:
    """The fields in a column for each section."""
    entries = current_entries()
    visible = visible_fields(entries)
    for column, (section, title) in zip(st.columns(WIDTHS), SECTION_TITLES.items(), strict=True):
        if main:
            column.subheader(title, anchor=False)
        grid = column.container(key=f"{'main' if main else 'more'}_{section}")
        for spec in specs():
            in_grid = spec.section == section and in_sight(spec, entries) == main
            if in_grid and spec.name in visible:
                with grid.container(key=f"field_{spec.name}", gap="xxsmall"):
                    draw_field(spec, entries)
                    draw_remark(spec, checked)


def draw_form(checked: CheckedForm) -> None:
    """Presets and fields."""
    draw_base()
    background = st.get_option(f"theme.{st.context.theme.type or 'light'}.backgroundColor")
    st.html(style(checked.problems.keys() - checked.to_give, background=background or "#ffffff"))
    draw_fields(checked, main=True)
    with st.expander("More settings", type="compact"):
        draw_fields(checked, main=False)


def draw_page() -> None:
    """The whole page."""
    ticket: Ticket = st.session_state.setdefault(TICKET, Ticket())
    if ticket.run_id:
        show_runs("curves", [ticket.run_id])
    if ticket.sweep_id:
        stop_varying()
        go_to("sweep", id=ticket.sweep_id)
    fill_at_first()
    draw_memory(draft())  # before the data are looked at: what was typed is kept at once
    st.title("Launch", anchor=False)
    with st.spinner("Looking at the data"):  # shown only where that takes a while
        checked = check_form(current_entries(), runs_dir())
    with st.container(key="launch_body"):
        with st.container(key="launch_form"):
            draw_form(checked)
            sweep = draw_sweep(checked)
            if ticket.problem:
                st.error(escaped(ticket.problem))
                ticket = st.session_state[TICKET] = Ticket()
        draw_start_bar(checked, sweep, ticket)
        draw_command(checked, sweep)


draw_page()
