"""The guide's texts: which there are, and how one reads inside the app."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "guide"
FILES = {  # name in the app -> file, in reading order
    "Overview": "index.md",
    "Tutorial": "tutorial.md",
    "How-to": "how-to.md",
    "Explanation": "explanation.md",
    "Results": "results.md",
    "Glossary": "glossary.md",
    "Config": "reference-config.md",
    "Commands": "reference-cli.md",
    "Events": "reference-events.md",
    "Run folder": "reference-run-folder.md",
}
FIRST = "Overview"
_NAMES = {file: name for name, file in FILES.items()}


def read_text(name: str) -> str:
    """The Markdown of a text in FILES, for the app.

    Comments go, since the app would show them; links between the texts become the app's own.
    """
    text = (FOLDER / FILES[name]).read_text(encoding="utf-8")
    text = re.sub(r"[ \t]*<!--.*?-->", "", text, flags=re.DOTALL)
    return re.sub(r"\]\(([\w-]+\.md)(#[\w-]*)?\)", _app_link, text).strip() + "\n"


def _app_link(link: re.Match[str]) -> str:
    """A link to a file as a link to the app's page that shows it; others stay as they are."""
    file, anchor = link[1], link[2] or ""
    return f"](/guide?text={quote(_NAMES[file])}{anchor})" if file in _NAMES else link[0]
