"""The table of runs: the browser asks for its lines itself, so that no page is drawn for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.shared.component import load_component

_component = load_component(__file__, "run_table_bar.js", "run_table_rows.js", "run_table_edit.js")


def draw_run_table(
    selected: Sequence[str], *, key: str, poke: int, on_open: Callable[[], None]
) -> None:
    """Draw the table; `selected_rows(key)` then gives the ids of the selected rows.

    What it is drawn in is drawn anew where the selection changes, and where there is news while
    any is selected: while nothing happens, nothing is drawn.

    Args:
        selected: rows to select when the table is drawn for the first time.
        poke: another number where something was done that the table shall show at once.
        on_open: called when a name was pressed; `opened_row(key)` says whose.
    """
    _component(
        key=key,
        data={"selected": list(selected), "poke": poke},
        on_selected_change=lambda: None,
        on_opened_change=on_open,
        on_news_change=lambda: None,
    )


def selected_rows(key: str) -> list[str] | None:
    """The ids of the rows that a person selected; None before anyone touched the table."""
    selected = (st.session_state.get(key) or {}).get("selected")
    return None if selected is None else [str(run_id) for run_id in selected]


def opened_row(key: str) -> str | None:
    """The id of the run whose name was pressed just now."""
    opened = (st.session_state.get(key) or {}).get("opened")
    return None if opened is None else str(opened)
