"""The table of runs: rows keep their place and their selection while their cells change."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.runs.rows import Column, TableLine
from dashboard.shared.component import load_component

_component = load_component(__file__)


def draw_run_table(
    columns: Sequence[Column], rows: Sequence[TableLine], selected: Sequence[str], *, key: str
) -> None:
    """Draw the table; `selected_rows(key)` then gives the ids of the selected rows.

    Args:
        columns: the config columns.
        selected: rows to select when the table is drawn for the first time.
    """
    _component(
        key=key,
        data={"columns": list(columns), "rows": list(rows), "selected": list(selected)},
        on_selected_change=lambda: None,
    )


def selected_rows(key: str) -> list[str] | None:
    """The ids of the rows that a person selected; None before anyone touched the table."""
    selected = (st.session_state.get(key) or {}).get("selected")
    return None if selected is None else [str(run_id) for run_id in selected]
