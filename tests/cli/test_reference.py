"""The guide: its reference pages are as the code says, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segengine.cli.reference import GUIDE, pages
from segengine.config import RunConfig

FILES = sorted(GUIDE.glob("*.md"))


@pytest.mark.parametrize("name", pages())
def test_a_reference_page_is_fresh(name: str) -> None:
    assert (GUIDE / name).read_text(encoding="utf-8") == pages()[name], "run `make guide`"


def test_every_field_event_and_command_is_in_the_reference() -> None:
    made = pages()
    for name, info in RunConfig.declarations().items():
        assert f"| `{name}` | {info.title} |" in made["reference-config.md"]
    for event in ("run_started", "step", "epoch", "run_failed"):
        assert f"\n## {event}\n" in made["reference-events.md"]
    for command in ("train", "launch", "sample-data"):
        assert f"\n## {command}\n" in made["reference-cli.md"]
    for file in ("config.json", "checkpoints/best.pt", "masks/epoch-0007/"):
        assert f"`{file}`" in made["reference-run-folder.md"]


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and Streamlit make them."""
    headings = re.findall(r"^#+ +(.*)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_link_inside_the_guide_leads_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file) if file else path
        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked), target
