"""Pages that other pages lead to, known here so that a link appears with its page."""

from __future__ import annotations

import streamlit as st

from dashboard.server.documents import PAGES


def has_page(name: str) -> bool:
    """Whether there is a page of that name, such as "compare" or "run"."""
    return name in PAGES


def go_to(name: str, **params: str) -> None:
    """Open a page within the session, with these parameters in its address."""
    st.switch_page(f"{name}/page.py", query_params=params)
