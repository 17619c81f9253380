"""Our own Streamlit components: JavaScript and CSS that lie beside the module that mounts them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_HELPERS = Path(__file__).with_name("dom.js")


def load_component(module: str, *scripts: str, isolate_styles: bool = True) -> ComponentRenderer:
    """The component whose script and style sheet lie beside a module and are named like it.

    Args:
        module: the module's `__file__`: beside `live_chart.py` lie `live_chart.js` and `.css`.
        scripts: more files of that folder. The browser gets all scripts, and `dom.js`, as one.
        isolate_styles: False puts the styles into the whole page.
    """
    path = Path(module)
    files = [path.with_suffix(".js"), *map(path.with_name, scripts), _HELPERS]
    return st.components.v2.component(
        f"seglab_{path.stem}",
        js="\n".join(file.read_text(encoding="utf-8") for file in files),
        css=path.with_suffix(".css").read_text(encoding="utf-8"),
        isolate_styles=isolate_styles,
    )
