"""A server with the live routes, and readers of its event streams."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from streamlit import config as streamlit_config

from dashboard.server import settings
from dashboard.server.guard import Guard
from dashboard.server.routes import routes
from dashboard.server.watcher import Watcher
from segengine.run.rundir import RunDir
from tests.browser.conftest import free_port
from tests.event_stream import Reader


@pytest.fixture(autouse=True)
def streamlit_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Streamlit's settings as `streamlit run dashboard/app.py` reads them."""
    with monkeypatch.context() as patch:
        patch.setattr(streamlit_config, "_main_script_path", str(settings.APP))
        streamlit_config.get_config_options(force_reparse=True)
        yield
    streamlit_config.get_config_options(force_reparse=True)


@pytest.fixture
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"  # not there yet: following it makes it
    monkeypatch.setenv("SEGLAB_RUNS", str(folder))
    return folder


@pytest.fixture
def watcher(runs_dir: Path) -> Iterator[Watcher]:
    watcher = Watcher(runs_dir)
    watcher.start()
    yield watcher
    watcher.stop()


@pytest.fixture
def port(watcher: Watcher) -> Iterator[int]:
    """Of a server with the live routes."""
    number = free_port()
    app = Starlette(routes=routes(watcher), middleware=[Middleware(Guard)])
    server = uvicorn.Server(uvicorn.Config(app, port=number, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield number
    watcher.end_streams()
    server.should_exit = True
    thread.join(timeout=10)
    assert not thread.is_alive(), "an open stream kept the server from stopping"


@pytest.fixture
def listen(port: int) -> Iterator[Callable[..., Reader]]:
    """Opens event streams; closes them afterwards."""
    with contextlib.ExitStack() as stack:

        def opened(*runs: RunDir, offsets: str = "", **headers: str) -> Reader:
            ids = ",".join(run.id for run in runs)
            reader = Reader(port, f"/api/events?runs={ids}&offsets={offsets}", **headers)
            stack.callback(reader.close)
            return reader

        yield opened


def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    """The status and the body of an answer."""
    with _asked(port, path, headers) as reply:
        return reply.status, reply.read().decode()


def get_headers(port: int, path: str, **headers: str) -> dict[str, str]:
    """The headers of an answer, their names in lower case."""
    with _asked(port, path, headers) as reply:
        return {name.lower(): value for name, value in reply.getheaders()}


@contextlib.contextmanager
def _asked(port: int, path: str, headers: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        yield connection.getresponse()
    finally:
        connection.close()
