"""What the rail says of a run beside its name, which changes while it trains."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.shared.colors import STATE_LOOKS
from dashboard.shared.formats import format_miou
from segengine.results.table import RunRow


@dataclass(frozen=True)
class RailState:
    """The state of a run as a sign with its color (CSS) and a word, and its best mIoU as text."""

    shape: str
    color: str
    state: str
    active: bool
    best: str


def rail_state(row: RunRow) -> RailState:
    """The state of a run for the rail."""
    shape, color = STATE_LOOKS[row.status.state]
    status = row.status
    return RailState(shape, color, status.state, status.active, format_miou(status.best_miou))
