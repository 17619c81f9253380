"""Curves: loss and mIoU of the chosen runs, live."""

from __future__ import annotations

import streamlit as st

from dashboard.curves.live_chart import draw_live_chart
from dashboard.shared.empty import draw_empty
from dashboard.shared.run_store import all_runs
from dashboard.shared.selection import choose_runs

MAX_RUNS = 8  # as many as there are colours

st.title("Curves")
runs = all_runs()
if not runs:
    draw_empty("Loss and mIoU of your runs will be drawn here while they train.")
elif chosen := choose_runs(runs, limit=MAX_RUNS):
    draw_live_chart(chosen, key="curves")
else:
    st.write("Choose one or more runs above to see their curves.")
