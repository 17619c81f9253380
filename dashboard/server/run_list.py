"""The routes of the list of runs: the lines in sight, the ids of the others, and their notes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from typing_extensions import NotRequired, TypedDict

from dashboard.runs.columns import Sorting, catalog
from dashboard.runs.listing import MOST_LINES, Query, listing, matching_ids
from dashboard.server.answers import answering, answering_json, problem
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.run_store import look_at_runs, row_of, runs_dir
from segengine.errors import UserError
from segengine.run.notes import NoteField, NotesChanged, change_notes
from segengine.run.records import first_problem
from segengine.run.rundir import RunDir

LOOK_SECONDS = 0.4  # of one answer, for runs that nobody read before


class Change(TypedDict):
    """A change of notes, as `change_notes` takes it."""

    changes: NotRequired[dict[NoteField, Any]]
    expected: NotRequired[dict[NoteField, Any]]
    tag: NotRequired[tuple[str, ...]]
    untag: NotRequired[tuple[str, ...]]


class Asked(TypedDict):
    """Which ids are asked for: all that the query finds, or those of `among`."""

    query: dict[str, str]
    among: NotRequired[list[str]]


_CHANGE, _ASKED = TypeAdapter(Change), TypeAdapter(Asked)


def run_list_routes() -> list[Route]:
    """The routes of the Runs page."""
    return [
        Route("/api/runs", answering(_lines), methods=["GET"]),
        Route("/api/runs/columns", answering(_columns), methods=["GET"]),
        Route("/api/runs/ids", answering_json(_ids), methods=["POST"]),
        Route("/api/runs/{run}/notes", answering_json(_change_notes), methods=["PATCH"]),
    ]


def _lines(request: Request) -> Response:
    """The lines of a query; without content where the browser has them, by `known`."""
    params = request.query_params
    found = listing(query_of(params), look_at_runs(LOOK_SECONDS), params.get("known", ""))
    headers = {"Cache-Control": "no-store"}
    if found is None:
        return Response(status_code=204, headers=headers)
    if found["problem"]:
        found["problem"] = in_browser_words(found["problem"])
    text = json.dumps(found, allow_nan=False, separators=(",", ":"))
    return Response(text, media_type="application/json", headers=headers)


def _columns(request: Request) -> Response:
    """Every column that can be chosen, by title."""
    columns = sorted(catalog().values(), key=lambda column: column["title"].lower())
    return JSONResponse(columns, headers={"Cache-Control": "no-store"})


def _ids(request: Request, sent: Any) -> Response:
    """The ids of the runs that a query finds, in the table's order."""
    asked = _read(_ASKED, sent)
    return JSONResponse(
        matching_ids(query_of(asked["query"]), look_at_runs(LOOK_SECONDS), asked.get("among"))
    )


def _change_notes(request: Request, sent: Any) -> Response:
    """Change a run's notes; the answer holds all of them."""
    run = RunDir.open(runs_dir(), request.path_params["run"])
    change = _read(_CHANGE, sent)
    try:
        notes = change_notes(
            run,
            expected=change.get("expected", {}),
            tag=change.get("tag", ()),
            untag=change.get("untag", ()),
            **change.get("changes", {}),
        )
    except NotesChanged as error:
        return JSONResponse({"error": str(error), "now": error.now}, 409)
    except UserError as error:
        return problem(error)
    row_of(run)  # the next look need not find it
    return JSONResponse(notes)


def query_of(params: Mapping[str, str]) -> Query:
    """The query of an address or of sent text.

    Raises:
        UserError: a number in it is none.
    """
    columns = params.get("columns")
    return Query(
        filter=params.get("filter", ""),
        archived=params.get("archived") == "1",
        sorting=Sorting(params.get("sort", "started"), params.get("descending", "1") == "1"),
        group=params.get("group", ""),
        closed=frozenset(filter(None, params.get("closed", "").split("\n"))),
        columns=None if columns is None else tuple(filter(None, columns.split(","))),
        start=_whole("start", params.get("start", "0")),
        count=min(_whole("count", params.get("count", "60")), MOST_LINES),
    )


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise UserError(f"{name} must be a whole number.", field=name)
    return int(text)


def _read(kind: TypeAdapter[Any], sent: Any) -> Any:
    """What was sent, as declared.

    Raises:
        UserError: it is not.
    """
    try:
        return kind.validate_python(sent)
    except ValidationError as error:
        raise UserError(f"The request makes no sense: {first_problem(error)}.") from None
