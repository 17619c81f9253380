"""Pages of other sites, in a real browser: they can neither use the dashboard nor frame it."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Dashboard, watch_errors
from tests.browser.test_sweep import finished_sweep
from tests.made_runs import make_run

pytestmark = pytest.mark.browser

PAGES = ("launch", "runs", "curves", "compare", "masks", "guide")
OPENS = """(url) => new Promise((resolve) => {
  const socket = new WebSocket(url, ["streamlit"]);
  socket.onopen = () => resolve(true);
  socket.onerror = () => resolve(false);
})"""


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page for which our content policy holds, as it does for people."""
    opened = watch_errors(chromium.new_page(viewport={"width": 1440, "height": 900}))
    yield opened
    opened.close()


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """The address of another server of this machine, with a page of its own."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>Stranger</title>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_page_on_another_port_cannot_open_the_websocket(
    dashboard: Dashboard, page: Any, stranger: str
) -> None:
    stream = f"ws://127.0.0.1:{dashboard.port}/_stcore/stream"
    page.goto(stranger)
    assert not page.evaluate(OPENS, stream)
    page.goto(dashboard.url)
    assert page.evaluate(OPENS, stream), "the dashboard's own pages must be able to"


def test_a_page_of_another_site_cannot_frame_the_dashboard(
    dashboard: Dashboard, page: Any, stranger: str
) -> None:
    page.goto(stranger)
    blocked = "frame-ancestors 'none'"
    with page.expect_console_message(lambda line: blocked in line.text):
        page.evaluate(
            "(url) => { document.body.appendChild(document.createElement('iframe')).src = url; }",
            f"{dashboard.url}/launch",
        )
    assert all(dashboard.url not in frame.url for frame in page.frames)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_ours_breaks_the_content_policy(
    dashboard: Dashboard, page: Any, real_pets: Path, scheme: str
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, epochs_done=1, train_limit=8, val_limit=4)
    page.emulate_media(color_scheme=scheme)
    sweep = finished_sweep(dashboard.runs_dir)
    for address, heading in ((f"run?id={run.id}", "Scores"), (f"sweep?id={sweep.id}", "Runs")):
        page.goto(f"{dashboard.url}/{address}")
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        page.wait_for_timeout(1500)
    for name in PAGES:
        page.goto(f"{dashboard.url}/{name}?runs={run.id}")
        page.get_by_role("heading", name=name.capitalize(), exact=True).wait_for()
        page.wait_for_timeout(1500)  # charts and pictures come after the heading
    assert not page.errors
