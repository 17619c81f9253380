"""The widgets of the launch form, one per field, with what there is to say beside it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.launch.encoder_runs import encoder_sources
from dashboard.launch.fields import FieldSpec, FormEntries, help_of, options_of
from dashboard.launch.form import CheckedForm, followers, to_entries, to_values
from dashboard.launch.wording import one_line_per_class
from dashboard.shared.formats import escaped
from segengine.config.presets import DEFAULT, PRESETS
from segengine.datasets.formats.class_table import CLASSES_FILE
from segengine.errors import UserError
from segengine.files import write_new_text
from segengine.files.typed_paths import typed_path

_NOT_WRITTEN = "launch_classes_problem"  # key of the session
SIDE_BY_SIDE = ("stem", "upsampling", "strategy")  # choices worth seeing all at once
WEIGHT_SOURCES = {"imagenet": "ImageNet", "run": "Earlier run", "file": "File"}


def widget_key(entry: str) -> str:
    """The widget key of an entry."""
    return f"launch_{entry}"


def current_entries() -> FormEntries:
    """What the widgets hold now."""
    names = to_entries(PRESETS[DEFAULT].config())
    return {name: st.session_state[widget_key(name)] for name in names}


def draw_remark(spec: FieldSpec, checked: CheckedForm) -> None:
    """What there is to say of a field's value."""
    if spec.name in checked.to_give:
        st.caption(escaped(checked.problems[spec.name]))
    elif spec.name in checked.problems:
        st.markdown(f":red[:small[{escaped(checked.problems[spec.name])}]]")
    elif spec.name in checked.notes:
        st.caption(escaped(checked.notes[spec.name]))
    if spec.name == "root" and checked.classes_json:
        draw_classes_file(checked.classes_json)


def draw_classes_file(text: str) -> None:
    """What a classes.json may hold, and the button that writes it."""
    st.button(f"Write {CLASSES_FILE}", on_click=write_classes_file, args=(text,))
    if problem := st.session_state.pop(_NOT_WRITTEN, ""):
        st.markdown(f":red[:small[{escaped(problem)}]]")
    st.code(one_line_per_class(text), language="json", wrap_lines=True)


def write_classes_file(text: str) -> None:
    """The button's callback: write the file into the dataset's folder, over no other."""
    try:
        root = typed_path(st.session_state[widget_key("root")].strip(), "root")
        write_new_text(root / CLASSES_FILE, text)
    except UserError as error:
        st.session_state[_NOT_WRITTEN] = str(error)


def draw_field(spec: FieldSpec, entries: FormEntries) -> None:
    """The widget of one field."""
    settings: dict[str, Any] = {
        "key": widget_key(spec.name),
        "help": help_of(spec, entries),
        "persist_state": "session",
    }
    if spec.options:
        settings |= {"options": options_of(spec, entries), "format_func": spec.options.__getitem__}
    if spec.kind == "weights":
        draw_weights(spec, entries)
    elif spec.kind == "switch":
        st.toggle(spec.title, **settings)
    elif spec.kind == "several":
        st.multiselect(spec.title, placeholder="None", **settings)
    elif spec.kind == "choice" and spec.name in SIDE_BY_SIDE:
        st.segmented_control(spec.title, required=True, **settings)
    elif spec.kind == "choice":
        st.selectbox(spec.title, on_change=follow_choice, args=(spec.name,), **settings)
    else:
        st.text_input(spec.title, live=True, **settings)


def follow_choice(name: str) -> None:
    """A choice was made that decides other fields' defaults: they show those of the new one."""
    for follower, entry in followers(current_entries(), name).items():
        st.session_state[widget_key(follower)] = entry


def draw_weights(spec: FieldSpec, entries: FormEntries) -> None:
    """Where the weights come from: ImageNet, an earlier run, or a file."""
    source = st.segmented_control(
        spec.title,
        list(WEIGHT_SOURCES),
        key=widget_key("weights_from"),
        format_func=WEIGHT_SOURCES.__getitem__,
        required=True,
        help=spec.help,
        persist_state="session",
    )
    if source == "run":
        draw_weights_run(entries)
    elif source == "file":
        st.text_input(
            "Weights file",
            key=widget_key("weights_file"),
            live=True,
            label_visibility="collapsed",
            placeholder="Path of a .pt, .pth or .safetensors file",
            persist_state="session",
        )


def draw_weights_run(entries: FormEntries) -> None:
    """The earlier runs with a checkpoint of this encoder."""
    labels = encoder_sources(to_values(entries))
    chosen = entries["weights_run"]
    st.selectbox(
        "Earlier run",
        list(labels) if not chosen or chosen in labels else [chosen, *labels],
        index=None,
        key=widget_key("weights_run"),
        format_func=lambda run_id: labels.get(run_id, run_id),
        label_visibility="collapsed",
        placeholder="Choose a run" if labels else "No run to start from yet",
        persist_state="session",
    )
    if chosen in labels:  # narrow columns clip it above
        st.caption(escaped(labels[chosen]))
