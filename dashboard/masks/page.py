"""Masks: one validation image, its truth and the predictions of several models side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.masks.mask_lab import draw_mask_lab
from dashboard.masks.models import together
from dashboard.masks.truth import changed_since
from dashboard.rail.rail import draw_beside_rail
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.empty import draw_empty
from dashboard.shared.formats import escaped
from dashboard.shared.run_store import REFRESH_SECONDS, all_runs, log_of, row_of, status_of
from dashboard.shared.selection import MASKS_LIMIT, ChosenRun
from segengine.results.masks.sets import (
    MaskSet,
    classes_of,
    common_images,
    mask_sets,
    mismatch,
    uneven,
)

NOTHING_IN_COMMON = (
    "The chosen runs have predictions for no image in common: choose runs that were validated on "
    "the same images."
)
EMPTY = (
    "Predicted masks of your runs will be here, beside the image and its ground truth, from a "
    "run's first validation on."
)
# Keys of the session. IMAGE: the image that another page leads to; WANTED: what the lab was told.
IMAGE, WANTED = "masks_image", "masks_wanted"


def draw_page() -> None:
    """The whole page."""
    runs = all_runs()
    if not runs:
        st.title("Masks", anchor=False)
        draw_empty(EMPTY)
        return
    chosen, main = draw_beside_rail("Masks", runs, limit=MASKS_LIMIT)
    with main:
        if chosen:
            _draw_chosen(chosen)
        else:
            st.info(f"Choose up to {MASKS_LIMIT} runs by their eyes at the left to see masks.")


def _draw_chosen(chosen: Sequence[ChosenRun]) -> None:
    """The masks of the chosen runs, and what keeps some from being shown."""
    sets = _sets(chosen)
    problems = {choice.label: row_of(choice.run).problem for choice in chosen}
    for label, problem in problems.items():
        if problem:
            st.warning(escaped(f"{label}: {problem}"))
    waiting = [
        choice.label for choice in chosen if not sets[choice.run.id] and not problems[choice.label]
    ]
    if waiting:
        names = escaped(", ".join(waiting))
        st.info(f"No masks yet of {names}: the first validation writes them.")
    shown = [(choice, sets[choice.run.id]) for choice in chosen if sets[choice.run.id]]
    if shown:
        _draw_lab(shown)
    if any(status_of(choice.run).active for choice in chosen):
        _follow(chosen, sets)


def _draw_lab(shown: Sequence[tuple[ChosenRun, list[MaskSet]]]) -> None:
    """The lab, or the sentence that says why these runs cannot stand side by side."""
    first = [sets[0] for _, sets in shown]
    models = together(first)
    logs = [log_of(masks.run) for masks in first]
    if sentence := mismatch([classes_of(log) for log in logs], models.configs):
        st.warning(escaped(in_browser_words(sentence)))
        return
    for choice, _ in shown:
        if sentence := changed_since(choice.run, log_of(choice.run)):
            st.warning(escaped(f"{choice.label}: {sentence}"))
    if unequal := uneven(first, len(common_images(first))):
        st.caption(unequal)
    draw_mask_lab(
        shown,
        classes=models.classes,
        ignore_index=models.ignore_index,
        nothing=NOTHING_IN_COMMON,
        wanted=_wanted(),
    )


def _wanted() -> dict[str, object]:
    """How another page wants the masks to be looked at; the lab heeds each token once."""
    wanted: dict[str, object] = st.session_state.get(WANTED, {"token": 0, "view": {}})
    if image := st.session_state.pop(IMAGE, ""):
        count = int(str(wanted["token"])) + 1
        wanted = {"token": count, "view": {"image": image, "layout": "panels"}}
        st.session_state[WANTED] = wanted
    return wanted


def _sets(chosen: Sequence[ChosenRun]) -> dict[str, list[MaskSet]]:
    """Run id -> the sets of masks that it has now."""
    return {choice.run.id: mask_sets(choice.run, log_of(choice.run)) for choice in chosen}


@st.fragment(run_every=REFRESH_SECONDS)
def _follow(chosen: Sequence[ChosenRun], drawn: dict[str, list[MaskSet]]) -> None:
    """Draw the page anew once a run in training has other masks than those drawn."""
    if _sets(chosen) != drawn:
        st.rerun()


draw_page()
