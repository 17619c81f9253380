"""The HTML documents: Streamlit's own for every page, with our script before its, and no others."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from plotly.offline import get_plotlyjs_version
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse
from streamlit.file_util import get_static_dir

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

# The folders of the pages, in the order of the navigation; the first one is where people arrive.
PAGES = ("launch", "runs", "curves", "compare", "masks", "guide")
UNLISTED = ("run", "sweep")  # pages that other pages lead to

_SERVED = frozenset({"api", "_stcore", "media", "component", "static", "auth", "oauth2callback"})
_HEAD = '<link rel="stylesheet" href="/api/frame.css"><script src="/api/frame.js"></script>'
# Curves need Plotly, which takes a browser a second: it begins while the page's script runs.
_PLOTLY = f'<script async src="/api/plotly.min.js?v={get_plotlyjs_version()}"></script>'
_WITH_CURVES = ("/curves", "/run")
_NOT_FOUND = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Not found · SegLab</title>
<style>body {{ font: 16px/1.5 Inter, system-ui, sans-serif; margin: 3rem 1.75rem; }}</style>
</head>
<body><h1>SegLab</h1><p>There is no page {path} here. There are: {pages}.</p></body>
</html>
"""


class Documents:
    """ASGI middleware that answers for pages, and in a sentence for what looks like one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for a document; leave all else to the routes."""
        path = scope.get("path", "")
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        elif path in _page_paths():
            text = _page(with_curves=path in _WITH_CURVES)
            page = HTMLResponse(text, headers={"Cache-Control": "no-cache"})
            await page(scope, receive, send)
        elif "text/html" in Headers(scope=scope).get("accept", "") and not _is_served(path):
            await HTMLResponse(_not_found(path), 404)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


@cache
def _page_paths() -> frozenset[str]:
    return frozenset({"/", *(f"/{page}" for page in (*PAGES, *UNLISTED))})


@cache
def _page(*, with_curves: bool) -> str:
    """Streamlit's document, which loads our script and style sheet first."""
    page = (Path(get_static_dir()) / "index.html").read_text(encoding="utf-8")
    head = f"<head>{_HEAD}{_PLOTLY if with_curves else ''}"
    return page.replace("<head>", head, 1).replace(
        "<title>Streamlit</title>", "<title>SegLab</title>", 1
    )


def _is_served(path: str) -> bool:
    """Whether a route may have an answer: our own and Streamlit's places, its files, "/runs/"."""
    first, _, rest = path.lstrip("/").partition("/")
    return first in _SERVED or (not rest and first in (*PAGES, *UNLISTED, *_static_files()))


@cache
def _static_files() -> frozenset[str]:
    return frozenset(file.name for file in Path(get_static_dir()).iterdir())


def _not_found(path: str) -> str:
    links = ", ".join(f'<a href="/{page}">{page.capitalize()}</a>' for page in PAGES)
    return _NOT_FOUND.format(path=escape(path[:200]), pages=links)
