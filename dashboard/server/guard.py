"""Only our own pages reach the added routes: what a request's Host and Origin must be.

Streamlit's own protection does not cover added routes: another site's page could reach them
through a name that points to this machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from streamlit import config as streamlit_config

from segengine.errors import UserError


def guarded(endpoint: Callable[[Request], Response]) -> Callable[[Request], Any]:
    """The endpoint for requests of our own pages only; a UserError is answered by its sentence."""

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
    return name in allowed or "*" in allowed
