"""A quiet table of facts: text only, nothing in it is read as markup."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

_STYLE = """<style>
.seglab-facts { border-collapse: collapse; width: 100%; font-size: 14px; }
.seglab-facts th, .seglab-facts td {
  padding: 4px 16px 4px 0; text-align: left; vertical-align: top;
  border: 0; border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent);
}
.seglab-facts th { font-weight: 600; font-size: 12px; opacity: 0.65; white-space: nowrap; }
.seglab-facts td:nth-child(3) { white-space: nowrap; } /* short; the long ones before it break */
.seglab-facts td:first-child { white-space: nowrap; }
.seglab-facts td:first-child:not(:has(a)) { opacity: 0.75; }
.seglab-facts td { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.stApp .seglab-facts a { color: light-dark(#0a6b94, #56b4e9); }
</style>"""


class Link(NamedTuple):
    """A cell that leads to a page of ours."""

    text: str
    address: str


Cell = str | Link


def draw_fact_table(rows: Sequence[Sequence[Cell]], titles: Sequence[str] = ()) -> None:
    """Draw rows of text; the first column names what the others tell."""
    head = f"<thead>{_row('th', titles)}</thead>" if titles else ""
    body = "".join(_row("td", row) for row in rows)
    st.html(f'{_STYLE}<table class="seglab-facts">{head}<tbody>{body}</tbody></table>')


def _row(tag: str, cells: Sequence[Cell]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_inner(cell)}</{tag}>' for cell in cells)}</tr>"


def _inner(cell: Cell) -> str:
    if isinstance(cell, str):
        return html.escape(cell)
    return f'<a href="{html.escape(cell.address)}" target="_self">{html.escape(cell.text)}</a>'
