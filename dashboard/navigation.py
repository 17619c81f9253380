"""The navigation: the list of pages, drawn around whichever of them is open."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.launch.start_once import TICKET
from dashboard.server import folder_lock

PAGES = [
    st.Page("launch/page.py", title="Launch", url_path="launch"),
    st.Page("runs/page.py", title="Runs", url_path="runs"),
    st.Page("curves/page.py", title="Curves", url_path="curves"),
    st.Page("masks/page.py", title="Masks", url_path="masks"),
    st.Page("guide/page.py", title="Guide", url_path="guide"),
]
ASSETS = Path(__file__).resolve().parents[1] / "assets"
STYLE = Path(__file__).with_name("navigation.css")


def home() -> None:
    """What the bare address shows. The default page of a navigation has no path of its own."""
    st.switch_page(PAGES[0])


st.set_page_config(page_title="SegLab", page_icon=ASSETS / "favicon.svg", layout="wide")
dark = st.context.theme.type == "dark"
st.logo(ASSETS / ("logo-dark.svg" if dark else "logo.svg"), size="large")
st.html(STYLE)
page = st.navigation([st.Page(home, default=True, visibility="hidden"), *PAGES], position="top")
if page is not PAGES[0]:
    st.session_state.pop(TICKET, None)  # a started run is shown: the next form may start another
if sentence := folder_lock.problem():
    st.error(sentence)
else:
    page.run()
