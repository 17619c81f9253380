"""The part of the form that makes several runs of it: what is varied, and what that costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.launch.fields import FieldSpec, FormEntries, specs
from dashboard.launch.form import CheckedForm, to_config
from dashboard.launch.sweep.varied import (
    METHODS,
    WHOLE,
    CheckedSweep,
    Varied,
    can_be_varied,
    check_sweep,
    first_words,
    halves_words,
    is_chosen,
    options_of,
    planned,
    seeds_words,
    to_plain,
)
from dashboard.launch.widgets import current_entries, widget_key
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.formats import escaped
from dashboard.shared.run_store import look_at_runs, runs_dir
from dashboard.sweep.words import note_words
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.results.amounts import duration_text
from segengine.results.table import settings_of
from segengine.studies import trial
from segengine.studies.estimate import Kind, Pace, kind_of, untimed
from segengine.studies.record import SweepRecord
from segengine.studies.space import SEED

# Keys of the session.
_FIELDS = "launch_sweep_fields"  # names of the varied fields, in order
_PACES = "launch_sweep_paces"  # kind of run -> what a trial measured
_CHECKED = "launch_sweep_checked"  # what the sweep that was checked last depends on, and it
_TRIAL_PROBLEM = "launch_sweep_trial"  # why a trial failed
_ADD = widget_key("sweep_add")
_METHOD = widget_key("sweep_method")
_COUNT = widget_key("sweep_count")
_PRUNE = widget_key("sweep_prune")
_MOST_LISTED = 100  # combinations


def fill_sweep(filled: Varied | None) -> None:
    """Put what is varied in the form. Only before its widgets are drawn."""
    filled = filled or Varied({})
    st.session_state[_FIELDS] = list(filled.fields)
    for name, given in filled.fields.items():
        st.session_state[_key(name)] = given
    st.session_state[_METHOD] = filled.method
    st.session_state[_COUNT] = filled.count
    st.session_state[_PRUNE] = filled.prune


def varied() -> Varied | None:
    """What is varied at this moment; None where the form is for one run."""
    names = _names()
    if not names:
        return None
    state = st.session_state
    fields = {name: state[_key(name)] for name in names}
    return Varied(fields, state[_METHOD], state[_COUNT], state[_PRUNE])


def sweep_now() -> SweepRecord | None:
    """The sweep that the form holds at this moment; None where it is for one run.

    Raises:
        UserError: something keeps it from being one.
    """
    now = varied()
    return planned(to_config(current_entries()), now) if now else None


def draw_sweep(checked: CheckedForm) -> CheckedSweep | None:
    """The buttons that vary a field, a line for each that is, and the runs that come of it."""
    entries = current_entries()
    with st.container(key="launch_sweep", gap="small"):
        _draw_buttons(entries)
        if not (now := varied()):
            return None
        found = _checked(checked.config, now)
        known = {spec.name: spec for spec in specs()}
        for name in now.fields:
            _draw_line(known[name], found)
        _draw_method(now, found)
        _draw_runs(found, checked.config)
    return found


def stop_varying() -> None:
    """The form is for one run again."""
    st.session_state[_FIELDS] = []


def _names() -> list[str]:
    return list(st.session_state.get(_FIELDS, []))


def _key(name: str) -> str:
    return widget_key(f"vary_{name}")


def _checked(base: RunConfig | None, now: Varied) -> CheckedSweep:
    """The sweep; thousands of combinations are not looked at again where nothing has changed."""
    if base is None:
        return CheckedSweep(None)
    look = look_at_runs()
    paces: dict[Kind, Pace] = st.session_state.get(_PACES, {})
    key = (base, to_plain(now), look.version, look.unread, tuple(paces))
    known: tuple[object, CheckedSweep] | None = st.session_state.get(_CHECKED)
    if known and known[0] == key:
        return known[1]
    with st.spinner("Looking at the runs"):  # shown only where that takes a while
        found = check_sweep(base, now, look.rows, runs_dir(), _timed(paces))
    st.session_state[_CHECKED] = key, found
    return found


def _timed(paces: Mapping[Kind, Pace]) -> Callable[[RunConfig], Pace | None]:
    return lambda config: paces.get(kind_of(settings_of(config)))


def _draw_buttons(entries: FormEntries) -> None:
    names = _names()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Several runs**", width="content")
        st.button(
            "3 seeds",
            on_click=_vary,
            args=(SEED, seeds_words(entries, 3)),
            disabled=SEED in names,
            help="Run it with three seeds: one run tells nothing of how much luck there is in it.",
        )
        st.button(
            "Half the learning rate",
            on_click=_vary,
            args=("lr", halves_words(entries)),
            disabled="lr" in names,
            help="Run it with this learning rate, and with half of it.",
        )
        options = {spec.name: spec.title for spec in can_be_varied(entries, names)}
        st.selectbox(
            "Vary another setting",
            list(options),
            index=None,
            format_func=lambda name: options.get(name, name),
            key=_ADD,
            on_change=_vary_chosen,
            placeholder="Vary another setting",
            label_visibility="collapsed",
            width=220,
        )
        if names:
            st.button("One run only", type="tertiary", on_click=stop_varying)


def _vary(name: str, words: str | list[str]) -> None:
    st.session_state[_FIELDS] = [*_names(), name]
    st.session_state[_key(name)] = words


def _vary_chosen() -> None:
    name = st.session_state[_ADD]
    st.session_state[_ADD] = None
    for spec in specs():
        if spec.name == name:
            _vary(name, first_words(spec, current_entries()))


def _forget(name: str) -> None:
    st.session_state[_FIELDS] = [other for other in _names() if other != name]


def _draw_line(spec: FieldSpec, found: CheckedSweep) -> None:
    """A varied field: its title, its values, and how to be rid of it."""
    settings: dict[str, Any] = {
        "key": _key(spec.name),
        "label_visibility": "collapsed",
        "persist_state": "session",
        "width": 360,
    }
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":small[{escaped(spec.title)}]", width=150)
        if is_chosen(spec):
            words = options_of(spec)
            options = list(words)
            st.multiselect(spec.title, options, format_func=words.__getitem__, **settings)
        else:
            st.text_input(spec.title, live=True, placeholder=_example(spec), **settings)
        st.button(
            "Remove",
            key=widget_key(f"vary_without_{spec.name}"),
            type="tertiary",
            on_click=_forget,
            args=(spec.name,),
        )
    if spec.kind == "several":
        st.caption(
            "With spaces between the runs, and commas between what one run has: none hflip "
            f"hflip,crop. There are {', '.join(spec.options)}."
        )
    if problem := found.problems.get(spec.name):
        st.markdown(f":red[:small[{escaped(problem)}]]")


def _example(spec: FieldSpec) -> str:
    if spec.kind == "integer":
        return "1 2 4, or 0..4"
    if spec.kind == "number":
        return "0.001 0.0005, or 1e-4..1e-2 log 5"
    return "values with spaces between them"


def _draw_method(now: Varied, found: CheckedSweep) -> None:
    """Which combinations are run."""
    if tuple(now.fields) == (SEED,) and now.method == "grid":
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(":small[Combinations]", width=150)
        st.segmented_control(
            "Combinations",
            list(METHODS),
            format_func=METHODS.__getitem__,
            key=_METHOD,
            required=True,
            label_visibility="collapsed",
            persist_state="session",
            help="Of ranges, random ones are drawn from within; Optuna (TPE) learns from the runs "
            "before.",
        )
        if now.method != "grid":
            st.text_input(
                "How many",
                key=_COUNT,
                live=True,
                label_visibility="collapsed",
                width=70,
                persist_state="session",
            )
        if now.method == "optuna":
            st.toggle(
                "Stop bad runs early",
                key=_PRUNE,
                persist_state="session",
                help="Stop runs whose validations fall behind the median of the others.",
            )
    if problem := found.problems.get("count"):
        st.markdown(f":red[:small[{escaped(problem)}]]")


def _draw_runs(found: CheckedSweep, base: RunConfig | None) -> None:
    """What keeps the sweep from starting, else which runs it has and how to time them."""
    if problem := found.problems.get(WHOLE):
        st.markdown(f":red[:small[{escaped(problem)}]]")
    if found.record is None:
        if base is None:
            st.caption("Solve the problems of the form first: they are those of every run.")
        return
    if found.untimed:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            wanted = st.button("Time a few steps", key=widget_key("sweep_trial"))
            st.caption("No run of this kind is finished here: a trial tells how long one takes.")
        if wanted:
            _time(found.record)
    if problem := st.session_state.get(_TRIAL_PROBLEM):
        st.markdown(f":red[:small[{escaped(problem)}]]")
    for note in found.record.notes:
        st.caption(escaped(note_words(note)))
    if found.record.runs:
        _draw_combinations([in_browser_words(planned.text) for planned in found.record.runs])


def _draw_combinations(texts: Sequence[str]) -> None:
    with st.expander(f"{len(texts):,} run{'' if len(texts) == 1 else 's'}", type="compact"):
        lines = [f"{n:>4}  {text}" for n, text in enumerate(texts[:_MOST_LISTED], 1)]
        more = [f"and {len(texts) - len(lines):,} more"] if len(texts) > len(lines) else []
        st.text("\n".join([*lines, *more]))


def _time(record: SweepRecord) -> None:
    """Run a few steps of each kind that never ran here; what a person does meanwhile ends it."""
    paces: dict[Kind, Pace] = st.session_state.setdefault(_PACES, {})
    st.session_state.pop(_TRIAL_PROBLEM, None)
    left = [
        config
        for config in untimed(record, look_at_runs().rows)
        if kind_of(settings_of(config)) not in paces
    ]
    place, begun, number = st.empty(), time.monotonic(), 0

    def tell() -> None:
        place.caption(
            f"Timing {number} of {len(left)}: {trial.STEPS} steps and a validation, "
            f"{duration_text(time.monotonic() - begun)} so far."
        )

    try:
        for config in left:
            number += 1
            paces[kind_of(settings_of(config))] = trial.measure(config, runs_dir(), tell)
    except UserError as error:
        st.session_state[_TRIAL_PROBLEM] = str(error)
    place.empty()
    st.rerun()
