"""The server's routes beside Streamlit's own: the event stream, the CSV file, scripts."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path

import plotly
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from dashboard.server.answers import answering
from dashboard.server.mask_routes import mask_routes
from dashboard.server.run_list import run_list_routes
from dashboard.server.stream import Feed, Stream
from dashboard.server.watcher import Watcher
from dashboard.shared.rail_state import rail_state
from dashboard.shared.run_store import reading, row_of, runs_dir
from segengine.errors import UserError
from segengine.results.series import MAX_POINTS, as_csv, series_of
from segengine.run.rundir import RunDir

MAX_RUNS_PER_REQUEST = 60
ALL_POINTS = 20_000  # step points of all runs of a page: more would only slow the browser
LEAST_POINTS = 400  # of a run
FRAME = Path(__file__).resolve().parent  # frame.js, frame.css
PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def routes(watcher: Watcher) -> list[Route]:
    """All routes. Those of the list of runs change notes; the others only read."""
    return [
        *run_list_routes(),
        *mask_routes(),
        Route("/api/events", answering(partial(_events, watcher)), methods=["GET"]),
        Route("/api/states", answering(_states), methods=["GET"]),
        Route("/api/series.csv", answering(_series_csv), methods=["GET"]),
        Route("/api/plotly.min.js", answering(_plotly), methods=["GET"]),
        Route("/api/frame.js", answering(_frame), methods=["GET"]),
        Route("/api/frame.css", answering(_frame), methods=["GET"]),
    ]


def _events(watcher: Watcher, request: Request) -> Response:
    """The stream of `?runs=id,id`, from `&offsets=n,n` or the Last-Event-ID header on."""
    runs = _requested_runs(request)
    text = request.headers.get("last-event-id") or request.query_params.get("offsets") or ""
    offsets = _offsets(text, len(runs))
    most = min(MAX_POINTS, max(LEAST_POINTS, ALL_POINTS // len(runs)))
    feeds = [Feed(run, offset, most) for run, offset in zip(runs, offsets, strict=True)]
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    messages = Stream(watcher, feeds).messages()
    return StreamingResponse(messages, media_type="text/event-stream", headers=headers)


def _states(request: Request) -> Response:
    """What the rail says of `?runs=id,id`: id -> its state, shape, color and best score."""
    rows = (row_of(run) for run in _requested_runs(request))
    states = {row.run.id: asdict(rail_state(row)) for row in rows}
    return JSONResponse(states, headers={"Cache-Control": "no-store"})


def _series_csv(request: Request) -> Response:
    """Every point of `?runs=id,id`, not thinned out."""
    series = {}
    for run in _requested_runs(request):
        with reading(run) as log:
            series[run.id] = series_of(log)
    headers = {"Content-Disposition": 'attachment; filename="curves.csv"'}
    return Response(as_csv(series), media_type="text/csv", headers=headers)


def _plotly(request: Request) -> Response:
    """Plotly's script from the installed package; its address carries the version."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return FileResponse(PLOTLY_JS, media_type="text/javascript", headers=headers)


def _frame(request: Request) -> Response:
    """What every page loads before Streamlit: the script and the style sheet beside this file."""
    name = request.url.path.rpartition("/")[2]
    return FileResponse(FRAME / name, headers={"Cache-Control": "no-cache"})


def _requested_runs(request: Request) -> list[RunDir]:
    ids = list(dict.fromkeys(filter(None, request.query_params.get("runs", "").split(","))))
    if not 0 < len(ids) <= MAX_RUNS_PER_REQUEST:
        raise UserError(
            f"Ask for 1 to {MAX_RUNS_PER_REQUEST} runs, as in ?runs=id,id.", field="runs"
        )
    return [RunDir.open(runs_dir(), run_id) for run_id in ids]


def _offsets(text: str, count: int) -> list[int]:
    """One byte offset per run; -1 (also for an empty one) asks for everything."""
    words = text.split(",") if text else [""] * count
    try:
        offsets = [int(word) if word else -1 for word in words]
    except ValueError:
        offsets = []
    if len(offsets) != count:
        raise UserError(f"Offsets must be {count} whole numbers, one per run.", field="offsets")
    return offsets
