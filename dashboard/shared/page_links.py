"""The way from a page to another one."""

from __future__ import annotations

import streamlit as st


def go_to(name: str, **params: str) -> None:
    """Open a page within the session, with these parameters in its address."""
    st.switch_page(f"{name}/page.py", query_params=params)
