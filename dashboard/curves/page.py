"""Curves: every logged number of the chosen runs, live."""

from __future__ import annotations

import streamlit as st

from dashboard.curves.live_chart import draw_live_chart
from dashboard.curves.notes import comparison_notes
from dashboard.rail.rail import draw_beside_rail
from dashboard.shared.empty import draw_empty
from dashboard.shared.formats import escaped
from dashboard.shared.run_store import all_runs, log_of

MOST_RUNS = 50  # that can be told apart, and drawn at once

runs = all_runs()
if not runs:
    st.title("Curves", anchor=False)
    draw_empty("Loss, mIoU and all other scores of your runs will be drawn here while they train.")
else:
    chosen, main = draw_beside_rail("Curves", runs, limit=MOST_RUNS)
    with main:
        if not chosen:
            st.info("Choose runs by their eyes at the left to see their curves.")
        else:
            shown = [choice.run for choice in chosen]
            draw_live_chart(chosen, key="curves")
            if notes := comparison_notes(shown, [log_of(run) for run in shown]):
                st.caption(escaped(" ".join(notes)))
