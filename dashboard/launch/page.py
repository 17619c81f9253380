"""Launch: the form that starts a run."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.launch.encoder_runs import encoder_sources
from dashboard.launch.form import (
    SECTIONS,
    Checked,
    Entries,
    FieldSpec,
    changed_titles,
    check,
    command_line,
    from_run,
    help_of,
    in_sight,
    options_of,
    shown,
    specs,
    to_entries,
    to_values,
)
from dashboard.launch.start_once import Ticket
from dashboard.launch.wording import escaped
from dashboard.shared import selection
from dashboard.shared.run_store import runs_dir
from segengine.config.presets import DEFAULT, PRESETS
from segengine.errors import UserError
from segengine.run.rundir import RunDir

TICKET = "ticket"  # dropped by navigation.py as soon as another page is shown
BASE = "launch_base"  # (sentence, entries): what the form was filled from
CLONED = "launch_cloned"  # the `?clone=` that is in the form already
WIDTHS = (12, 11, 10, 10)  # of the sections: the first two hold the longest names
SIDE_BY_SIDE = ("stem", "upsampling", "strategy")  # choices worth seeing all at once
LONG = ("train_limit", "val_limit", "workers", "val_every")  # titles with no room for a neighbour
PAIRS = (
    "display: grid; align-items: start; gap: 16px 12px; "
    "grid-template-columns: repeat(auto-fill, minmax(max({width}px, 34%), 1fr));"
)
SOURCES = {"imagenet": "ImageNet", "run": "Earlier run", "file": "File"}


def key(entry: str) -> str:
    """The widget key of an entry."""
    return f"launch_{entry}"


def current() -> Entries:
    """What the widgets hold now."""
    names = to_entries(PRESETS[DEFAULT].config())
    return {name: st.session_state[key(name)] for name in names}


def fill(sentence: str, entries: Entries) -> None:
    """Put these entries in the form. Only before its widgets are drawn."""
    st.session_state[BASE] = (sentence, entries)
    for name, entry in entries.items():
        st.session_state[key(name)] = entry


def fill_preset() -> None:
    """A preset was chosen."""
    preset = PRESETS[st.session_state[key("preset")]]
    fill(preset.description, to_entries(preset.config()))
    st.session_state.pop(CLONED, None)
    st.query_params.pop("clone", None)


def fill_clone(run_id: str) -> None:
    """Put an earlier run's settings in the form."""
    try:
        entries = from_run(RunDir.open(runs_dir(), run_id).config())
    except UserError as error:
        st.warning(f"The form could not be filled from that run. {error}")
        return
    fill(f"Settings of {run_id}.", entries)
    st.session_state[key("preset")] = None


def prepare() -> None:
    """Fill the form on the first visit, and from `?clone=<run id>` once."""
    if BASE not in st.session_state:
        st.session_state[key("preset")] = DEFAULT
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
    checked = check(current(), runs_dir())
    if checked.config and not checked.problems:
        ticket.start(checked.config, runs_dir())
    st.session_state[TICKET] = ticket


def show_run(run_id: str) -> None:
    """Bring the person to the run that was started."""
    selection.choose([run_id])
    st.switch_page("curves/page.py")


def draw_base() -> None:
    """The presets, and what was changed since one was chosen."""
    sentence, base = st.session_state[BASE]
    titles = changed_titles(current(), base)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.segmented_control(
            "Preset",
            list(PRESETS),
            key=key("preset"),
            format_func=lambda name: PRESETS[name].label,
            on_change=fill_preset,
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
        if titles:
            st.button("Undo changes", type="tertiary", on_click=fill, args=(sentence, base))
    st.caption(f"{sentence} Changed: {', '.join(titles)}." if titles else sentence)


def draw_fields(checked: Checked, *, main: bool) -> None:
    """The fields in a column for each section."""
    entries = current()
    visible = shown(entries)
    for column, (section, title) in zip(st.columns(WIDTHS), SECTIONS.items(), strict=True):
        if main:
            column.subheader(title)
        grid = column.container(key=f"{'main' if main else 'more'}_{section}")
        for spec in specs():
            here = spec.section == section and in_sight(spec, entries) == main
            if here and spec.name in visible:
                with grid.container(key=f"field_{spec.name}", gap="xxsmall"):
                    draw_field(spec, entries)
                    draw_remark(spec, checked)


def draw_remark(spec: FieldSpec, checked: Checked) -> None:
    """What there is to say of a field's value."""
    if spec.name in checked.problems:
        st.markdown(f":red[:small[{escaped(checked.problems[spec.name])}]]")
    elif spec.name in checked.notes:
        st.caption(escaped(checked.notes[spec.name]))


def draw_field(spec: FieldSpec, entries: Entries) -> None:
    """The widget of one field."""
    about: dict[str, Any] = {"key": key(spec.name), "persist_state": "session"}
    about["help"] = help_of(spec, entries)
    options = options_of(spec, entries)
    if spec.kind == "weights":
        draw_weights(spec)
    elif spec.kind == "switch":
        st.toggle(spec.title, **about)
    elif spec.kind == "several":
        st.multiselect(
            spec.title,
            options,
            format_func=spec.options.__getitem__,
            placeholder="None",
            **about,
        )
    elif spec.kind == "choice" and spec.name in SIDE_BY_SIDE:
        st.segmented_control(
            spec.title,
            options,
            format_func=spec.options.__getitem__,
            required=True,
            **about,
        )
    elif spec.kind == "choice":
        st.selectbox(spec.title, options, format_func=spec.options.__getitem__, **about)
    else:
        st.text_input(spec.title, live=True, **about)


def draw_weights(spec: FieldSpec) -> None:
    """Where the weights come from: ImageNet, an earlier run, or a file."""
    source = st.segmented_control(
        spec.title,
        list(SOURCES),
        key=key("weights_from"),
        format_func=SOURCES.__getitem__,
        required=True,
        help=spec.help,
        persist_state="session",
    )
    if source == "run":
        draw_weights_run()
    elif source == "file":
        st.text_input(
            "Weights file",
            key=key("weights_file"),
            live=True,
            label_visibility="collapsed",
            placeholder="Path of a .pt, .pth or .safetensors file",
            persist_state="session",
        )


def draw_weights_run() -> None:
    """The earlier runs with a checkpoint of this encoder."""
    entries = current()
    found = encoder_sources(to_values(entries))
    chosen = entries["weights_run"]
    st.selectbox(
        "Earlier run",
        list(found) if not chosen or chosen in found else [chosen, *found],
        index=None,
        key=key("weights_run"),
        format_func=lambda run_id: found.get(run_id, run_id),
        label_visibility="collapsed",
        placeholder="Choose a run" if found else "No run to start from yet",
        persist_state="session",
    )
    if chosen in found:  # narrow columns clip it above
        st.caption(escaped(found[chosen]))


def draw_start(checked: Checked, ticket: Ticket) -> None:
    """The button, and what is in its way."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    row.button(
        "Start run",
        key=key("start"),
        type="primary",
        on_click=start,
        args=(ticket,),
        disabled=bool(checked.problems) or bool(ticket.run_id),
    )
    if not checked.problems:
        row.caption(f"{checked.hint}.")
        return
    number = len(checked.problems)
    entries = current()
    names = ", ".join(
        spec.title if in_sight(spec, entries) else f"{spec.title} (under More settings)"
        for spec in specs()
        if spec.name in checked.problems
    )
    row.markdown(f":red[:small[{number} problem{'' if number == 1 else 's'} to solve: {names}.]]")


def draw_command(checked: Checked) -> None:
    """The command line that does the same."""
    if checked.config:
        st.caption("The same from a terminal, in the project folder:")
        st.code(command_line(checked.config, runs_dir()), language=None, wrap_lines=True)


def style(problems: dict[str, str]) -> None:
    """Numbers stand in pairs where there is room; text fields with a problem have red frames."""
    numbers = (s for s in specs() if s.kind in ("integer", "number") and s.name not in LONG)
    others = "".join(f":not(:has(> .st-key-field_{spec.name}))" for spec in numbers)
    frames = [f".st-key-field_{name} [data-testid=stTextInputRootElement]" for name in problems]
    st.html(
        "<style>"
        f"{grids('main')} {{ {PAIRS.format(width=100)} }}"
        f"{grids('more')} {{ {PAIRS.format(width=130)} }}"
        f"{grids('main', 'more')} > {others} {{ grid-column: 1 / -1; }}"
        f"@media (max-width: 1200px) {{ {grids('main')} label p {{ font-size: 12px; }} }}"
        f"{', '.join(frames) or '.none'} {{ border-color: #d94a57; }}"
        "</style>"
    )


def grids(*parts: str) -> str:
    """The selector of the sections' fields in those parts of the form."""
    return f":is({', '.join(f'.st-key-{part}_{name}' for part in parts for name in SECTIONS)})"


def draw() -> None:
    """The page."""
    ticket: Ticket = st.session_state.setdefault(TICKET, Ticket())
    if ticket.run_id:
        show_run(ticket.run_id)
    prepare()
    st.title("Launch")
    with st.spinner("Looking at the data"):  # shown only where that takes a while
        checked = check(current(), runs_dir())
    draw_base()
    style(checked.problems)
    draw_fields(checked, main=True)
    with st.expander("More settings", type="compact"):
        draw_fields(checked, main=False)
    if ticket.problem:
        st.error(escaped(ticket.problem))
        ticket = st.session_state[TICKET] = Ticket()
    draw_start(checked, ticket)
    draw_command(checked)


draw()
