"""Which runs a person looks at: one choice, and one color per run, the same on every page.

The choice lives in the session, so that it goes along from page to page, and in the URL
(`?runs=id,id`), so that it can be shared. A URL that somebody typed or opened wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.shared.colors import RUN_COLORS
from dashboard.shared.run_names import data_of, label_of
from dashboard.shared.run_store import status_of
from dashboard.shared.url import given_param, write_param
from segengine.run.rundir import RunDir

MASKS_LIMIT = 6  # models that fit side by side on the Masks page

# Keys of the session.
_CHOICE = "chosen_runs"  # list of run ids in the order of choice; absent before any choice
_SLOTS = "run_colors"  # run id -> index of its color

_PARAM = "runs"  # of the URL


@dataclass(frozen=True)
class ChosenRun:
    """A run with the color (#rrggbb) and the name it has on every page, and its data in words."""

    run: RunDir
    color: str
    label: str
    data: str


def choose(run_ids: Sequence[str]) -> None:
    """Make these the chosen runs, for instance before switching to a page that shows them."""
    _remember(list(dict.fromkeys(run_ids)))
    st.query_params.pop(_PARAM, None)


@dataclass(frozen=True)
class Choice:
    """What a page shows.

    Attributes:
        shown: the chosen runs that the page has room for, in order.
        remarks: what is to be said of the choice, one sentence each.
    """

    shown: list[ChosenRun]
    remarks: list[str]


def current_choice(runs: list[RunDir], *, limit: int) -> Choice:
    """The chosen runs by the address, the session or a first guess; both then hold this choice.

    Args:
        runs: every run that can be chosen, newest first.
        limit: how many the page can show; of a longer choice the first ones are shown.
    """
    known = {run.id: run for run in runs}
    wanted, unknown = split_known(_wanted(runs), known)
    _remember(wanted)
    write_param(_PARAM, ",".join(wanted))
    remarks = [unknown_sentence(unknown)] if unknown else []
    if len(wanted) > limit:
        remarks.append(
            f"The first {limit} of {len(wanted):,} chosen runs are shown: this page has room for "
            f"{limit}."
        )
    slots = st.session_state[_SLOTS]
    return Choice([_chosen(known[run_id], slots[run_id]) for run_id in wanted[:limit]], remarks)


def pick(run_ids: Sequence[str]) -> None:
    """A person chose these runs, in this order, on the page that is open."""
    picked = list(dict.fromkeys(run_ids))
    _remember(picked)
    write_param(_PARAM, ",".join(picked))


def alone(run: RunDir) -> ChosenRun:
    """One run on a page of its own, in the color that it has on the others; the choice stays."""
    chosen = st.session_state.get(_CHOICE, [])
    slots = assign_slots(st.session_state.get(_SLOTS, {}), [*chosen, run.id])
    st.session_state[_SLOTS] = slots
    return _chosen(run, slots[run.id])


def _chosen(run: RunDir, slot: int) -> ChosenRun:
    return ChosenRun(run, RUN_COLORS[slot % len(RUN_COLORS)], label_of(run), data_of(run))


def assign_slots(slots: dict[str, int], run_ids: Sequence[str]) -> dict[str, int]:
    """Color slots for the chosen runs.

    A run keeps the slot it has; a new one takes the lowest that no chosen run has. Runs that are
    no longer chosen keep theirs in memory until another run takes it.
    """
    kept = {run_id: slots[run_id] for run_id in run_ids if run_id in slots}
    taken = set(kept.values())
    for run_id in run_ids:
        if run_id not in kept:
            kept[run_id] = next(n for n in range(len(taken) + 1) if n not in taken)
            taken.add(kept[run_id])
    resting = {run_id: slot for run_id, slot in slots.items() if slot not in taken}
    return {**resting, **kept}


def split_known(run_ids: Sequence[str], known: dict[str, RunDir]) -> tuple[list[str], list[str]]:
    """(ids of known runs, the other ids), each id once and in order."""
    ids = list(dict.fromkeys(run_ids))
    return [i for i in ids if i in known], [i for i in ids if i not in known]


def unknown_sentence(unknown: Sequence[str]) -> str:
    """What to say of ids in the URL that are no runs of this folder."""
    shown = ["`" + re.sub(r"[`\s]", "", run_id)[:60] + "`" for run_id in unknown[:3]]
    names = ", ".join(shown) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
    verb = "is no run" if len(unknown) == 1 else "are no runs"
    return f"{names} {verb} of this runs folder. Choose among the runs at the left."


def first_choice(runs: list[RunDir]) -> list[str]:
    """What to show while nobody has chosen: the runs at work, else the newest."""
    active = [run.id for run in runs[:20] if status_of(run).active]
    return active[:4] or [run.id for run in runs[:1]]


def _wanted(runs: list[RunDir]) -> list[str]:
    """Run ids by the URL (if it is not what we wrote there), the session, or a first guess."""
    if (given := given_param(_PARAM)) is not None:
        return [run_id for run_id in given.split(",") if run_id]
    if _CHOICE in st.session_state:
        return list(st.session_state[_CHOICE])
    return first_choice(runs)


def _remember(run_ids: list[str]) -> None:
    """Keep the choice and its colors in the session."""
    st.session_state[_CHOICE] = run_ids
    st.session_state[_SLOTS] = assign_slots(st.session_state.get(_SLOTS, {}), run_ids)
