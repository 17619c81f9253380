"""Sweep: one sweep in full, `/sweep?id=...`; without an id the list of all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.empty import draw_empty
from dashboard.shared.fact_table import draw_fact_table
from dashboard.shared.formats import escaped
from dashboard.shared.page_links import go_to
from dashboard.shared.run_names import sweep_name
from dashboard.shared.run_store import REFRESH_SECONDS, runs_dir
from dashboard.sweep.actions import best_first, draw_actions, draw_again, rows_of
from dashboard.sweep.figures import DARK, LIGHT, field_figure, parallel_figure
from dashboard.sweep.words import (
    best_words,
    header_html,
    note_words,
    runs_table,
    settings_rows,
    sweep_link,
)
from segengine.errors import UserError
from segengine.studies.outcomes import Outcome, dimensions, outcomes, scored, settings
from segengine.studies.record import SweepRecord
from segengine.studies.space import SEED
from segengine.studies.state import read_status
from segengine.studies.sweepdir import SweepDir

STYLE = Path(__file__).with_name("page.css")
NO_SWEEPS = "Sweeps will be here: vary a setting under Several runs on Launch."
NO_SCORES = "Which settings lead will be here after the first validation."
_QUIET = {"displayModeBar": False}


def draw_page() -> None:
    """The page of the sweep that the address names, or the list of all."""
    sweep_id = st.query_params.get("id", "")
    try:
        sweep = SweepDir.open(runs_dir(), sweep_id) if sweep_id else None
    except UserError as error:
        st.warning(escaped(str(error)))
        sweep = None
    st.html(STYLE)
    if sweep is None:
        _draw_list()
        return
    st.set_page_config(page_title=f"{sweep_name(sweep.id)} · SegLab")
    with st.container(key="sweep_page", gap="medium"):
        record, found = _read(sweep)
        _draw_head(sweep, _signature(sweep, found))
        if record:
            _draw_sweep(sweep, record, found)


def _read(sweep: SweepDir) -> tuple[SweepRecord | None, list[Outcome]]:
    """The sweep and its runs; nothing where it cannot be read, as its state says."""
    try:
        record = sweep.record()
    except UserError:
        return None, []
    return record, outcomes(record, rows_of(record))


def _signature(sweep: SweepDir, found: list[Outcome]) -> tuple[Any, ...]:
    """What the page is drawn from: another one asks for a new drawing."""
    status = read_status(sweep)
    runs = [(run.run_id, run.state, run.best_miou) for run in found]
    return status.state, status.text(), status.message, runs


@st.fragment(run_every=REFRESH_SECONDS)
def _draw_head(sweep: SweepDir, drawn: tuple[Any, ...]) -> None:
    """The header with its actions; it looks for news, which draw the whole page anew."""
    record, found = _read(sweep)
    news = _signature(sweep, found) != drawn
    status = read_status(sweep)
    with st.container(horizontal=True, key="sweep_head"):
        st.html(header_html(sweep, status, record), width="stretch")
        draw_actions(sweep, status, best_first(found))
    if status.message:
        st.warning(escaped(in_browser_words(status.message)))
    if news:  # only now: a press that came with this run is acted on by its button
        st.rerun()


def _draw_sweep(sweep: SweepDir, record: SweepRecord, found: list[Outcome]) -> None:
    for note in record.notes:
        st.caption(escaped(note_words(note)))
    if runs := scored(found):
        _draw_leading(record, found)
        _draw_figures(runs)
    else:
        st.caption(NO_SCORES)
    st.subheader("Runs", anchor=False)
    titles, rows = runs_table(record, found, sweep)
    draw_fact_table(rows, titles)
    if any(run.state == "finished" for run in found) and not read_status(sweep).active:
        draw_again(sweep)


def _draw_leading(record: SweepRecord, found: list[Outcome]) -> None:
    """The settings by the mean of their finished runs."""
    ranked = settings(found, record.base_config().train.seed)
    if not ranked or (len(ranked) == 1 and len(ranked[0].mious) == 1):
        return
    st.subheader("Settings", anchor=False)
    heads = ["", "Setting", "Runs", "Mean best mIoU", "SD"]
    draw_fact_table(settings_rows(ranked), heads)
    if len(ranked) > 1:
        sentence = (
            "By the mean of their finished runs; whether a lead is more than luck, Compare tells."
            if SEED in record.varied
            else "By one run each: a lead may be luck. Vary the seed, too, or run the best again."
        )
        st.caption(sentence)


def _draw_figures(runs: list[Outcome]) -> None:
    axes = dimensions(runs)
    if len(runs) < 2:
        return
    theme = DARK if st.context.theme.type == "dark" else LIGHT
    st.subheader("Setting by setting", anchor=False)
    picked = st.plotly_chart(
        field_figure(axes, runs, theme),
        key="sweep_fields",
        on_select="rerun",
        selection_mode="points",
        config=_QUIET,
    )
    st.caption("A point is a run; a click opens it. A bar is the mean of the runs of a value.")
    if (points := picked["selection"]["points"]) and (run_id := points[0].get("customdata")):
        st.session_state.pop("sweep_fields", None)
        go_to("run", id=str(run_id))
    if len(axes) > 2:
        st.subheader("All settings at once", anchor=False)
        st.plotly_chart(parallel_figure(axes, runs, theme), key="sweep_parallel", config=_QUIET)
        st.caption("A line is a run, colored by its best mIoU; the pointer tells its settings.")


def _draw_list() -> None:
    st.title("Sweeps", anchor=False)
    sweeps = SweepDir.all(runs_dir())
    if not sweeps:
        draw_empty(NO_SWEEPS)
        return
    rows = []
    for sweep in sweeps:
        status = read_status(sweep)
        try:
            record = sweep.record()
            best = best_words(settings(outcomes(record, rows_of(record)), 0))
            ended = f"{status.ended:,} of {status.total:,}"
        except UserError:
            best, ended = in_browser_words(status.message), ""
        rows.append((sweep_link(sweep.id), status.state, ended, best))
    draw_fact_table(
        rows, ["Sweep", "State", "Runs ended", "Leading setting by best mIoU, or what is wrong"]
    )


draw_page()
