"""What the form is filled from: a preset, an earlier run, or what the browser remembers.

A filled form is a starting point: the page names what was changed since, and takes it back.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.launch.fields import FormEntries
from dashboard.launch.form import from_run, to_entries
from dashboard.launch.memory import Draft, draft_of, remembered
from dashboard.launch.sweep.panel import fill_sweep, varied
from dashboard.launch.widgets import current_entries, widget_key
from dashboard.shared.formats import escaped
from dashboard.shared.run_store import runs_dir
from segengine.config.presets import DEFAULT, PRESETS
from segengine.errors import UserError
from segengine.run.rundir import RunDir

# Keys of the session.
_SOURCE = "launch_source"
_CLONED = "launch_cloned"  # the `?clone=` that is in the form already
_PRESET = widget_key("preset")


@dataclass(frozen=True)
class Source:
    """Where the form's entries came from.

    Attributes:
        name: the preset's name, or the run's id.
        sentence: what to say of it.
        entries: the form as it was filled.
    """

    name: str
    sentence: str
    entries: FormEntries

    @property
    def is_preset(self) -> bool:
        return self.name in PRESETS


def source() -> Source:
    """Where the form came from. A preset has nothing to say of the dataset's folder."""
    filled: Source = st.session_state[_SOURCE]
    if not filled.is_preset:
        return filled
    here = {"root": st.session_state[widget_key("root")]}
    return Source(filled.name, filled.sentence, {**filled.entries, **here})


def draft() -> Draft:
    """The form as the browser shall remember it."""
    name = st.session_state[_SOURCE].name
    preset, run = (name, "") if name in PRESETS else ("", name)
    return draft_of(preset, run, current_entries(), varied())


def fill_at_first() -> None:
    """Fill the form when a session begins, and from `?clone=<run id>` where that is asked for."""
    if _SOURCE not in st.session_state:
        _fill_from_memory(remembered() or Draft(DEFAULT, ""))
    clone = st.query_params.get("clone")
    if clone and clone != st.session_state.get(_CLONED) and (found := _of_run(clone)):
        _fill(found, found.entries)
    st.session_state[_CLONED] = clone


def fill_preset() -> None:
    """A preset was chosen."""
    chosen = _of_preset(st.session_state[_PRESET])
    _fill(chosen, {**chosen.entries, "root": st.session_state[widget_key("root")]})


def undo_changes() -> None:
    """Back to what the form was filled with."""
    filled = source()
    _fill(filled, filled.entries)


def _fill_from_memory(memory: Draft) -> None:
    found = _of_preset(memory.preset) if memory.preset else _of_run(memory.run)
    _fill(found or _of_preset(DEFAULT), memory.entries())
    fill_sweep(memory.varied)


def _fill(filled: Source, entries: FormEntries) -> None:
    """Put these entries in the form. Only before its widgets are drawn."""
    st.session_state[_SOURCE] = filled
    st.session_state[_PRESET] = filled.name if filled.is_preset else None
    for name, entry in entries.items():
        st.session_state[widget_key(name)] = entry


def _of_preset(name: str) -> Source:
    return Source(name, PRESETS[name].description, to_entries(PRESETS[name].config()))


def _of_run(run_id: str) -> Source | None:
    """The settings of an earlier run; None, and a sentence, where they cannot be had."""
    try:
        entries = from_run(RunDir.open(runs_dir(), run_id).config())
    except UserError as error:
        st.warning(f"The form could not be filled from that run. {escaped(str(error))}")
        return None
    return Source(run_id, f"Settings of {run_id}.", entries)
