"""The live path to the browser: what is new in the logs, as server-sent events.

A stream follows some runs. Its messages carry points for the chart, never whole logs, and their id
is the byte offset reached in each log: a browser that comes back goes on exactly there.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import plotly
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from streamlit import config as streamlit_config

from dashboard.server.status_line import LiveStatus, live_status
from dashboard.server.watcher import Watcher
from dashboard.shared.run_store import reading, runs_dir
from segengine.errors import UserError
from segengine.results.series import (
    MAX_POINTS,
    Series,
    as_csv,
    downsampled,
    points_of,
    series_of,
    steps_per_epoch,
)
from segengine.run.events import read_events
from segengine.run.rundir import RunDir

CHECK_SECONDS = 2.0  # how often a silent stream looks for what no file says: a process that is gone
HEARTBEAT_SECONDS = 15.0  # a silent stream says so, and notices readers that are gone
GAP_SECONDS = 0.04  # messages of one stream are at least that far apart
RETRY_MS = 500  # after which a browser that lost the server asks again
MAX_RUNS = 20
PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


@dataclass
class Feed:
    """What one stream has told its reader of one run.

    Attributes:
        offset: byte in the log up to which everything was told; -1: nothing was.
        steps: step points told since the last whole picture.
    """

    run: RunDir
    offset: int = -1
    steps: int = 0
    status: LiveStatus | None = None

    def news(self) -> dict[str, Any] | None:
        """What the reader does not know yet; None where there is nothing.

        Returns:
            id, status, series (curve -> x, y), and reset: whether the series replace all earlier
            points. That is so at first, when a resumed run does epochs again, and when so many
            steps were added that the curve must be thinned out.
        """
        with reading(self.run) as log:
            status = live_status(self.run, log)
            if self.offset < 0 or self.offset > log.offset:
                return self._whole(series_of(log), log.offset, status)
            events, offset = read_events(self.run.events_file, self.offset)
            again = any(event["event"] == "run_started" for event in events)
            fresh = points_of(events, steps_per_epoch(log))
            self.steps += len(fresh["step_loss"].x) if "step_loss" in fresh else 0
            if again or self.steps > MAX_POINTS:
                return self._whole(series_of(log), log.offset, status)
        self.offset = offset
        if not (fresh or self._moved(status) or (events and status != self.status)):
            return None
        self.status = status
        return self._message(fresh, reset=False)

    def _whole(self, series: Series, offset: int, status: LiveStatus) -> dict[str, Any]:
        self.offset, self.steps, self.status = offset, 0, status
        return self._message(downsampled(series), reset=True)

    def _message(self, series: Series, *, reset: bool) -> dict[str, Any]:
        assert self.status is not None
        curves = {curve: asdict(points) for curve, points in series.items()}
        status = asdict(self.status)
        return {"id": self.run.id, "reset": reset, "series": curves, "status": status}

    def _moved(self, status: LiveStatus) -> bool:
        """Whether more than the clock moved: time left alone is told along with other news."""
        return self.status is None or status.without_clock() != self.status.without_clock()


@dataclass
class Stream:
    """The open stream of one page."""

    watcher: Watcher
    feeds: list[Feed]
    spoken: float = field(default_factory=time.monotonic)

    async def events(self) -> AsyncIterator[str]:
        """Server-sent events, from everything not yet told on, until the server stops."""
        yield f"retry: {RETRY_MS}\n\n"
        ids = [feed.run.id for feed in self.feeds]
        with self.watcher.subscribed(ids) as subscription:
            changed = set(ids)
            while not subscription.ended:
                if text := await self._say(changed):
                    self.spoken = time.monotonic()
                    yield text
                await asyncio.sleep(GAP_SECONDS)
                changed = await subscription.changed(CHECK_SECONDS) or set(ids)

    async def _say(self, changed: set[str]) -> str:
        """The news of these runs as one event, a sign of life, or nothing."""
        feeds = [feed for feed in self.feeds if feed.run.id in changed]
        if news := await asyncio.to_thread(_gather, feeds):
            offsets = ",".join(str(feed.offset) for feed in self.feeds)
            body = json.dumps({"runs": news}, allow_nan=False, separators=(",", ":"))
            return f"id: {offsets}\ndata: {body}\n\n"
        silent = time.monotonic() - self.spoken > HEARTBEAT_SECONDS
        return ": still here\n\n" if silent else ""


def routes(watcher: Watcher) -> list[Route]:
    """The server's routes beside Streamlit's own. All are read-only."""
    return [
        Route("/api/events", guarded(partial(_events, watcher)), methods=["GET"]),
        Route("/api/series.csv", guarded(_series_csv), methods=["GET"]),
        Route("/api/plotly.min.js", guarded(_plotly), methods=["GET"]),
    ]


def guarded(endpoint: Callable[[Request], Response]) -> Callable[[Request], Any]:
    """The endpoint for requests of our own pages only; UserErrors become their sentence.

    Streamlit's own protection does not cover added routes: another site's page could reach them
    through a name that points to this machine.
    """

    async def guard(request: Request) -> Response:
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not host_allowed(host) or (origin and urlsplit(origin).netloc != host):
            return JSONResponse({"error": "Open the dashboard under its own address."}, 403)
        try:
            return await asyncio.to_thread(endpoint, request)
        except UserError as error:
            return JSONResponse({"error": str(error)}, 404 if error.field == "run" else 400)

    return guard


def host_allowed(host: str) -> bool:
    """Whether a Host header names this dashboard: localhost, or what its configuration says."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    option = streamlit_config.get_option
    allowed = {"localhost", "127.0.0.1", "::1", *option("server.allowedHosts")}
    allowed |= {option("server.address"), option("browser.serverAddress")}
    return name in allowed or "*" in option("server.allowedHosts")


def _events(watcher: Watcher, request: Request) -> Response:
    """The stream of `?runs=id,id`, from `&offsets=n,n` or the Last-Event-ID header on."""
    runs = _asked_runs(request)
    text = request.headers.get("last-event-id") or request.query_params.get("offsets") or ""
    offsets = _offsets(text, len(runs))
    feeds = [Feed(run, offset) for run, offset in zip(runs, offsets, strict=True)]
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = Stream(watcher, feeds).events()
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


def _series_csv(request: Request) -> Response:
    """Every point of `?runs=id,id`, not thinned out."""
    series = {}
    for run in _asked_runs(request):
        with reading(run) as log:
            series[run.id] = series_of(log)
    headers = {"Content-Disposition": 'attachment; filename="curves.csv"'}
    return Response(as_csv(series), media_type="text/csv", headers=headers)


def _plotly(request: Request) -> Response:
    """Plotly's script from the installed package; its address carries the version."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return FileResponse(PLOTLY_JS, media_type="text/javascript", headers=headers)


def _asked_runs(request: Request) -> list[RunDir]:
    ids = list(dict.fromkeys(filter(None, request.query_params.get("runs", "").split(","))))
    if not 0 < len(ids) <= MAX_RUNS:
        raise UserError(f"Ask for 1 to {MAX_RUNS} runs, as in ?runs=id,id.", field="runs")
    return [RunDir.open(runs_dir(), run_id) for run_id in ids]


def _offsets(text: str, count: int) -> list[int]:
    """One byte offset a run; -1 (also for an empty one) asks for everything."""
    words = text.split(",") if text else [""] * count
    try:
        offsets = [int(word) if word else -1 for word in words]
    except ValueError:
        offsets = []
    if len(offsets) != count:
        raise UserError(f"Offsets must be {count} whole numbers, one a run.", field="offsets")
    return offsets


def _gather(feeds: Sequence[Feed]) -> list[dict[str, Any]]:
    return [news for feed in feeds if (news := feed.news())]
