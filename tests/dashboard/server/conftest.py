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

from dashboard.server.routes import routes
from dashboard.server.watcher import Watcher
from segengine.run.rundir import RunDir
from tests.browser.conftest import free_port
from tests.event_stream import Reader


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
    app = Starlette(routes=routes(watcher))
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
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    reply = connection.getresponse()
    status, text = reply.status, reply.read().decode()
    connection.close()
    return status, text
