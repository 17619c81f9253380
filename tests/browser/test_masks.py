"""The Masks page as a person uses it, on real pets."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from PIL import Image

from segengine.results.masks.scoring import saved_scores
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from tests.browser.conftest import Dashboard, stand_still
from tests.browser.masks_page import (
    image_in_url,
    is_there,
    open_masks,
    pixels,
    same,
    wait_for_image,
)
from tests.made_runs import alive, make_run, write_epoch

pytestmark = pytest.mark.browser


def score_under(page: Any, run: RunDir) -> str:
    return str(page.locator(f'[data-panel="{run.id}"] .miou').inner_text())


def test_two_runs_stand_beside_input_and_truth_with_their_scores(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    runs = [make_run(dashboard.runs_dir, root=real_pets, seed=s, val_limit=12) for s in range(2)]
    open_masks(page, dashboard, *runs)
    panels = page.locator(".panel")
    assert panels.count() == 4
    assert panels.locator(".title .name").all_inner_texts()[:2] == ["Input", "Ground truth"]
    name = image_in_url(page)
    for run in runs:
        saved = saved_scores(run.per_image_file)[name].miou
        assert float(score_under(page, run).split()[1]) == pytest.approx(saved, abs=6e-4)
    legend = page.locator(".legend .key").all_inner_texts()
    assert legend == ["pet", "background (unfilled)", "border"]
    boxes = boxes_of(page.locator(".stage"))
    assert len({(round(box["width"]), round(box["height"])) for box in boxes}) == 1
    assert len({round(box["y"]) for box in boxes}) == 1
    assert not page.errors


def test_next_and_the_arrow_keys_change_image_and_url(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    names = sorted(saved_scores(run.per_image_file))
    open_masks(page, dashboard, run)
    before = pixels(page, "photo")
    assert page.get_by_role("button", name="Previous image").is_disabled()
    page.get_by_role("button", name="Next image").click()
    wait_for_image(page, names[1])
    stand_still(page)
    assert not same(pixels(page, "photo"), before)
    page.keyboard.press("ArrowRight")
    wait_for_image(page, names[2])
    page.keyboard.press("ArrowLeft")
    wait_for_image(page, names[1])
    page.reload()
    is_there(page)
    assert image_in_url(page) == names[1]


def test_no_press_of_an_arrow_key_is_lost(page: Any, dashboard: Dashboard, real_pets: Path) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    names = sorted(saved_scores(run.per_image_file))
    open_masks(page, dashboard, run)
    for _ in range(7):  # faster than the pictures come
        page.keyboard.press("ArrowRight")
    wait_for_image(page, names[7])
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    wait_for_image(page, names[4])
    page.wait_for_timeout(500)
    assert image_in_url(page) == names[4]
    page.get_by_role("link", name="Runs").click()  # the page comes back to its image
    page.locator("tr[data-run]").first.wait_for()
    page.get_by_role("link", name="Masks").click()
    is_there(page)
    page.keyboard.press("ArrowRight")
    wait_for_image(page, names[5])


def test_arrow_keys_work_after_order_was_used(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    saved = saved_scores(run.per_image_file)
    hardest = sorted(saved, key=lambda name: (saved[name].miou, name))
    open_masks(page, dashboard, run)
    page.get_by_label("Order", exact=True).select_option("Hardest first")
    wait_for_image(page, hardest[0])
    page.locator(".legend").click()
    page.keyboard.press("ArrowRight")
    wait_for_image(page, hardest[1])


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (2560, 1440)])
def test_all_panels_of_four_runs_are_in_sight(
    page: Any, dashboard: Dashboard, real_pets: Path, size: tuple[int, int]
) -> None:
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    runs = [make_run(dashboard.runs_dir, root=real_pets, seed=s, val_limit=12) for s in range(4)]
    open_masks(page, dashboard, *runs)
    in_sight = f"""() => [...document.querySelectorAll('*')].flatMap(
        (e) => [...(e.shadowRoot?.querySelectorAll('.panel .stage, .panel .scores') ?? [])]
    ).map((e) => e.getBoundingClientRect()).filter(
        (box) => box.right <= {width} && box.bottom <= {height}).length === 12"""
    page.mouse.move(width - 10, 10)  # not over the rail
    page.wait_for_function(in_sight)
    middles = {round(box["y"] + box["height"] / 2) for box in boxes_of(page.locator(".bar > *"))}
    assert max(middles) - min(middles) < 60  # two rows
    boxes = boxes_of(page.locator(".stage"))
    assert len({round(box["width"]) for box in boxes}) == 1
    assert min(box["width"] for box in boxes) >= 132


def boxes_of(locator: Any) -> list[Any]:
    """The boxes of all elements in sight, at one moment, once the page stands still."""
    stand_still(locator.page)
    return list(
        locator.evaluate_all(
            """(all) => all.map((e) => e.getBoundingClientRect().toJSON())
            .filter((box) => box.width && box.height)"""
        )
    )


def test_a_long_class_name_leaves_its_iou_in_sight(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    long = "a pet of a kind whose name is longer than any panel is wide, " * 3
    run.events_file.write_text(
        run.events_file.read_text().replace('"name":"pet"', f'"name":"{long}"')
    )
    open_masks(page, dashboard, run)
    panel = page.locator(f'[data-panel="{run.id}"]').bounding_box()
    for value in boxes_of(page.locator(".classes .value")):
        assert value["x"] + value["width"] <= panel["x"] + panel["width"] + 1


def test_one_slider_sets_the_opacity_of_all_masks_and_it_stays(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    open_masks(page, dashboard, run)
    page.get_by_label("Opacity of all masks in percent").fill("20")
    assert opacities(page) == {"20"}
    page.get_by_role("button", name="Next image").click()
    wait_for_image(page, sorted(saved_scores(run.per_image_file))[1])
    assert opacities(page) == {"20"}
    page.reload()
    is_there(page)
    assert opacities(page) == {"20"}


def opacities(page: Any) -> set[str]:
    return {str(page.get_by_label("Opacity of all masks in percent").input_value())}


def test_errors_replace_the_masks_and_the_legend(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    open_masks(page, dashboard, run)
    masks = pixels(page, run.id)
    page.get_by_role("button", name="Errors", exact=True).click()
    assert page.locator(".legend .key").all_inner_texts() == [
        "missed: predicted as background",
        "false alarm: background predicted as something",
        "wrong: one class predicted as another",
    ]
    stand_still(page)
    errors = pixels(page, run.id)
    assert not same(errors, masks)
    page.get_by_label("Class", exact=True).select_option("Only pet")
    assert page.locator(".legend .key").first.inner_text() == "pet, found (true positive)"
    stand_still(page)
    assert not same(pixels(page, run.id), errors)


def test_the_class_under_the_cursor_is_named_in_every_panel(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    open_masks(page, dashboard, run)
    page.wait_for_timeout(300)  # labels are unpacked after the pictures are there
    page.locator('[data-panel="photo"] canvas').hover(position={"x": 3, "y": 3})
    named = [text for text in page.locator(".under").all_inner_texts() if text]
    assert len(named) == 2
    assert set(named) <= {"pet", "background", "border"}


def test_hardest_first_starts_with_the_lowest_miou(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    saved = saved_scores(run.per_image_file)
    open_masks(page, dashboard, run)
    page.get_by_label("Order", exact=True).select_option("Hardest first")
    wait_for_image(page, min(saved, key=lambda name: (saved[name].miou, name)))


def test_a_run_in_training_brings_its_new_masks_by_itself(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = alive(make_run(dashboard.runs_dir, root=real_pets, epochs_done=1, end=None))
    open_masks(page, dashboard, run)
    note = page.locator(f'[data-panel="{run.id}"] .note')
    assert note.inner_text() == "latest validation, epoch 1 of 6, at 64x64"
    page.get_by_label("Opacity of all masks in percent").fill("80")
    film = sorted(path.name for path in run.masks(1).iterdir())
    run.masks(2).mkdir()
    for file in film:
        Image.open(run.masks(1) / file).point(lambda label: 1).save(run.masks(2) / file)
    with EventLog(run.events_file) as log:
        write_epoch(log, 2)
        log.write({"event": "masks", "epoch": 2, "folder": "masks/epoch-0002"})
    weights = page.get_by_label("Weights of Seg")
    weights.wait_for()
    assert weights.locator("option").all_inner_texts() == ["epoch 2", "epoch 1"]
    assert weights.input_value() == "2"
    assert opacities(page) == {"80"}
    weights.select_option("epoch 1")
    page.wait_for_url(re.compile(r"[?&]at="))


def test_runs_without_common_images_are_one_sentence(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    pets = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    sample = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    text = sample.config_file.read_text().replace("oxford_pets", "sample_pets")
    sample.config_file.write_text(text)
    page.goto(f"{dashboard.url}/masks?runs={pets.id},{sample.id}")
    page.get_by_text("trained on different datasets (Oxford-IIIT Pet, Sample pets").wait_for()
    assert page.locator(".panel").count() == 0


def test_an_empty_page_says_what_will_be_here(page: Any, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}/masks")
    page.get_by_text("Predicted masks of your runs will be here").wait_for()
    page.get_by_role("button", name="Set up a run").click()
    page.wait_for_url(lambda url: urlparse(url).path in ("/", "/launch"))


def test_a_link_to_an_unknown_image_shows_another_one(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    open_masks(page, dashboard, run, query="&image=../../etc/passwd")
    page.get_by_text("The image of this link has no mask").wait_for()
    deadline = time.monotonic() + 5
    while "passwd" in page.url and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert image_in_url(page) in saved_scores(run.per_image_file)
