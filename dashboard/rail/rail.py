"""The rail: all runs at the left of a page, to choose which of them it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.shared.component import load_component
from dashboard.shared.formats import escaped
from dashboard.shared.rail_state import rail_state
from dashboard.shared.run_names import creation_time, row_label, sweep_name
from dashboard.shared.run_store import row_of
from dashboard.shared.selection import ChosenRun, current_choice, pick
from segengine.results.table import RunRow
from segengine.run.rundir import RunDir

MOST_LISTED = 200  # runs, the chosen ones and then the newest

_KEY = "run_rail"
_STYLE = Path(__file__).with_name("layout.css")
_component = load_component(__file__)


def draw_beside_rail(
    title: str, runs: list[RunDir], *, limit: int
) -> tuple[list[ChosenRun], DeltaGenerator]:
    """Draw the rail with the page's title; return the chosen runs, and the place beside it.

    Args:
        runs: every run that can be chosen, newest first.
        limit: how many the page can show at once.
    """
    st.html(_STYLE)
    choice = current_choice(runs, limit=limit)
    with st.container(horizontal=True, gap="medium", key="beside_rail"):
        rail = st.container(key="rail")
        main = st.container(key="main")
    with rail:
        st.title(title, anchor=False)
        _component(
            key=_KEY,
            data={"runs": _lines(runs, choice.shown), "limit": limit, "total": len(runs)},
            on_chosen_change=_picked,
        )
    for remark in choice.remarks:
        main.warning(escaped(remark))
    return choice.shown, main


def listed(
    runs: Sequence[RunDir], chosen: Sequence[RunDir], most: int = MOST_LISTED
) -> list[RunDir]:
    """The runs that the rail holds: the chosen ones in their order, then the newest others."""
    first = set(chosen)
    others = [run for run in runs if run not in first]
    return [*chosen, *others[: max(0, most - len(chosen))]]


def _lines(runs: Sequence[RunDir], shown: Sequence[ChosenRun]) -> list[dict[str, str | bool]]:
    color = {choice.run.id: choice.color for choice in shown}
    return [
        {
            "id": run.id,
            "label": row_label(row),
            "when": creation_time(run.id),
            "dot": color.get(run.id, ""),
            "sweep": _sweep(row),
            **asdict(rail_state(row)),
        }
        for run in listed(runs, [choice.run for choice in shown])
        for row in [row_of(run)]
    ]


def _sweep(row: RunRow) -> str:
    return sweep_name(row.sweep["sweep"]) if row.sweep else ""


def _picked() -> None:
    pick([str(run_id) for run_id in (st.session_state[_KEY].chosen or [])])
