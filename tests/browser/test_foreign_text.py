"""Text that SegLab did not write, in a real browser: it reads as it was written, on every page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.conftest import PROJECT, Dashboard, free_port
from tests.made_runs import make_run

pytestmark = pytest.mark.browser

TEXTS = [
    "![x](http://evil.example/x.png)",
    "[x](http://evil.example)",
    "[x]: http://evil.example",
    "http://evil.example/a_b?c=*d* HTTPS://EVIL.EXAMPLE www.evil.example",
    "me@evil.example mailto:me@evil.example xmpp:me@evil.example",
    "<https://evil.example>",
    "<b>x</b> <img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp; &#65; a & b",
    "# title",
    "title\n=====",
    "title\n---",
    "- item",
    "* item",
    "1. one",
    "2) two",
    "\tcode",
    "```\ncode\n```",
    "~~strike~~ ~sub~",
    "a -- b, a <- b, a -> b, a <-> b, a >= b, a <= b, a ~= b",
    "start it with --server.port 8502",
    ":red[x] :material/home: :smile: :small[x] :streamlit: :red-background[x]",
    "$x^2$ $$y$$",
    "a | b\n--|--\n1 | 2",
    "[^1]\n\n[^1]: note",
    "> quote",
    "- [x] task",
    "`code`",
    r"C:\data\masks_1\*.png /home/a_b/c-d/[e]/{f}",
    "a]b :red[c",
]
SCRIPT = """
import json, sys
import streamlit as st
sys.path.insert(0, {project!r})
from dashboard.shared.formats import escaped
for number, text in enumerate(json.loads({texts!r})):
    with st.container(key=f"text{{number}}"):
        st.warning(escaped(text))
        st.checkbox(escaped(text), key=number)
        st.markdown(f":red[:small[{{escaped(text)}}]]")
"""
TAGS = "(box) => [...box.querySelectorAll('*')].map((part) => part.tagName)"


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Dashboard]:
    """A page that shows every one of the texts, each in the ways in which ours show them."""
    script = tmp_path / "texts.py"
    script.write_text(SCRIPT.format(project=str(PROJECT), texts=json.dumps(TEXTS)))
    settings = {
        "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    }
    log = tmp_path / "log"
    served = Dashboard(
        free_port(), tmp_path / "runs", tmp_path / "cache", log, env=settings, script=script
    )
    try:
        yield served.start()
    finally:
        served.kill()


def test_foreign_text_is_shown_and_not_obeyed(shown: Dashboard, page: Any) -> None:
    page.goto(shown.url)
    last = page.locator(f".st-key-text{len(TEXTS) - 1} [data-testid=stMarkdownContainer]")
    last.nth(2).wait_for()
    page.wait_for_timeout(1000)  # what the texts ask for, such as formulas, is loaded late
    for number, text in enumerate(TEXTS):
        boxes = page.locator(f".st-key-text{number} [data-testid=stMarkdownContainer]").all()
        assert len(boxes) == 3
        for box in boxes:
            assert " ".join(box.inner_text().split()) == " ".join(text.split())
            assert set(box.evaluate(TAGS)) <= {"P", "SPAN"}, text


@pytest.mark.parametrize("path", ["launch?clone=", "curves?runs=", "masks?runs=", "guide?text="])
def test_an_address_cannot_put_markup_into_a_page(
    dashboard: Dashboard, page: Any, path: str
) -> None:
    make_run(dashboard.runs_dir, epochs_done=1)
    text = (
        "![x](http://evil.example/x.png)<img src=http://evil.example/y.png>[z](http://evil.example)"
    )
    page.goto(f"{dashboard.url}/{path}{quote(text)}")
    page.get_by_test_id("stAlert").first.wait_for()
    assert not page.locator("[src*='evil.example'], [href*='evil.example']").count()
    assert not page.errors


def test_a_name_that_a_person_gave_a_run_is_no_markup(dashboard: Dashboard, page: Any) -> None:
    run = make_run(dashboard.runs_dir, epochs_done=6)
    name = "<b>bold</b> ![x](http://evil.example) <a href='http://evil.example'>y</a>"
    run.notes_file.write_text(json.dumps({"name": name}))
    page.goto(f"{dashboard.url}/masks?runs={run.id}")
    page.get_by_text("No masks yet of").wait_for()
    assert name in page.get_by_test_id("stAlert").inner_text()
    page.goto(f"{dashboard.url}/curves?runs={run.id}")
    page.wait_for_selector(".live-panel .main-svg")
    page.get_by_text("epoch 6", exact=True).first.wait_for()  # the points are there
    page.locator(".live-chart .nsewdrag").first.hover()
    reading = page.locator(".live-reading")
    reading.locator("span").first.wait_for()
    assert name in reading.text_content()
    assert name in page.locator(".rail").text_content()
    assert not page.locator("[href*='evil.example']").count()
