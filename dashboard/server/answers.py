"""How a route answers: beside the event loop, and with a sentence where it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from segengine.errors import UserError


def answering(endpoint: Callable[[Request], Response]) -> Callable[[Request], Any]:
    """The endpoint, run beside the event loop; a UserError is answered by its sentence."""

    async def answer(request: Request) -> Response:
        try:
            return await asyncio.to_thread(endpoint, request)
        except UserError as error:
            return problem(error)

    return answer


def answering_json(endpoint: Callable[[Request, Any], Response]) -> Callable[[Request], Any]:
    """The same for an endpoint that is sent JSON.

    Only a page of ours can send it: a browser gives the origin of whatever page asks, which the
    guard compares with ours, and what gives none is no page.
    """

    async def answer(request: Request) -> Response:
        if "origin" not in request.headers:
            return JSONResponse({"error": "Only the dashboard's own pages may do this."}, 403)
        try:
            sent = await request.json()
        except (ValueError, RecursionError):
            return JSONResponse({"error": "The request is no JSON."}, 400)
        try:
            return await asyncio.to_thread(endpoint, request, sent)
        except UserError as error:
            return problem(error)

    return answer


def problem(error: UserError, **more: Any) -> JSONResponse:
    """The answer for a sentence."""
    status = 404 if error.field == "run" else 400
    return JSONResponse({"error": str(error), **more}, status)
