"""The guide inside the app: every text is there, without comments, with links that stay inside."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from dashboard.guide import texts


def test_every_file_of_the_guide_can_be_chosen() -> None:
    assert {path.name for path in texts.FOLDER.glob("*.md")} == set(texts.FILES.values())


@pytest.mark.parametrize("name", texts.FILES)
def test_a_text_has_one_title_no_comment_and_links_of_the_app(name: str) -> None:
    text = texts.read_text(name)
    assert text.startswith("# ")
    assert "<!--" not in text and ".md)" not in text and ".md#" not in text
    for target in re.findall(r"\]\(/guide\?text=([\w%-]+)", text):
        assert unquote(target) in texts.FILES


def test_comments_go_and_links_are_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.md").write_text(
        "<!-- made -->\n\n# Title\n\n"
        "mIoU 0.5 <!-- two\nlines -->, see [why](explanation.md#why-miou)\n"
        "and [elsewhere](https://example.org/how-to.md).\n"
    )
    (tmp_path / "explanation.md").write_text("# Explanation\n\n## Why mIoU?\n")
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
    assert texts.read_text("Overview") == (
        "# Title\n\nmIoU 0.5, see [why](/guide?text=Explanation#why-m-io-u)\n"
        "and [elsewhere](https://example.org/how-to.md).\n"
    )
