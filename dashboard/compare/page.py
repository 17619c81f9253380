"""Compare: what differs between the chosen runs, which leads, and whether it is real."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dashboard.compare import figures, tables
from dashboard.compare.choices import (
    SIZES,
    SPLITS,
    WEIGHTS,
    comparison_of,
    group_colors,
    state_of,
    title_of,
)
from dashboard.rail.rail import draw_beside_rail
from dashboard.run.evaluating import progress_of
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.confusion import confusion_figure, difference_figure
from dashboard.shared.empty import draw_empty
from dashboard.shared.formats import escaped
from dashboard.shared.page_links import show_runs
from dashboard.shared.run_store import REFRESH_SECONDS, all_runs
from dashboard.shared.selection import ChosenRun
from dashboard.shared.url import given_param, write_param
from segengine.errors import UserError
from segengine.launchers.evaluations import Target, start_evaluation
from segengine.results.comparison.compare import Comparison
from segengine.results.comparison.pairs import Pair
from segengine.results.comparison.report import report_table, to_json
from segengine.run.rundir import RunDir

MOST_RUNS = 40  # eight settings of five seeds
EMPTY = "What differs between your runs, which is better and whether that is real will be here."
FEW = "Choose two or more runs by their eyes at the left: {} chosen now."
STYLE = Path(__file__).with_name("style.css")
REFUSED = "compare_refused"  # key of the session: why evaluations were not started


def draw_page() -> None:
    """The whole page."""
    runs = all_runs()
    if not runs:
        st.title("Compare", anchor=False)
        draw_empty(EMPTY)
        return
    st.html(STYLE)
    chosen, main = draw_beside_rail("Compare", runs, limit=MOST_RUNS)
    with main:
        if len(chosen) < 2:
            st.info(FEW.format("one is" if chosen else "none is"))
            return
        _draw_chosen(chosen)


def _draw_chosen(chosen: Sequence[ChosenRun]) -> None:
    with st.container(horizontal=True, key="compare_choices"):
        split = _pick("split", "Images", SPLITS)
        size = _pick("size", "Scored at", SIZES)
        weights = _pick("weights", "Weights", WEIGHTS)
    try:
        comparison = comparison_of(chosen, split, size, weights)
    except UserError as error:
        st.warning(escaped(str(error)))
        return
    colors = group_colors(comparison, chosen)
    for remark in comparison.shared.remarks:
        st.warning(escaped(in_browser_words(remark)))
    _offer_evaluation(comparison)
    if comparison.differing:
        with st.expander(f"What differs ({len(comparison.differing)})", expanded=True):
            st.html(tables.differing_table(comparison, colors))
    if comparison.lines:
        _draw_scores(comparison, colors)


def _draw_scores(comparison: Comparison, colors: dict[str, str]) -> None:
    st.subheader("Leaderboard", anchor=False)
    st.caption(escaped(f"Over {comparison.over}. Boundary IoU: {comparison.boundary}."))
    st.html(tables.leaderboard_table(comparison, colors))
    _draw_downloads(comparison)
    if comparison.pairs:
        _draw_pairs(comparison, colors)
    st.subheader("IoU per class", anchor=False)
    st.html(tables.class_table(comparison, colors))
    _draw_confusions(comparison)


def _draw_pairs(comparison: Comparison, colors: dict[str, str]) -> None:
    st.subheader("Is the difference real?", anchor=False)
    line = "#c8d0d8" if st.context.theme.type == "dark" else "#37424d"
    st.html(tables.verdicts(comparison.pairs))
    for sentence in comparison.rare:
        st.caption(escaped(sentence))
    st.plotly_chart(
        figures.interval_figure(comparison.pairs, line), key="compare_intervals", config=_QUIET
    )
    if comparison.resamples:
        st.caption(
            f"Paired bootstrap over {comparison.shared.units}: {comparison.resamples:,} resamples, "
            f"seed {comparison.seed}. Points are hundredths of mIoU."
        )
    if comparison.ranks is not None:
        st.html(tables.rank_table(comparison, colors))
    st.subheader("Image by image", anchor=False)
    pair = _pick_pair(comparison.pairs)
    picked = st.plotly_chart(
        figures.scatter_figure(pair, comparison.shared.names, line),
        key="compare_scatter",
        on_select="rerun",
        selection_mode="points",
        config=_QUIET,
    )
    st.caption("A point is an image; a click opens it in Masks.")
    if points := picked["selection"]["points"]:
        _open_image(comparison, pair, comparison.shared.names[points[0]["point_index"]])


def _open_image(comparison: Comparison, pair: Pair, name: str) -> None:
    """Go to Masks with the first runs of both groups and that image."""
    members = [group.members[0] for group in (pair.b, pair.a)]
    st.session_state["masks_image"] = name
    st.session_state.pop("compare_scatter", None)
    show_runs("masks", [comparison.entrants[place].id for place in members])


def _draw_confusions(comparison: Comparison) -> None:
    st.subheader("Confusion", anchor=False)
    st.caption("Rows are the true class, as shares of its pixels; counts under the pointer.")
    pooled = [figures.pooled_confusion(comparison, line) for line in comparison.lines]
    theme = "dark" if st.context.theme.type == "dark" else "light"
    per_row = 3 if len(comparison.shared.classes) <= 6 else 2
    shown = [
        (title_of(line.group.name), confusion_figure(matrix, comparison.shared.classes, theme))
        for line, matrix in zip(comparison.lines, pooled, strict=True)
    ]
    if len(pooled) > 1:
        first, second = (title_of(line.group.name) for line in comparison.lines[:2])
        title = f"{first} minus {second}"
        figure = difference_figure(pooled[0], pooled[1], comparison.shared.classes)
        shown.insert(2, (title, figure))
    for start in range(0, len(shown), per_row):
        for column, (title, figure) in zip(
            st.columns(per_row), shown[start : start + per_row], strict=False
        ):
            column.markdown(escaped(title))
            column.plotly_chart(figure, key=f"compare_confusion_{title}", config=_QUIET)


def _draw_downloads(comparison: Comparison) -> None:
    with st.container(horizontal=True, key="compare_downloads"):
        for word, kind, ending in (
            ("CSV", "csv", "csv"),
            ("Markdown", "markdown", "md"),
            ("LaTeX", "latex", "tex"),
        ):
            st.download_button(
                word,
                report_table(comparison, kind),  # type: ignore[arg-type]
                file_name=f"comparison.{ending}",
                on_click="ignore",
            )
        text = json.dumps(to_json(comparison), indent=2)
        st.download_button("JSON", text, file_name="comparison.json", on_click="ignore")


def _offer_evaluation(comparison: Comparison) -> None:
    """What is missing can be made in the background."""
    entrants = [comparison.entrants[place] for place in comparison.shared.missing]
    if not entrants:
        return
    target = Target(split=comparison.split, size=comparison.size, weights=comparison.weights)
    runs = [entrant.row.run for entrant in entrants]
    states = [state_of(run, target) for run in runs]
    if any(state and state.state == "running" for state in states):
        _follow_evaluations(runs, target)
        return
    for entrant, state in zip(entrants, states, strict=True):
        if state and state.state == "failed":
            st.error(escaped(in_browser_words(f"{entrant.name}: {state.problem}")))
    refused = st.session_state.pop(REFUSED, "")
    if refused:
        st.error(escaped(refused))
    word = "this run" if len(runs) == 1 else f"these {len(runs)} runs"
    st.button(f"Evaluate {word} now", type="primary", on_click=_start, args=(runs, target))


def _start(runs: Sequence[RunDir], target: Target) -> None:
    """Start the evaluations; what was refused is said by the next drawing."""
    refused = []
    for run in runs:
        try:
            start_evaluation(run, target)
        except UserError as error:
            refused.append(in_browser_words(str(error)))
    st.session_state[REFUSED] = " ".join(dict.fromkeys(refused))


@st.fragment(run_every=REFRESH_SECONDS)
def _follow_evaluations(runs: Sequence[RunDir], target: Target) -> None:
    """Progress of the evaluations; the page is drawn anew once none is at work."""
    states = [state_of(run, target) for run in runs]
    running = [state for state in states if state and state.state == "running"]
    if not running:
        st.rerun()
    for state in running:
        share, words = progress_of(state)
        st.progress(share, text=words)


def _pick(param: str, title: str, options: dict[str, str]) -> str:
    """A choice that is in the address."""
    given = given_param(param)
    key = f"compare_{param}"
    if given in options:
        st.session_state[key] = given
    value = st.selectbox(
        title,
        list(options),
        format_func=options.__getitem__,
        key=key,
        width=250,
        persist_state="session",
    )
    first = next(iter(options))
    write_param(param, "" if value == first else value)
    return str(value)


def _pick_pair(pairs: Sequence[Pair]) -> Pair:
    if len(pairs) == 1:
        return pairs[0]
    names = [f"{pair.b.name} against {pair.a.name}" for pair in pairs]
    number = st.selectbox("Pair", range(len(pairs)), format_func=names.__getitem__)
    return pairs[number]


_QUIET = {"displayModeBar": False}

draw_page()
