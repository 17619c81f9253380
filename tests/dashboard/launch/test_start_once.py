"""One press, one run."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dashboard.launch.start_once import Ticket
from segengine.config import RunConfig
from segengine.config.presets import DEFAULT, PRESETS
from segengine.run.rundir import RunDir


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of runs that were handed to a launcher (none is started)."""
    ids: list[str] = []
    monkeypatch.setattr("segengine.launchers.start.submit", lambda run, _: ids.append(run.id))
    return ids


def test_a_ticket_starts_one_run_however_often_it_is_pressed(
    tmp_path: Path, submitted: list[str]
) -> None:
    config, ticket = PRESETS[DEFAULT].config(), Ticket()
    presses = [threading.Thread(target=ticket.start, args=(config, tmp_path)) for _ in range(8)]
    for press in presses:
        press.start()
    for press in presses:
        press.join()
    assert submitted == [ticket.run_id]
    assert [run.id for run in RunDir.all(tmp_path)] == [ticket.run_id]


def test_a_failed_start_is_a_sentence_and_no_run(tmp_path: Path, submitted: list[str]) -> None:
    config, ticket = RunConfig.from_flat({"root": str(tmp_path)}), Ticket()
    ticket.start(config, tmp_path / "runs")
    assert "No Oxford-IIIT Pet" in ticket.problem
    assert not ticket.run_id and not submitted and not (tmp_path / "runs").exists()
