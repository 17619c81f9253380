"""Which addresses are pages, and what every page loads first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from dashboard.server.documents import PAGES, UNLISTED, Documents
from dashboard.server.routes import FRAME

DASHBOARD = Path(FRAME).parent


@pytest.fixture
def browser() -> Iterator[TestClient]:
    """Asks as a browser asks for a document; what the routes behind get, they answer "route"."""

    async def route(_: object) -> PlainTextResponse:
        return PlainTextResponse("route")

    app = Documents(Starlette(routes=[Route("/{path:path}", route)]))
    with TestClient(app, headers={"Accept": "text/html,*/*"}) as client:
        yield client


def test_every_page_is_a_folder_with_a_page() -> None:
    assert all((DASHBOARD / name / "page.py").is_file() for name in PAGES)
    assert {path.parent.name for path in DASHBOARD.glob("*/page.py")} == {*PAGES, *UNLISTED}


@pytest.mark.parametrize("path", ["/", *(f"/{name}" for name in PAGES)])
def test_a_page_loads_our_script_before_streamlits(browser: TestClient, path: str) -> None:
    reply = browser.get(path + "?runs=a")
    assert reply.status_code == 200
    assert "<title>SegLab</title>" in reply.text
    scripts = re.findall(r'<script[^>]* src="([^"]+)"', reply.text.replace("<script ", "<script  "))
    assert scripts[0] == "/api/frame.js"
    if path == "/curves":
        assert scripts.pop(1).startswith("/api/plotly.min.js?v=")
    assert scripts[1].startswith("./static/js/")


@pytest.mark.parametrize("path", ["/launch/x", "/nope", "/runs/a/b", "/launch/static/js/x.js"])
def test_other_documents_are_not_there(browser: TestClient, path: str) -> None:
    reply = browser.get(path)
    assert reply.status_code == 404
    assert f"There is no page {path} here" in reply.text


def test_an_address_is_no_markup(browser: TestClient) -> None:
    assert "&lt;script&gt;" in browser.get("/<script>").text


@pytest.mark.parametrize(
    "path", ["/api/events", "/_stcore/health", "/static/js/x.js", "/media/a.png", "/favicon.png"]
)
def test_what_a_route_answers_is_left_to_it(browser: TestClient, path: str) -> None:
    assert browser.get(path).text == "route"
    assert browser.get("/launch/_stcore/health", headers={"Accept": "*/*"}).text == "route"
    assert browser.post("/launch").status_code == 405  # by the route behind
