"""The Launch page in a real browser: what a person who starts a run sees and does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dashboard.launch.memory import decode
from segengine import launchers
from segengine.config import RunConfig
from segengine.run.rundir import RunDir

pytestmark = pytest.mark.browser


@pytest.fixture
def launch(dashboard: Any, page: Any) -> Any:
    """The Launch page as somebody who has never been here finds it."""
    page.goto(dashboard.url)
    page.get_by_role("button", name="Start run").wait_for()
    return page


def started(dashboard: Any) -> list[RunDir]:
    """The run folders after all presses have been answered."""
    time.sleep(1.5)
    return RunDir.all(dashboard.runs_dir)


def field(page: Any, title: str) -> Any:
    """The text field of that title."""
    return page.get_by_role("textbox", name=title, exact=True)


def assert_holds(box: Any, text: str) -> None:
    """A field holds a text, as soon as the page is drawn."""
    from playwright.sync_api import expect

    expect(box).to_have_value(text)


def until_kept(page: Any, **entries: Any) -> None:
    """Wait until the browser's cookie holds these entries."""
    deadline = time.monotonic() + 20
    while True:
        cookies = page.context.cookies()
        drafts = [decode(c["value"]) for c in cookies if c["name"].startswith("seglab_launch_")]
        if any(draft and entries.items() <= draft.entries().items() for draft in drafts):
            return
        assert time.monotonic() < deadline, f"{entries} never came into the cookie"
        page.wait_for_timeout(50)


def press(page: Any, delays: list[int]) -> None:
    """Press Start, and again after each delay (ms) while the button is there."""
    page.evaluate(
        """async (delays) => {
            const press = () => [...document.querySelectorAll('button')]
                .find((button) => button.innerText.trim().startsWith('Start run'))?.click();
            press();
            for (const delay of delays) {
                await new Promise((resolve) => setTimeout(resolve, delay));
                press();
            }
        }""",
        delays,
    )


def test_a_new_person_mends_the_learning_rate_and_double_clicks_start(
    dashboard: Any, launch: Any
) -> None:
    assert launch.url.endswith("/launch")
    start = launch.get_by_role("button", name="Start run")
    assert launch.get_by_role("radio", name="Quick look").is_checked()

    field(launch, "Learning rate").fill("-1")
    launch.get_by_text("Learning rate must be greater than 0, but -1 was given.").wait_for()
    launch.get_by_text("1 problem to solve: Learning rate.").wait_for()
    assert start.is_disabled()

    field(launch, "Learning rate").fill("0.002")
    launch.get_by_text("160 training and 40 validation images").wait_for()
    start.dblclick()

    launch.wait_for_url("**/curves?runs=*")
    (run,) = started(dashboard)
    assert launch.url.endswith(run.id)
    assert run.config().optim.lr == 0.002
    assert run.config().data.dataset == "sample_pets"


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
def test_the_whole_form_fits_a_screen(launch: Any, width: int, height: int) -> None:
    launch.set_viewport_size({"width": width, "height": height})
    launch.wait_for_timeout(300)
    button = launch.get_by_role("button", name="Start run").bounding_box()
    assert button["y"] + button["height"] <= height
    rate = field(launch, "Learning rate").bounding_box()
    decay = field(launch, "Weight decay").bounding_box()
    assert rate["y"] == decay["y"]  # numbers stand in pairs
    assert rate["x"] + rate["width"] < decay["x"]


def test_however_start_is_pressed_there_is_one_run(dashboard: Any, launch: Any) -> None:
    for number, delays in enumerate(([60, 60, 60, 60], [250], [500]), start=1):
        launch.goto(f"{dashboard.url}/launch")
        launch.get_by_role("button", name="Start run").wait_for()
        press(launch, delays)
        launch.wait_for_url("**/curves?runs=*")
        runs = started(dashboard)
        assert len(runs) == number
        launchers.cancel(runs[0])


def test_reloading_and_coming_back_starts_nothing(dashboard: Any, launch: Any) -> None:
    press(launch, [])
    launch.wait_for_url("**/curves?runs=*")
    launch.reload()
    launch.get_by_role("link", name="Launch").click()
    launch.get_by_role("button", name="Start run").wait_for()
    launch.reload()
    launch.get_by_role("button", name="Start run").wait_for()
    assert launch.url.endswith("/launch")
    assert len(started(dashboard)) == 1


def test_what_was_typed_last_is_what_starts(dashboard: Any, launch: Any) -> None:
    field(launch, "Epochs").fill("3")
    launch.get_by_role("button", name="Start run").click()  # before the page answers to the 3
    launch.wait_for_url("**/curves?runs=*", timeout=10_000)
    assert [run.config().train.epochs for run in started(dashboard)] == [3]


def test_typing_is_never_overwritten(launch: Any) -> None:
    box = field(launch, "Learning rate")
    box.fill("")
    box.press_sequentially("0.000257", delay=200)  # slow enough for an answer between two keys
    launch.get_by_text("Changed: Learning rate.").wait_for()
    assert_holds(box, "0.000257")


def test_the_form_keeps_its_values_from_page_to_page(launch: Any) -> None:
    field(launch, "Seed").fill("42")
    launch.get_by_text("Frozen", exact=True).click()
    launch.get_by_text("Changed: Strategy, Weights, Seed.").wait_for()
    launch.get_by_role("link", name="Runs").click()
    launch.wait_for_url("**/runs")
    launch.get_by_role("link", name="Launch").click()
    launch.get_by_text("Changed: Strategy, Weights, Seed.").wait_for()
    assert_holds(field(launch, "Seed"), "42")
    launch.get_by_role("button", name="Undo changes").click()
    launch.get_by_text("Weights", exact=True).wait_for(state="detached")
    assert_holds(field(launch, "Seed"), "0")


def test_a_link_fills_the_form_from_an_earlier_run(dashboard: Any, page: Any) -> None:
    run = RunDir.create(dashboard.runs_dir, RunConfig.from_flat({"lr": 5e-4, "seed": 7}))
    page.goto(f"{dashboard.url}/launch?clone={run.id}")
    page.get_by_text(f"Settings of {run.id}.").wait_for()
    assert_holds(field(page, "Learning rate"), "0.0005")
    assert_holds(field(page, "Seed"), "7")


def test_a_broken_link_is_a_sentence(dashboard: Any, page: Any) -> None:
    page.goto(f"{dashboard.url}/launch?clone=../../etc")
    page.get_by_text("The form could not be filled from that run.").wait_for()
    assert page.get_by_role("button", name="Start run").is_enabled()


def test_the_course_recipe_says_what_is_missing(launch: Any, tmp_path: Path) -> None:
    launch.get_by_text("Course recipe", exact=True).click()
    launch.get_by_text("Still to give: Dataset folder.").wait_for()  # no error yet
    field(launch, "Dataset folder").fill(str(tmp_path))
    launch.get_by_text(f"No Oxford-IIIT Pet in {tmp_path}").wait_for()
    launch.get_by_text("1 problem to solve: Dataset folder.").wait_for()
    assert launch.get_by_role("button", name="Start run").is_disabled()


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 2500])
def test_a_path_that_is_too_long_is_a_sentence_and_the_form_lives_on(
    launch: Any, name: str
) -> None:
    launch.get_by_text("Course recipe", exact=True).click()
    field(launch, "Dataset folder").fill(f"/tmp/{name}")
    launch.get_by_text("is longer than the file system allows").wait_for()
    field(launch, "Dataset folder").fill("data")
    launch.get_by_text("Still to give: Dataset folder.").wait_for()
    launch.get_by_text("Frozen", exact=True).click()
    launch.get_by_text("File", exact=True).click()
    field(launch, "Weights file").fill(f"/tmp/{name}")
    launch.get_by_text("is longer than the file system allows").wait_for()
    assert launch.errors == []


def test_entries_survive_a_reload_and_a_restart_of_the_server(dashboard: Any, launch: Any) -> None:
    field(launch, "Seed").fill("42")
    launch.get_by_text("Changed: Seed.").wait_for()
    until_kept(launch, seed="42")
    launch.reload()
    launch.get_by_text("Changed: Seed.").wait_for()
    assert_holds(field(launch, "Seed"), "42")

    field(launch, "Seed").fill("43")
    launch.get_by_text("Frozen", exact=True).click()
    launch.get_by_text("Changed: Strategy, Weights, Seed.").wait_for()
    until_kept(launch, seed="43")
    dashboard.kill()
    dashboard.start()
    launch.reload()
    launch.get_by_text("Changed: Strategy, Weights, Seed.").wait_for()
    assert_holds(field(launch, "Seed"), "43")


def test_an_open_form_goes_on_with_a_new_server(dashboard: Any, launch: Any) -> None:
    """Nobody reloads: the page finds the server again by itself."""
    field(launch, "Seed").fill("42")
    launch.get_by_text("Changed: Seed.").wait_for()
    until_kept(launch, seed="42")
    dashboard.kill()
    dashboard.start()
    launch.wait_for_timeout(4000)
    field(launch, "Epochs").fill("3")
    launch.get_by_text("Changed: Epochs, Seed.").wait_for(timeout=40_000)
    assert_holds(field(launch, "Seed"), "42")


def test_two_tabs_keep_their_own_entries(dashboard: Any, launch: Any) -> None:
    field(launch, "Seed").fill("1")
    launch.get_by_text("Changed: Seed.").wait_for()
    until_kept(launch, seed="1")
    other = launch.context.new_page()
    other.goto(f"{dashboard.url}/launch")
    field(other, "Seed").fill("2")
    other.get_by_text("Changed: Seed.").wait_for()
    until_kept(other, seed="2")
    launch.bring_to_front()
    launch.reload()
    launch.get_by_text("Changed: Seed.").wait_for()
    assert_holds(field(launch, "Seed"), "1")


def test_a_preset_leaves_the_dataset_folder_alone(launch: Any, tmp_path: Path) -> None:
    launch.get_by_text("Course recipe", exact=True).click()
    field(launch, "Dataset folder").fill(str(tmp_path))
    launch.get_by_text(f"No Oxford-IIIT Pet in {tmp_path}").wait_for()
    launch.get_by_text("Quick look", exact=True).click()
    launch.get_by_text("160 training and 40 validation images").wait_for()
    launch.get_by_text("Course recipe", exact=True).click()
    launch.get_by_text(f"No Oxford-IIIT Pet in {tmp_path}").wait_for()
    assert_holds(field(launch, "Dataset folder"), str(tmp_path))
    assert not launch.get_by_text("Changed:").count()  # a preset has nothing to say of it


def test_who_comes_back_after_a_start_is_told_of_it(dashboard: Any, launch: Any) -> None:
    press(launch, [])
    launch.wait_for_url("**/curves?runs=*")
    launch.goto(f"{dashboard.url}/launch")
    (run,) = started(dashboard)
    launch.get_by_text(f"{run.id[-4:]} was started").wait_for()
    launch.get_by_text("1 run is at work and will share this machine").wait_for()
    launch.get_by_role("button", name="Show", exact=True).click()
    launch.wait_for_url(f"**/curves?runs={run.id}")


def test_a_filled_form_keeps_its_changes_and_fills_again_when_asked_again(
    dashboard: Any, page: Any
) -> None:
    run = RunDir.create(dashboard.runs_dir, RunConfig.from_flat({"seed": 7}))
    page.goto(f"{dashboard.url}/launch?clone={run.id}")
    page.get_by_text(f"Settings of {run.id}.").wait_for()
    page.wait_for_url("**/launch")  # what the address asked for is done
    field(page, "Seed").fill("8")
    page.get_by_text("Changed: Seed.").wait_for()
    until_kept(page, seed="8")
    page.reload()
    page.get_by_text("Changed: Seed.").wait_for()
    assert_holds(field(page, "Seed"), "8")
    page.goto(f"{dashboard.url}/launch?clone={run.id}")
    page.get_by_text(f"Settings of {run.id}.").wait_for()
    assert_holds(field(page, "Seed"), "7")


def test_what_an_address_says_is_shown_and_not_obeyed(dashboard: Any, page: Any) -> None:
    page.goto(f"{dashboard.url}/launch?clone=![x](http://127.0.0.1:1/y.png)**b**")
    page.get_by_text("![x](http://127.0.0.1:1/y.png)**b**").wait_for()
    assert page.get_by_role("img", name="x").count() == 0


def test_start_stays_in_sight_with_all_settings_open(launch: Any) -> None:
    for width, height in ((390, 844), (1024, 768), (1440, 900), (2560, 1440)):
        launch.set_viewport_size({"width": width, "height": height})
        launch.reload()
        start = launch.get_by_role("button", name="Start run")
        start.wait_for()
        launch.wait_for_timeout(500)
        if not field(launch, "EMA decay").is_visible():
            launch.get_by_text("More settings").click()
        field(launch, "EMA decay").wait_for()
        for end in (0, 100_000):
            launch.evaluate("(y) => document.querySelector('.stMain').scrollTo(0, y)", end)
            launch.wait_for_timeout(100)
            box = start.bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= height


def test_numbers_are_no_wider_than_they_need_on_a_large_screen(launch: Any) -> None:
    launch.set_viewport_size({"width": 2560, "height": 1440})
    for title in ("Epochs", "Validate every (epochs)", "Learning rate", "Seed", "EMA decay"):
        field(launch, title).wait_for()  # the settings open by themselves: there is room
        assert field(launch, title).bounding_box()["width"] < 300


def test_few_tab_stops_stand_before_start(launch: Any) -> None:
    """Every stop is a field, a choice or a link; none is a help icon or a heading's anchor."""
    names = []
    for _ in range(60):
        launch.keyboard.press("Tab")
        focused = launch.evaluate(
            "[document.activeElement.ariaLabel, document.activeElement.innerText]"
        )
        names.append((focused[0] or focused[1] or "").strip())
        if names[-1].startswith("Start run"):
            break
    assert names[-1].startswith("Start run") and len(names) <= 34, names
    assert not [name for name in names if name.startswith(("Help for", "Link to"))]
    rate = field(launch, "Learning rate")
    assert "schedule starts from" in rate.evaluate("element => element.ariaDescription")


def test_black_and_white_masks_are_asked_about_before_the_start(
    launch: Any, tmp_path: Path
) -> None:
    write_black_and_white(tmp_path)
    launch.get_by_role("combobox", name="Dataset").click()
    launch.get_by_role("option", name="Your own images").click()
    launch.get_by_text("Still to give: Dataset folder.").wait_for()
    field(launch, "Batch size").fill("2")
    field(launch, "Dataset folder").fill(str(tmp_path))
    launch.get_by_text("as black and white they are two classes").wait_for()
    assert launch.get_by_role("button", name="Start run").is_disabled()

    launch.get_by_text("Binary masks", exact=True).click()  # one way
    launch.get_by_text("8 training and 2 validation images").wait_for()
    launch.get_by_text("Binary masks", exact=True).click()
    launch.get_by_role("button", name="Write classes.json").click()  # the other
    launch.get_by_text("8 training and 2 validation images").wait_for()
    assert "foreground" in (tmp_path / "classes.json").read_text()


def write_black_and_white(folder: Path) -> None:
    """Ten images, and masks that hold 0 and 255."""
    for part in ("images", "masks"):
        (folder / part).mkdir()
    for number in range(10):
        Image.new("RGB", (40, 40), (number, 0, 0)).save(folder / "images" / f"{number}.png")
        mask = Image.new("L", (40, 40))
        mask.paste(255, (0, 0, 20, 20))
        mask.save(folder / "masks" / f"{number}.png")
