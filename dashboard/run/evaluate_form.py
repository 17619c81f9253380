"""The form that starts an evaluation in the background, and the lines of those at work."""

from __future__ import annotations

import streamlit as st

from dashboard.run.evaluating import (
    PARTS,
    SIZES,
    WEIGHTS,
    in_work,
    problem_of,
    progress_of,
    splits_of,
    target_of,
)
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.formats import escaped
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.launchers.evaluations import (
    evaluations_of,
    forget_evaluation,
    start_evaluation,
    stop_evaluation,
)
from segengine.registry import entries
from segengine.run.rundir import RunDir

PROBLEM = "evaluate_problem"  # key of the session: (run id, why the last start was refused)
OWN, OTHER = "The run's own", "Another folder"


def draw_evaluate_form(run: RunDir, config: RunConfig | None) -> None:
    """The button and, under it, the form."""
    with st.popover("Evaluate on ...", width="content"):
        splits, problem = splits_of(config)
        data = st.segmented_control(
            "Data",
            [OWN, OTHER],
            default=OWN if splits else OTHER,
            required=True,
            key="evaluate_data",
        )
        own = data == OWN
        if own and problem:
            st.warning(escaped(problem))
        dataset = root = ""
        if not own:
            dataset, root = _draw_other(config)
        options = splits if own and splits else PARTS
        part = st.selectbox(
            "Images", list(options), format_func=lambda name: options[name], key="evaluate_part"
        )
        limit = st.text_input(
            "At most", placeholder="all", key="evaluate_limit", help="Spread over the split."
        )
        size = st.selectbox(
            "Scored at", list(SIZES), format_func=SIZES.__getitem__, key="evaluate_size"
        )
        weights = st.selectbox(
            "Weights", list(WEIGHTS), format_func=WEIGHTS.__getitem__, key="evaluate_weights"
        )
        entered = {
            "part": part,
            "dataset": dataset,
            "root": root,
            "limit": limit,
            "size": size,
            "weights": weights,
        }
        needs_root = not own and not root.strip()
        st.button(
            "Start evaluation",
            type="primary",
            disabled=needs_root or (own and not splits),
            on_click=_start,
            args=(run, entered),
        )
        run_id, refused = st.session_state.get(PROBLEM, ("", ""))
        if refused and run_id == run.id:
            st.error(escaped(refused))


def draw_evaluations(run: RunDir) -> None:
    """A line for each evaluation that is being made or has failed."""
    for found in in_work(evaluations_of(run)):
        with st.container(horizontal=True, vertical_alignment="center"):
            if found.state == "running":
                share, words = progress_of(found)
                st.progress(share, text=escaped(words))
                word, action = "Stop", stop_evaluation
            else:
                st.error(escaped(problem_of(found)))
                word, action = "Dismiss", forget_evaluation
            st.button(word, key=f"evaluation_{found.key}", on_click=action, args=(run, found.key))


def _draw_other(config: RunConfig | None) -> tuple[str, str]:
    """(dataset, root) of other data with the same classes."""
    datasets = entries("datasets")
    names = list(datasets)
    usual = config.data.dataset if config and config.data.dataset in names else names[0]
    dataset = st.selectbox(
        "Layout",
        names,
        index=names.index(usual),
        format_func=lambda name: datasets[name].label,
        key="evaluate_dataset",
    )
    root = st.text_input(
        "Folder", key="evaluate_root", help="Its classes must be those of the run."
    )
    return dataset, root


def _start(run: RunDir, entered: dict[str, str]) -> None:
    try:
        start_evaluation(run, target_of(entered))
    except UserError as error:
        st.session_state[PROBLEM] = (run.id, in_browser_words(str(error)))
    else:
        st.session_state.pop(PROBLEM, None)
