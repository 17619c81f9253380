"""Who may reach the routes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dashboard.server.conftest import get
from tests.made_runs import make_run


@pytest.mark.parametrize("path", ["/api/events", "/api/series.csv", "/api/plotly.min.js"])
def test_other_sites_cannot_reach_the_routes(port: int, runs_dir: Path, path: str) -> None:
    run = make_run(runs_dir, epochs_done=1)
    where = f"{path}?runs={run.id}"
    assert get(port, where, Host="evil.example")[0] == 403
    assert get(port, where, Host="127.0.0.1.evil.example")[0] == 403
    assert get(port, where, Origin="http://evil.example")[0] == 403
    assert get(port, where, Origin=f"http://127.0.0.1:{port + 1}")[0] == 403
