"""Guide: the documentation, one text at a time."""

from __future__ import annotations

import streamlit as st

from dashboard.guide.texts import FILES, FIRST, read_text

PICKER = "text"  # also the address's parameter: /guide?text=Glossary

# Prose is read best in lines of about 80 letters; the reference's tables take the width.
STYLE = """<style>
.st-key-guide_prose h1 { padding-top: 0; }
.st-key-guide_prose :is(p, ul, ol) { max-width: 46rem; }
.st-key-guide_prose table { font-size: 0.9rem; }
</style>"""

st.html(STYLE)
if st.query_params.get(PICKER, FIRST) not in FILES:
    st.warning(f"There is no such text in the guide. There are: {', '.join(FILES)}.")
left, right = st.columns([1, 6], gap="large")
chosen = left.radio(
    "Texts",
    list(FILES),
    key=PICKER,
    label_visibility="collapsed",
    bind="query-params",
)
right.container(key="guide_prose").markdown(read_text(chosen or FIRST))
