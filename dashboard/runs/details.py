"""One run, below the table: how it ended, where it comes from, which settings are its own."""

from __future__ import annotations

import streamlit as st

from dashboard.runs.actions import edit
from dashboard.runs.lineage_tree import Branch, lineage_tree
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.fact_table import Cell, draw_fact_table
from dashboard.shared.formats import escaped, with_links
from dashboard.shared.run_names import row_label
from dashboard.shared.run_store import log_of, look_at_runs
from dashboard.sweep.words import sweep_link
from segengine.config import RunConfig
from segengine.results.disk import size_of, size_words
from segengine.results.status import tail
from segengine.results.table import RunRow, changes, facts


def draw_details(row: RunRow) -> None:
    """What a person wants to know of a run before anything else."""
    st.subheader(escaped(row_label(row)), anchor=False)
    _draw_ending(row)
    left, right = st.columns(2, gap="large")
    with left:
        disk = ("Disk", size_words(size_of(row.run)))
        told = [("Id", row.run.id), *facts(row.run, log_of(row.run)), disk, *_noted(row)]
        rows: list[tuple[str, Cell]] = [(title, in_browser_words(value)) for title, value in told]
        if row.sweep:
            rows.append(("Sweep", sweep_link(row.sweep["sweep"])))
        draw_fact_table(rows, ["At the start", ""])
    with right:
        if row.config is None:
            st.warning("The settings of this run cannot be read.")
        else:
            draw_fact_table(_changed_settings(row.config), ["Setting", "Here", "Default"])
        if tree := lineage_tree(look_at_runs(0.1).rows, row.run.id):
            draw_fact_table([_branch_cells(branch) for branch in tree], ["Lineage", ""])


def _noted(row: RunRow) -> list[tuple[str, str]]:
    return [("Notes", row.notes["notes"])] if row.notes.get("notes") else []


def _branch_cells(branch: Branch) -> tuple[str, str]:
    """A line of the tree: its place in it, its name, and what it is."""
    stem = "\u2003" * max(0, branch.depth - 1) + ("└ " if branch.depth else "")
    here = " (this run)" if branch.here else ""
    return f"{stem}{branch.label}{here}", branch.facts


def _changed_settings(config: RunConfig) -> list[tuple[str, str, str]]:
    """(title, value, default) of each setting that is not at its default."""
    return [(title, in_browser_words(value), default) for title, value, default in changes(config)]


def _draw_ending(row: RunRow) -> None:
    """Why the run is not at work any more, in the run's own words, and what to do about it."""
    state, message = row.status.state, row.status.message
    if state == "failed":
        sentences = row.status.problems or [message]
        st.error("\n\n".join(with_links(in_browser_words(sentence)) for sentence in sentences))
    elif state == "crashed":
        output = tail(row.run.output_file)
        st.error(
            "The process ended before its log did. Resume goes on from its last checkpoint. "
            f"{'The end of its output:' if output else escaped(message)}"
        )
        if output:
            st.code(output, language=None)
    elif state == "unresponsive":
        st.warning(
            "The process is there, but its log has not moved for over five minutes. Stop it and "
            "resume it if that does not change."
        )
    elif message and state != "unreadable":
        st.caption(escaped(message))
    if row.problem:
        st.warning(escaped(row.problem))
    if state in ("failed", "crashed") and st.button("Edit and start again", type="primary"):
        edit(row.run.id)
