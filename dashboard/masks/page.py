"""Masks: one validation image, its truth and the predictions of several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.masks.mask_panels import draw_mask_panels, steps_asked
from dashboard.masks.mask_toolbar import draw_mask_toolbar
from dashboard.masks.panels import ShownRun, aspect_of, build_panels, mious_of, open_ground_truth
from dashboard.rail.rail import draw_beside_rail
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.empty import draw_empty
from dashboard.shared.formats import escaped
from dashboard.shared.run_names import dataset_name
from dashboard.shared.run_store import REFRESH_SECONDS, all_runs, log_of, row_of, status_of
from dashboard.shared.selection import MASKS_LIMIT, ChosenRun
from dashboard.shared.url import given_param, write_param
from segengine.config import DataConfig
from segengine.results.masks import (
    MaskSet,
    Order,
    classes_of,
    common_images,
    ignore_index_of,
    mask_set,
    mismatch,
    order_images,
    uneven,
)
from segengine.results.table import read_config

ORDERS: dict[Order, str] = {
    "name": "Name",
    "hardest": "Hardest first",
    "gap": "Largest gap first",
}
ORDER_HELP = (
    "Hardest first: lowest mIoU on the image, as the mean of the runs. "
    "Largest gap first: largest difference in mIoU between the best and the worst run."
)
NOTHING_IN_COMMON = (
    "The chosen runs have predictions for no image in common: choose runs that were validated on "
    "the same images."
)
EMPTY = (
    "Predicted masks of your runs will be here, beside the image and its ground truth, from a "
    "run's first validation on."
)
# Keys of the session. ORDERED: the images as they can be gone through.
PANELS, PICKER, ORDERED = "masks_panels", "masks_picker", "masks_ordered"
IMAGE = "masks_image"  # the image shown


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
            st.info("Choose up to four runs by their eyes at the left to see their masks.")


def _draw_chosen(chosen: Sequence[ChosenRun]) -> None:
    """The masks of the chosen runs, and what keeps some from being shown."""
    mask_sets = _mask_sets(chosen)
    problems = {choice.label: row_of(choice.run).problem for choice in chosen}
    for label, problem in problems.items():
        if problem:
            st.warning(escaped(f"{label}: {problem}"))
    waiting = [
        choice.label
        for choice in chosen
        if not mask_sets[choice.run.id] and not problems[choice.label]
    ]
    if waiting:
        names = escaped(", ".join(waiting))
        st.info(f"No masks yet of {names}: the first validation writes them.")
    shown = [
        ShownRun(masks, choice.label, choice.color)
        for choice in chosen
        if (masks := mask_sets[choice.run.id])
    ]
    if shown:
        _draw_comparison(shown)
    if any(status_of(choice.run).active for choice in chosen):
        _follow(chosen, mask_sets)


def _draw_comparison(shown: Sequence[ShownRun]) -> None:
    """The image picker and the panels, or the sentence that says why there are none."""
    logs = [log_of(run.masks.run) for run in shown]
    configs = _configs(shown)
    names = common_images([run.masks for run in shown])
    sentence = mismatch([classes_of(log) for log in logs], configs)
    if sentence or not names:
        st.warning(escaped(in_browser_words(sentence or NOTHING_IN_COMMON)))
        return
    if unequal := uneven([run.masks for run in shown], len(names)):
        st.caption(unequal)
    classes, ignore_index = classes_of(logs[0]), ignore_index_of(logs[0])
    row = st.container(horizontal=True, vertical_alignment="bottom", key="masks_tools")
    steps = row.container(horizontal=True, width="content")
    image, orders, tools = (row.empty() for _ in range(3))
    order = _pick_order(orders, several=len(shown) > 1)
    by_run = (mious_of(run, names, configs, len(classes), ignore_index) for run in shown)
    ordered = order_images(names, [] if order == "name" else list(by_run), order)
    data = dataset_name(configs[0]) if configs else "Unknown dataset"
    name = _pick_image(steps, image, ordered, data)
    with tools:
        draw_mask_toolbar(key="masks_toolbar")
    ground_truth = open_ground_truth(configs, name)
    if ground_truth.problem:
        st.warning(escaped(in_browser_words(ground_truth.problem)))
    draw_mask_panels(
        build_panels(ground_truth.mask, shown, name, classes, ignore_index),
        photo=ground_truth.photo,
        aspect=aspect_of(ground_truth, shown, name),
        classes=classes,
        ignore_index=ignore_index,
        on_move=_move,
        key=PANELS,
    )


def _pick_order(place: DeltaGenerator, *, several: bool) -> Order:
    options: list[Order] = ["name", "hardest", "gap"] if several else ["name", "hardest"]
    return place.selectbox(
        "Order",
        options,
        format_func=ORDERS.__getitem__,
        key="masks_order",
        on_change=_show,
        args=("",),
        help=ORDER_HELP,
        width=172,
        persist_state="session",
    )


def _pick_image(steps: DeltaGenerator, place: DeltaGenerator, names: list[str], data: str) -> str:
    """Draw the image picker, and the buttons in `steps`; the image to show."""
    name = _wanted_image(names)
    st.session_state[ORDERED] = names
    for word, step, key in (("Previous", -1, "Left"), ("Next", 1, "Right")):
        neighbor = _neighbor(names, name, step)
        steps.button(
            word,
            on_click=_show,
            args=(neighbor,),
            disabled=neighbor == name,
            help=f"{key} arrow key",
        )
    # Each image has a picker of its own. One that holds its image was not used, even if the browser
    # tells of it again because it has not heard of the next one.
    key = f"{PICKER}_{name}"
    st.session_state[key] = name
    place.selectbox(
        f"{escaped(data)}, validation image {names.index(name) + 1:,} of {len(names):,}",
        names,
        key=key,
        on_change=_picked,
        args=(name, key),
    )
    return name


def _neighbor(names: Sequence[str], name: str, step: int) -> str:
    """The image `step` places further; the first and the last have none beyond them."""
    return names[min(len(names) - 1, max(0, names.index(name) + step))]


def _picked(before: str, key: str) -> None:
    if st.session_state[key] != before:
        _show(st.session_state[key])


def _move() -> None:
    """Arrow keys were pressed, perhaps before the page was drawn to its end in a new order."""
    names = st.session_state[ORDERED]
    _show(_neighbor(names, st.session_state[IMAGE], steps_asked(PANELS)))


def _show(name: str) -> None:
    """Show that image at the next run of this page; "": the first in order."""
    st.session_state[IMAGE] = name


def _wanted_image(names: Sequence[str]) -> str:
    """The image by the URL (if we did not write it there) or the session, else the first."""
    given = given_param("image")
    wanted = st.session_state.get(IMAGE) if given is None else given
    if given is not None and given not in names:
        st.caption("The image of this link has no mask in every chosen run: here is another one.")
    name = str(wanted) if wanted in names else names[0]
    st.session_state[IMAGE] = name
    write_param("image", name)
    return name


def _configs(shown: Sequence[ShownRun]) -> list[DataConfig]:
    """The data sections of the runs whose config this version can read."""
    configs = [read_config(run.masks.run) for run in shown]
    return [config.data for config in configs if config]


def _mask_sets(chosen: Sequence[ChosenRun]) -> dict[str, MaskSet | None]:
    """Run id -> the masks that it has to show now."""
    return {choice.run.id: mask_set(choice.run, log_of(choice.run)) for choice in chosen}


@st.fragment(run_every=REFRESH_SECONDS)
def _follow(chosen: Sequence[ChosenRun], drawn: dict[str, MaskSet | None]) -> None:
    """Draw the page anew once a run in training has other masks than those drawn."""
    if _mask_sets(chosen) != drawn:
        st.rerun()


draw_page()
