"""A page without anything to show yet: what will be here, and the button that fills it."""

from __future__ import annotations

import streamlit as st


def draw_empty(sentence: str) -> None:
    """Say what will be here, and offer to set up a run."""
    st.write(sentence)
    if st.button("Set up a run", type="primary"):
        st.switch_page("launch/page.py")
