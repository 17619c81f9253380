"""Only our own pages reach the server, and no other site's page may hold one of ours in a frame.

Streamlit compares host names alone and looks at its own routes alone: a page on another port of
this machine would be taken for ours, and so would a foreign name that points here.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocketClose
from streamlit import config as streamlit_config
from streamlit.file_util import get_static_dir

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PORTS = {"http": 80, "https": 443}
_POLICY_VIOLATION = 1008  # the websocket protocol's code


class Guard:
    """ASGI middleware around every route and websocket, Streamlit's and ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a stranger's request with a sentence; give all other answers safe headers."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_safe_headers())
            await send(message)

        sentence = refusal(Headers(scope=scope))
        if sentence is None:
            await self._app(scope, receive, send_safely)
        elif scope["type"] == "websocket":
            await WebSocketClose(_POLICY_VIOLATION)(scope, receive, send)
        else:
            await PlainTextResponse(sentence, 403)(scope, receive, send_safely)


def refusal(headers: Headers) -> str | None:
    """Why a request with these headers is not one of our pages'; None where it is."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if not host_allowed(host):
        return (
            "The dashboard is not served under this name. Open it under its own address "
            "(http://127.0.0.1 and its port), or start it with --server.allowedHosts and this name."
        )
    if origin is not None and not _origin_allowed(origin, host):
        return (
            f"Only the dashboard's own pages may use it, and this request comes from {origin}. "
            "A proxy in between must pass on the Host header that the browser sent, or the "
            "dashboard be started with --server.corsAllowedOrigins and that address."
        )
    return None


def host_allowed(host: str) -> bool:
    """Whether a Host header names this dashboard, as `server.allowedHosts` lists its names."""
    name, _ = _place(f"//{host}")
    allowed = [str(item).lower() for item in streamlit_config.get_option("server.allowedHosts")]
    return bool(name) and any(
        item in (name, "*") or (item.startswith("*.") and name.endswith(item[1:]))
        for item in allowed
    )


def _origin_allowed(origin: str, host: str) -> bool:
    """Whether an Origin ("http://localhost:8501") is the host and the port of a Host header.

    Or one of those that a person allowed by `server.corsAllowedOrigins`.
    """
    if origin in (streamlit_config.get_option("server.corsAllowedOrigins") or ()):
        return True
    scheme = origin.partition(":")[0]
    place = _place(origin)
    return scheme in _PORTS and bool(place[0]) and place == _place(f"{scheme}://{host}")


def _place(address: str) -> tuple[str, int | None]:
    """(host name in lower case, port), the name "" where the address makes no sense."""
    try:
        parts = urlsplit(address)
        return (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "", None


@cache
def _safe_headers() -> dict[str, str]:
    """Headers of every answer."""
    return {
        "Content-Security-Policy": "; ".join(_content_policy()),
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
    }


def _content_policy() -> list[str]:
    """What our pages may load and who may frame them.

    Streamlit styles its elements through style attributes and elements, and loads a component's
    script from a blob that it makes in the page.
    """
    scripts = " ".join(["'self'", "blob:", *_inline_script_hashes()])
    return [
        "default-src 'self'",
        f"script-src {scripts}",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]


def _inline_script_hashes() -> list[str]:
    """The scripts that stand in Streamlit's own page, by their hashes: no others may run inline."""
    page = (Path(get_static_dir()) / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
