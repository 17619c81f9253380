"""The navigation: the list of pages, drawn around whichever of them is open."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.launch.start_once import TICKET
from dashboard.server import documents, folder_lock
from dashboard.shared.formats import escaped

PAGES = [
    st.Page(f"{name}/page.py", title=name.capitalize(), url_path=name) for name in documents.PAGES
]
UNLISTED = [
    st.Page(f"{name}/page.py", title=name.capitalize(), url_path=name, visibility="hidden")
    for name in documents.UNLISTED
]
ASSETS = Path(__file__).resolve().parents[1] / "assets"
STYLE = Path(__file__).with_name("navigation.css")


def home() -> None:
    """What the bare address shows. The default page of a navigation has no path of its own."""
    st.switch_page(PAGES[0])


dark = st.context.theme.type == "dark"
st.logo(ASSETS / ("logo-dark.svg" if dark else "logo.svg"), size="large")
st.html(STYLE)
listed = [st.Page(home, default=True, visibility="hidden"), *PAGES, *UNLISTED]
page = st.navigation(listed, position="top")
tab = "SegLab" if page.url_path == "" else f"{page.title} · SegLab"
st.set_page_config(page_title=tab, page_icon=ASSETS / "favicon.svg", layout="wide")
if page is not PAGES[0]:
    st.session_state.pop(TICKET, None)  # a started run is shown: the next form may start another
if sentence := folder_lock.problem():
    st.error(escaped(sentence))
else:
    page.run()
