"""The routes over real HTTP: what they give, and what they refuse."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import pytest

from tests.dashboard.server.conftest import get
from tests.made_runs import make_run

UNKNOWN = "20261121-142501-segformer_b0-scratch-3fa9"


@pytest.mark.parametrize("run_id", ["../secret", "..%2F..%2Fetc", "a/b", UNKNOWN, "x" * 300, "%00"])
def test_ids_that_are_no_runs_are_refused_with_a_sentence(port: int, run_id: str) -> None:
    status, text = get(port, f"/api/events?runs={run_id}")
    assert status == 404
    assert "run" in json.loads(text)["error"]


@pytest.mark.parametrize("query", ["", "?runs=", "?runs=,,", f"?runs={UNKNOWN}&offsets=1,2"])
def test_a_question_that_makes_no_sense_is_refused(port: int, query: str) -> None:
    assert get(port, f"/api/events{query}")[0] in (400, 404)


def test_bad_offsets_are_refused(port: int, runs_dir: Path) -> None:
    run = make_run(runs_dir, epochs_done=1)
    for offsets in ("1,2", "abc", "1.5"):
        assert get(port, f"/api/events?runs={run.id}&offsets={offsets}")[0] == 400


def test_the_routes_only_answer_to_reading(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/api/events?runs=a")
    assert connection.getresponse().status == 405
    connection.close()


def test_plotly_comes_from_the_installed_package_and_is_kept_by_the_browser(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/api/plotly.min.js")
    reply = connection.getresponse()
    assert b"plotly.js" in reply.read()[:200]
    assert "immutable" in (reply.getheader("cache-control") or "")
    connection.close()


def test_the_curves_can_be_downloaded_as_a_table(port: int, runs_dir: Path) -> None:
    run = make_run(runs_dir, epochs_done=2)
    status, text = get(port, f"/api/series.csv?runs={run.id}")
    lines = text.splitlines()
    assert (status, lines[0]) == (200, "run,curve,epoch,seconds,value")
    # 10 steps with loss, lr and speed; 2 epochs with lr, duration, 6 scores and 3 classes twice
    assert len(lines) == 1 + 3 * 10 + 2 * (2 + 2 * (6 + 3))
