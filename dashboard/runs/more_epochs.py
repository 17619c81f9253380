"""More epochs for finished runs: how many, what that does to the learning rate, and the button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from dashboard.shared.formats import escaped
from segengine import launchers
from segengine.launchers.more_epochs import meaning
from segengine.results.table import RunRow
from segengine.run.rundir import RunDir

_MOST = 100_000


def draw_more_epochs(
    rows: Sequence[RunRow], apply: Callable[[Callable[[RunDir], object]], None], *, key: str
) -> None:
    """A popover that goes on with finished runs from their last states.

    Args:
        rows: the runs; the popover is disabled where one of them is not finished.
        apply: does an action to them.
    """
    configs = [row.config for row in rows if row.config and row.status.state == "finished"]
    ready = bool(rows) and len(configs) == len(rows)
    hint = None if ready else "Of finished runs: train on from the last state."
    now = max((config.train.epochs for config in configs), default=0) if ready else 0
    # Another key is another popover, which is closed: it does not stay open over a run at work.
    with st.popover("More epochs", disabled=not ready, help=hint, key=f"{key}_more_{now}"):
        if not ready:
            return
        first = now + max(1, now // 2)
        epochs = int(
            st.number_input("Continue to epoch", now + 1, _MOST, first, key=f"{key}_epochs_{now}")
        )
        said = [meaning(config.with_values(epochs=epochs)) for config in configs]
        for sentence in dict.fromkeys(said):
            st.caption(escaped(sentence))
        action = partial(launchers.submit, epochs=epochs)
        st.button(
            "Continue training",
            key=f"{key}_continue",
            type="primary",
            on_click=apply,
            args=(action,),
        )
