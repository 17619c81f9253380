"""Numbers as text, and text in Markdown."""

from __future__ import annotations

from dashboard.shared.formats import (
    escaped,
    format_count,
    format_duration,
    format_epochs,
    format_loss,
    format_miou,
    format_time_left,
    with_links,
)


def test_numbers_are_written_the_same_everywhere() -> None:
    assert format_miou(0.6971) == "0.697"
    assert [format_loss(value) for value in (0.41234, 12.34, 123.4, 1.2, 2.1e-5)] == [
        "0.412",
        "12.3",
        "123",
        "1.20",
        "2.10e-05",
    ]
    spans = {
        0.4: "0 s",
        8: "8 s",
        134: "2 min 14 s",
        120: "2 min",
        3605: "1 h",
        11_100: "3 h 5 min",
    }
    assert {seconds: format_duration(seconds) for seconds in spans} == spans
    assert format_duration(187_200) == "2 d 4 h"
    assert format_count(1234) == "1,234"
    assert format_miou(None) == format_loss(float("nan")) == format_duration(None) == "–"


def test_markdown_in_a_text_is_escaped_on_one_line() -> None:
    assert escaped("**a** [b]\n\n# c") == r"\*\*a\*\* \[b\] \# c"
    assert escaped("größe 64 px") == "größe 64 px"


def test_what_streamlit_finds_in_the_finished_text_is_parted() -> None:
    """Addresses, icons and arrows. tests/browser/test_foreign_text.py shows them in a browser."""
    assert escaped("http://a") == r"http\::small[]//a"
    assert escaped("www.a") == r"www:small[]\.a"
    assert escaped("a -- b") == r"a \-:small[]\- b"


def test_epochs_and_time_left_have_one_wording() -> None:
    assert format_epochs(7, 12) == "7 of 12"
    assert format_epochs(1200, 3000) == "1,200 of 3,000"
    assert format_epochs(0, 0) == "–"
    left = [format_time_left(seconds) for seconds in (None, 0.0, 4.4, 8.0, 134.0)]
    assert left == ["–", "a few seconds", "a few seconds", "8 s", "2 min 14 s"]


def test_addresses_in_a_sentence_are_links_and_nothing_else_is() -> None:
    sentence = "Get it at https://host.org/a_b/c.zip?x=1, or ask *me*."
    shown = r"Get it at <https://host.org/a_b/c.zip?x=1>, or ask \*me\*\."
    assert with_links(sentence) == shown
    assert with_links("[x](javascript:alert(1))") == r"\[x\]\(javascript\::small[]alert\(1\)\)"
