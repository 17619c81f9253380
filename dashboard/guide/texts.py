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
    file = FILES[name]
    text = re.sub(r"[ \t]*<!--.*?-->", "", _read(file), flags=re.DOTALL)

    def app_link(link: re.Match[str]) -> str:
        target, anchor = link[1] or file, link[2] or ""
        if target not in _NAMES:
            return link[0]
        place = "#" + app_anchors(target).get(anchor, anchor) if anchor else ""
        return f"](/guide?text={quote(_NAMES[target])}{place})" if link[1] else f"]({place})"

    return re.sub(r"\]\(([\w-]+\.md)?(?:#([\w-]+))?\)", app_link, text).strip() + "\n"


def app_anchors(file: str) -> dict[str, str]:
    """The anchor of each heading, as GitHub makes it -> as Streamlit does ("m-io-u" for mIoU)."""
    headings = re.findall(r"^#+ +(.*)", _read(file), flags=re.MULTILINE)
    return {_github_anchor(heading): _streamlit_anchor(heading) for heading in headings}


def _github_anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")


def _streamlit_anchor(heading: str) -> str:
    """Words as lodash's kebabCase finds them: it also parts them at capitals and digits."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", heading.replace("'", ""))
    return "-".join(words).lower()


def _read(file: str) -> str:
    return (FOLDER / file).read_text(encoding="utf-8")
