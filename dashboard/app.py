"""What `streamlit run` starts: the pages, the server's routes and what lives as long as it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # `streamlit run` puts this folder there, not the project
    sys.path.insert(0, str(HERE.parent))

from dashboard.server import folder_lock, settings  # noqa: E402 - needs the path above
from dashboard.server.documents import Documents  # noqa: E402
from dashboard.server.guard import Guard  # noqa: E402
from dashboard.server.routes import routes  # noqa: E402
from dashboard.server.watcher import Watcher  # noqa: E402
from dashboard.shared.run_store import read_ahead, runs_dir  # noqa: E402
from segengine.results.removal import remove_leftovers  # noqa: E402

if sentence := settings.refusal():
    sys.exit(sentence)
if sentence := settings.exposure():
    print(sentence, file=sys.stderr)

watcher = Watcher(runs_dir())


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
    """Follow the runs folder and keep other dashboards out, as long as the server lives."""
    if folder_lock.problem() is None:  # takes the folder before any page opens
        remove_leftovers(runs_dir())
    watcher.start()
    threading.Thread(target=_prepare, name="prepare", daemon=True).start()
    _end_streams_on(signal.SIGINT, signal.SIGTERM)
    try:
        yield {}
    finally:
        watcher.stop()
        folder_lock.release()


def _prepare() -> None:
    """What the first page would have to wait for, while nobody waits."""
    import pandas  # noqa: F401 - which Streamlit imports with the first component

    read_ahead()


def _end_streams_on(*signals: signal.Signals) -> None:
    """End the open streams before the server's own handler, which would wait for them forever."""
    for number in signals:
        server_handler = signal.getsignal(number)

        def handle(signum: int, frame: FrameType | None, then: Any = server_handler) -> None:
            watcher.end_streams()
            if callable(then):
                then(signum, frame)

        signal.signal(number, handle)


def say_error(error: Exception) -> bool:
    """What a page says of an error that nobody expected; the terminal has its traceback."""
    st.error(
        f"This page met an error that it should not meet ({type(error).__name__}). Your runs go "
        "on. Reload the page; if the error comes back, the terminal where the dashboard was "
        "started says where it happened."
    )
    return True


app = st.App(
    HERE / "navigation.py",
    routes=routes(watcher),
    middleware=[Middleware(Guard), Middleware(Documents)],
    lifespan=lifespan,
    on_script_error=say_error,
)
