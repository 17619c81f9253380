"""Curves: loss and mIoU of the chosen runs, live."""

from __future__ import annotations

import streamlit as st

from dashboard.curves.live_chart import draw_live_chart
from dashboard.curves.notes import comparison_notes
from dashboard.shared.colors import RUN_COLORS
from dashboard.shared.empty import draw_empty
from dashboard.shared.formats import escaped
from dashboard.shared.run_store import all_runs, log_of
from dashboard.shared.selection import draw_run_picker

runs = all_runs()
if not runs:
    st.title("Curves", anchor=False)
    draw_empty("Loss and mIoU of your runs will be drawn here while they train.")
elif chosen := draw_run_picker("Curves", runs, limit=len(RUN_COLORS)):  # no two in one color
    shown = [choice.run for choice in chosen]
    if notes := comparison_notes(shown, [log_of(run) for run in shown]):
        st.caption(escaped(" ".join(notes)))
    draw_live_chart(chosen, key="curves")
else:
    st.write("Choose one or more runs above to see their curves.")
