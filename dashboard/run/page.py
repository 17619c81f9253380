"""Run: one run in full. The address says which: `/run?id=...`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.curves.live_chart import draw_live_chart
from dashboard.masks.models import together
from dashboard.masks.pictures import background_index
from dashboard.run.actions import draw_actions, draw_answer
from dashboard.run.evaluate_form import draw_evaluate_form, draw_evaluations
from dashboard.run.header import ending, header_html
from dashboard.run.mask_strip import legend_html, strip, strip_html
from dashboard.run.reproduce import commands
from dashboard.run.score_table import draw_score_table
from dashboard.run.scores import score_text
from dashboard.run.settings import all_settings, changed_settings, started_from
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.confusion import confusion_figure
from dashboard.shared.fact_table import draw_fact_table
from dashboard.shared.formats import escaped, with_links
from dashboard.shared.run_store import REFRESH_SECONDS, log_of, row_of, runs_dir
from dashboard.shared.selection import ChosenRun, alone
from segengine.errors import UserError
from segengine.launchers.evaluations import evaluations_of
from segengine.results.amounts import size_text
from segengine.results.details.class_scores import ScoreTable, score_tables
from segengine.results.details.disk import disk_use
from segengine.results.evaluations import saved_evaluations
from segengine.results.masks.sets import classes_of, mask_set
from segengine.results.status import tail
from segengine.results.table import RunRow
from segengine.run.rundir import RunDir
from segengine.run.terminal import printable

STYLE = Path(__file__).with_name("page.css")
NO_RUN = "This page shows one run: its curves, scores, masks and settings. Choose it on Runs."
NO_SCORES = "Scores per class will be here after the first validation."
NO_MASKS = "Predicted images will be here after the first validation."
NO_OUTPUT = "This run has no output file: it was started in a terminal, where its output went."
LOG_LINES = 50


def draw_page() -> None:
    """The page of the run that the address names, or what to do where it names none."""
    run_id = st.query_params.get("id", "")
    try:
        run = RunDir.open(runs_dir(), run_id) if run_id else None
    except UserError as error:
        st.title("Run", anchor=False)
        st.warning(escaped(in_browser_words(str(error))))
        run = None
    if run is None:
        if not run_id:
            st.title("Run", anchor=False)
            st.write(NO_RUN)
        st.page_link("runs/page.py", label="All runs")
        return
    choice = alone(run)
    st.set_page_config(page_title=f"{choice.label} · SegLab")
    st.html(STYLE)
    with st.container(key="run_page", gap="medium"):
        _draw_run(choice)


def _draw_run(choice: ChosenRun) -> None:
    run, row = choice.run, row_of(choice.run)
    _draw_head(choice, _signature(run))
    _draw_ending(row)
    draw_live_chart([choice], key="run_curves")
    _draw_scores(row)
    _draw_masks(row)
    left, right = st.columns(2, gap="large")
    with left:
        _draw_settings(row)
    with right:
        _draw_origin(row)
    _draw_commands(row)
    _draw_log(run)


def _signature(run: RunDir) -> tuple[Any, ...]:
    """What the page is drawn from, beside what draws itself: another one asks for a new drawing."""
    status, log = row_of(run).status, log_of(run)
    stored = [(saved.name, saved.stem, saved.epoch, saved.miou) for saved in saved_evaluations(run)]
    at_work = [(one.key, one.state) for one in evaluations_of(run)]
    best = log.best()
    shown = mask_set(run, log)
    return (
        status.state,
        best.epoch if best else 0,
        (shown.folder, shown.epoch) if shown else None,
        stored,
        at_work,
    )


@st.fragment(run_every=REFRESH_SECONDS)
def _draw_head(choice: ChosenRun, drawn: tuple[Any, ...]) -> None:
    """The header with its actions, and what is evaluated; drawn anew every REFRESH_SECONDS."""
    news = _signature(choice.run) != drawn
    row = row_of(choice.run)
    with st.container(horizontal=True, key="run_head"):
        st.html(header_html(choice, row), width="stretch")
        draw_actions(row)
    draw_answer(choice.run)
    draw_evaluations(choice.run)
    if news:  # only now: a press that came with this run is acted on by its button
        st.rerun()


def _draw_ending(row: RunRow) -> None:
    if said := ending(row):
        if said.kind == "error":
            st.error(with_links(said.sentence))
        elif said.kind == "warning":
            st.warning(with_links(said.sentence))
        else:
            st.caption(with_links(said.sentence))
        if said.output:
            st.code(printable(said.output), language=None)
    if row.problem:
        st.warning(escaped(row.problem))


def _draw_scores(row: RunRow) -> None:
    run, log = row.run, log_of(row.run)
    tables = {table.key: table for table in score_tables(run, log)}
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.subheader("Scores", anchor=False, width="content")
        table = _pick_table(tables)
        draw_evaluate_form(run, row.config)
    if table is None:
        st.caption(NO_SCORES)
        return
    colors = {info.name: info.color for info in classes_of(log)}
    left, right = st.columns([3, 2], gap="large")
    with left:
        draw_score_table(score_text(table, colors, run.id), key="run_scores")
    if table.confusion is None:
        right.caption("The confusion matrix of this result was not kept.")
        return
    theme = "dark" if st.context.theme.type == "dark" else "light"
    right.plotly_chart(
        confusion_figure(table.confusion, table.classes, theme),
        key="run_confusion",
        config={"displayModeBar": False},
    )


def _pick_table(tables: dict[str, ScoreTable]) -> ScoreTable | None:
    """The results to choose from; the one chosen, the validation at first."""
    if not tables:
        return None
    key = st.selectbox(
        "Scores of",
        list(tables),
        format_func=lambda key: tables[key].title,
        key="run_scores_of",
        label_visibility="collapsed",
        width=320,
    )
    return tables.get(key)


def _draw_masks(row: RunRow) -> None:
    run, log = row.run, log_of(row.run)
    masks, classes = mask_set(run, log), classes_of(log)
    st.subheader("Masks", anchor=False)
    if masks is None:
        st.caption(NO_MASKS)
        return
    images, problem = strip(together([masks]))
    if problem:
        st.caption(escaped(in_browser_words(problem)))
    if not images:
        st.caption("The predicted masks of this run are gone.")
        return
    st.caption(f"Ground truth and prediction, {masks.caption}; mIoU of the image.")
    st.html(strip_html(run.id, images))
    st.html(legend_html(classes, background_index(classes)))


def _draw_settings(row: RunRow) -> None:
    st.subheader("Settings", anchor=False)
    if row.config is None:
        st.caption("The settings of this run cannot be read.")
        return
    changed = changed_settings(row.config)
    if changed:
        draw_fact_table(changed, ["Setting", "Here", "Default"])
    else:
        st.caption("Every setting is at its default.")
    with st.expander("All settings", type="compact"):
        for title, pairs in all_settings(row.config):
            draw_fact_table(pairs, [title, ""])


def _draw_origin(row: RunRow) -> None:
    run = row.run
    st.subheader("At the start", anchor=False)
    draw_fact_table(started_from(run, log_of(run)))
    st.subheader("On disk", anchor=False)
    used = disk_use(run)
    rows = [(what, size_text(count)) for what, count in used.items()]
    draw_fact_table([*rows, ("In all", size_text(sum(used.values())))])


def _draw_commands(row: RunRow) -> None:
    st.subheader("In a terminal", anchor=False)
    finished = row.status.state == "finished"
    for title, line in commands(row.run, row.config, finished=finished):
        st.caption(title)
        st.code(line, language=None, wrap_lines=True)


def _draw_log(run: RunDir) -> None:
    st.subheader("End of its output", anchor=False)
    output = tail(run.output_file, LOG_LINES)
    if output:
        st.code(printable(output), language=None, height=320)
    else:
        st.caption(NO_OUTPUT)


draw_page()
