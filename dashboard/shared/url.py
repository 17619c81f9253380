"""Parameters in the page's address: what a person put there wins over what the page wrote itself.

The browser tells its address with every request. While a page is being drawn anew that may still be
an older one of our own, so all that a session wrote is remembered, not only the last.
"""

from __future__ import annotations

import streamlit as st

_WRITTEN = "written_params"  # key of the session: name -> the values that we wrote, newest last
_REMEMBERED = 100  # values of one parameter


def given_param(name: str) -> str | None:
    """The parameter as a person typed, opened or shared it; None where it is missing or ours."""
    value = st.query_params.get(name)
    return None if value in _written(name) else value


def write_param(name: str, value: str) -> None:
    """Put a value in the address, as ours; "" takes the parameter out."""
    written = [*(known for known in _written(name) if known != value), value]
    st.session_state.setdefault(_WRITTEN, {})[name] = written[-_REMEMBERED:]
    if st.query_params.get(name, "") == value:
        return
    if value:
        st.query_params[name] = value
    else:
        del st.query_params[name]


def _written(name: str) -> list[str]:
    return list(st.session_state.get(_WRITTEN, {}).get(name, []))
