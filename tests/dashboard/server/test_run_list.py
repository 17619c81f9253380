"""The routes of the list of runs: what they answer, and who may change notes through them."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from segengine.run.notes import change_notes
from tests.dashboard.server.conftest import get
from tests.made_runs import make_run


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGLAB_CACHE", str(tmp_path / "cache"))


def sent(port: int, method: str, path: str, content: Any, **headers: str) -> tuple[int, Any]:
    """The status and the JSON of the answer to a page of ours."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = content if isinstance(content, str) else json.dumps(content)
    headers = headers or {"Origin": f"http://127.0.0.1:{port}"}
    try:
        connection.request(method, path, body=body, headers=headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def test_lines_are_sent_once_and_then_only_when_something_changed(
    port: int, runs_dir: Path
) -> None:
    run = make_run(runs_dir)
    status, body = get(port, "/api/runs?count=10")
    found = json.loads(body)
    assert (status, [line["id"] for line in found["lines"]]) == (200, [run.id])
    token = found["token"]
    for _ in range(5):  # until its disk use is counted
        status, body = get(port, f"/api/runs?count=10&known={quote(token)}")
        token = json.loads(body)["token"] if status == 200 else token
    assert (status, body) == (204, "")
    change_notes(run, name="new")
    status, body = get(port, f"/api/runs?count=10&known={quote(token)}")
    assert json.loads(body)["lines"][0]["label"] == "new"


@pytest.mark.parametrize(
    "params", ["start=-1", "start=x", "count=1e3", "sort=nonsense", "columns=nonsense", "group=a"]
)
def test_what_no_page_asks_for_is_refused_in_a_sentence(
    port: int, runs_dir: Path, params: str
) -> None:
    make_run(runs_dir)
    status, body = get(port, f"/api/runs?{params}")
    assert status == 400
    assert json.loads(body)["error"].endswith((".", "?"))


def test_notes_are_changed_and_conflicts_told(port: int, runs_dir: Path) -> None:
    run = make_run(runs_dir)
    path = f"/api/runs/{run.id}/notes"
    assert sent(port, "PATCH", path, {"changes": {"name": "a"}, "tag": ["x"]}) == (
        200,
        {"name": "a", "tags": ["x"]},
    )
    change = {"changes": {"name": "b"}, "expected": {"name": ""}}
    status, answer = sent(port, "PATCH", path, change)
    assert (status, answer["now"], run.notes()["name"]) == (409, "a", "a")


@pytest.mark.parametrize(
    "content",
    [
        {"changes": {"run": "x"}},
        {"changes": {"mood": "x"}},
        {"changes": {"star": "yes"}},
        [],
        "{",
        '{"changes": {"name": "\\ud800"}}',
    ],
)
def test_changes_that_make_no_sense_change_nothing(port: int, runs_dir: Path, content: Any) -> None:
    run = make_run(runs_dir)
    status, answer = sent(port, "PATCH", f"/api/runs/{run.id}/notes", content)
    assert (status, run.notes()) == (400, {})
    assert answer["error"]


def test_only_our_own_pages_change_notes(port: int, runs_dir: Path) -> None:
    run = make_run(runs_dir)
    path, change = f"/api/runs/{run.id}/notes", {"changes": {"name": "x"}}
    status, _ = sent(port, "PATCH", path, change, **{"X-Nothing": "no origin"})
    assert status == 403
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Origin": "http://evil.example"}
    connection.request("PATCH", path, body=json.dumps(change), headers=headers)
    assert connection.getresponse().status == 403
    connection.close()
    assert run.notes() == {}
    assert sent(port, "PATCH", "/api/runs/..%20etc/notes", change)[0] == 404
    assert sent(port, "PATCH", f"/api/runs/{run.id[:-4]}ffff/notes", change)[0] == 404


def test_ids_are_those_that_the_filter_finds(port: int, runs_dir: Path) -> None:
    unet, other = make_run(runs_dir, arch="unet", base_width=8), make_run(runs_dir)
    asked: dict[str, Any] = {"query": {"filter": "unet"}}
    assert sent(port, "POST", "/api/runs/ids", asked) == (200, [unet.id])
    asked["among"] = [other.id]
    assert sent(port, "POST", "/api/runs/ids", asked) == (200, [])
    assert sent(port, "POST", "/api/runs/ids", {"query": {"filter": "("}})[0] == 400
