"""The way from a page to another one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.shared.selection import choose


def go_to(name: str, **params: str) -> None:
    """Open a page within the session, with these parameters in its address."""
    st.switch_page(f"{name}/page.py", query_params=params)


def show_runs(name: str, run_ids: Sequence[str]) -> None:
    """Open a page that shows these runs."""
    choose(run_ids)
    go_to(name)
