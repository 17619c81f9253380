"""What stands around every page: the Back button, the tab's title, wrong addresses, no server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Dashboard
from tests.made_runs import alive, make_run

pytestmark = pytest.mark.browser


def test_back_leaves_a_page_in_one_press_however_much_was_looked_at_there(
    dashboard: Dashboard, page: Any, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, epochs_done=1, train_limit=8, val_limit=4)
    page.goto(dashboard.url)
    page.wait_for_url(f"{dashboard.url}/launch")
    page.get_by_role("link", name="Curves").click()
    page.wait_for_url(f"{dashboard.url}/curves?runs={run.id}")
    page.get_by_role("link", name="Masks").click()
    page.wait_for_url(re.compile(r"/masks\?.*image="))
    for number in (2, 3):
        page.get_by_role("button", name="Next image").click()
        page.get_by_text(f"{number} of 4").wait_for()
    page.wait_for_timeout(500)  # the last image reaches the address
    page.go_back()
    page.wait_for_url(f"{dashboard.url}/curves?runs={run.id}")  # and nothing of Masks in it
    page.get_by_role("heading", name="Curves", exact=True).wait_for()
    page.go_back()
    page.wait_for_url(f"{dashboard.url}/launch")
    page.go_back()
    page.wait_for_url("about:blank")


def test_the_tab_says_which_page_it_shows(dashboard: Dashboard, page: Any) -> None:
    for name in ("launch", "runs", "curves", "masks", "guide"):
        page.goto(f"{dashboard.url}/{name}")
        page.wait_for_function(f"document.title === '{name.capitalize()} · SegLab'")


@pytest.mark.parametrize("path", ["/launch/x", "/nope", "/curves/a/b?runs=c", "/<b>x"])
def test_an_address_that_is_no_page_is_answered_in_a_sentence(
    dashboard: Dashboard, page: Any, path: str
) -> None:
    assert page.goto(f"{dashboard.url}{path}").status == 404
    page.get_by_text("There is no page").wait_for()
    page.get_by_role("link", name="Runs").click()
    page.get_by_role("heading", name="Runs", exact=True).wait_for()


def test_a_page_says_that_the_dashboard_is_gone_and_comes_back_with_it(
    dashboard: Dashboard, page: Any
) -> None:
    alive(make_run(dashboard.runs_dir, epochs_done=1, end=None))
    page.goto(f"{dashboard.url}/runs")
    shape = page.locator("tr[data-state=running] .shape")
    shape.wait_for()
    look = "(at) => [getComputedStyle(at).filter, getComputedStyle(at).animationIterationCount]"
    assert shape.evaluate(look) == ["grayscale(0)", "infinite"]
    dashboard.kill()
    notice = page.get_by_role("alert").filter(has_text="your runs go on")
    notice.wait_for()
    assert shape.evaluate(look) == ["grayscale(1)", "0"]
    page.wait_for_timeout(5000)  # in which Streamlit's own words about the internet would come
    assert not page.get_by_text("Are you connected to the internet?").is_visible()
    dashboard.start()
    notice.wait_for(state="detached")
    assert shape.evaluate(look) == ["grayscale(0)", "infinite"]
