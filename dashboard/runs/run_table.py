"""The table of runs: rows keep their place and their selection while their cells change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dashboard.runs.rows import Cells

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "seglab_run_table",
    js=(_HERE / "run_table.js").read_text(encoding="utf-8"),
    css=(_HERE / "run_table.css").read_text(encoding="utf-8"),
)


def draw_run_table(
    titles: Sequence[str], rows: Sequence[Cells], selected: Sequence[str], *, key: str
) -> None:
    """Draw the table; the ids of the selected rows stand in `selected_rows(key)`.

    Args:
        titles: the titles of the config columns.
        selected: rows to select when the table is drawn for the first time.
    """
    _component(
        key=key,
        data={"titles": list(titles), "rows": list(rows), "selected": list(selected)},
        on_selected_change=lambda: None,
    )


def selected_rows(key: str) -> list[str] | None:
    """The ids of the rows that a person selected; None before anyone touched the table."""
    found = (st.session_state.get(key) or {}).get("selected")
    return None if found is None else [str(run_id) for run_id in found]
