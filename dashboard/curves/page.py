"""Curves: loss and mIoU of the chosen runs, live."""

from __future__ import annotations

import streamlit as st

from dashboard.curves.live_chart import draw_live_chart
from dashboard.shared.colors import OKABE_ITO
from dashboard.shared.empty import draw_empty
from dashboard.shared.run_store import all_runs
from dashboard.shared.selection import draw_run_picker

st.title("Curves")
runs = all_runs()
if not runs:
    draw_empty("Loss and mIoU of your runs will be drawn here while they train.")
elif chosen := draw_run_picker(runs, limit=len(OKABE_ITO)):  # no two in one color
    draw_live_chart(chosen, key="curves")
else:
    st.write("Choose one or more runs above to see their curves.")
