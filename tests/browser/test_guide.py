"""The Guide page as a person uses it: from text to text, and from a link to its place."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import Dashboard

pytestmark = pytest.mark.browser


def test_texts_are_chosen_at_the_left_and_the_address_can_be_shared(
    page: Any, dashboard: Dashboard
) -> None:
    page.goto(f"{dashboard.url}/launch")
    page.get_by_role("link", name="Guide").click()
    page.get_by_role("heading", name="Guide", exact=True).wait_for()
    page.wait_for_timeout(1000)  # what is left of the last page goes, and the text may still move
    page.get_by_text("Glossary", exact=True).first.click()
    page.get_by_role("heading", name="Glossary", exact=True).wait_for()
    page.wait_for_url(re.compile(r"/guide\?text=Glossary$"))
    page.reload()
    page.get_by_role("heading", name="Glossary", exact=True).wait_for()
    assert not page.errors


def test_the_reference_is_that_of_the_code(page: Any, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}/guide?text=Config")
    page.get_by_role("cell", name="Gradient accumulation").wait_for()
    assert "make guide" not in page.locator(".stMain").inner_text()  # comments are not shown


def test_a_link_between_texts_stays_in_the_app(page: Any, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}/guide")
    link = page.get_by_role("link", name="Your first experiment")
    link.wait_for()
    with page.context.expect_page() as opened:  # Streamlit opens every link in a tab of its own
        link.click()
    opened.value.get_by_role("heading", name="Your first experiment").wait_for()


def test_a_link_inside_a_text_leads_to_its_heading(page: Any, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}/guide?text=Explanation")
    page.get_by_role("link", name="Why border IoU is low").first.click()
    page.wait_for_function(
        "document.getElementById('why-border-io-u-is-low').getBoundingClientRect().top < 300"
    )


def test_an_unknown_text_is_answered_with_the_known_ones(page: Any, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}/guide?text=nonsense")
    page.get_by_text("There is no such text in the guide").wait_for()
    page.get_by_role("heading", name="Guide", exact=True).wait_for()
