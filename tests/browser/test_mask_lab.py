"""Ways to look at masks: zoom, classes, differences, swipe, grid, files."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segengine.results.masks.scoring import saved_scores
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
from tests.made_runs import make_run

pytestmark = pytest.mark.browser

# A run whose predictions are the same few squares on every image.
SQUARES = np.repeat(np.repeat(np.array([[0, 1, 2, 0], [2, 0, 1, 2]], np.uint8), 16, 0), 16, 1)


def run_of_squares(runs_dir: Path, pets: Path) -> RunDir:
    run = make_run(runs_dir, root=pets, val_limit=12, image_size="32x64")
    for file in run.predictions.glob("*.png"):
        Image.fromarray(SQUARES).save(file)
    return run


@pytest.mark.parametrize("scale", [1, 1.25, 2])
def test_edges_of_masks_are_where_they_belong_on_every_screen(
    chromium: Any, dashboard: Dashboard, real_pets: Path, scale: float
) -> None:
    """The canvas is compared with the mask, pixel by pixel, whole and zoomed in."""
    run = run_of_squares(dashboard.runs_dir, real_pets)
    context = chromium.new_context(
        viewport={"width": 1100, "height": 800}, device_scale_factor=scale, bypass_csp=True
    )
    page = context.new_page()
    try:
        for zoom in ("1_0_0", "4_0.38_0.38"):
            open_masks(page, dashboard, run, query=f"&opacity=100&zoom={zoom}")
            shown = pixels(page, run.id)[..., :3]
            height, width = shown.shape[:2]
            factor, left, top = map(float, zoom.split("_"))
            rows = (np.arange(height) + 0.5) / height / factor + top
            columns = (np.arange(width) + 0.5) / width / factor + left
            labels = SQUARES[np.ix_((rows * 32).astype(int), (columns * 64).astype(int))]
            for label, color in ((0, (0x00, 0x72, 0xB2)), (2, (0xF0, 0xE4, 0x42))):
                found = np.abs(shown.astype(int) - color).max(-1) < 3
                wrong = found != (labels == label)
                along = (labels[:, 1:] != labels[:, :-1]).sum() + (labels[1:] != labels[:-1]).sum()
                assert wrong.sum() <= along  # at most the pixel that an edge goes through
                assert found.sum() > 0.9 * (labels == label).sum() > 0
    finally:
        context.close()


def test_the_wheel_zooms_every_panel_and_0_shows_the_whole_image(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    open_masks(page, dashboard, run)
    whole = {panel: pixels(page, panel) for panel in ("photo", "truth", run.id)}
    page.locator('[data-panel="truth"] canvas').hover(position={"x": 40, "y": 40})
    page.mouse.wheel(0, -480)
    page.wait_for_url(re.compile(r"[?&]zoom=[1-9]"))
    stand_still(page)
    assert not any(same(pixels(page, panel), before) for panel, before in whole.items())
    link = page.url
    zoomed = pixels(page, run.id)
    page.goto(link)
    is_there(page)
    page.mouse.move(5, 5)
    stand_still(page)
    assert same(pixels(page, run.id), zoomed)  # the address holds the whole view
    page.keyboard.press("0")
    page.wait_for_url(lambda url: "zoom=" not in url)
    stand_still(page)
    assert same(pixels(page, "truth"), whole["truth"])


def test_a_class_can_be_hidden_and_shown_alone_from_the_legend(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    open_masks(page, dashboard, run)
    both = pixels(page, run.id)
    pet = page.get_by_role("button", name="Show pet", exact=True)
    pet.click()
    assert pet.get_attribute("aria-pressed") == "false"
    stand_still(page)
    assert not same(pixels(page, run.id), both)
    pet.click()
    page.locator(".legend .key", has_text="border").hover()
    page.get_by_role("button", name="Show border alone").click()
    assert pet.get_attribute("aria-pressed") == "false"
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Show border alone").press("Enter")  # all of them again
    stand_still(page)
    page.mouse.move(5, 5)
    assert pet.get_attribute("aria-pressed") == "true"


def test_differences_say_on_which_share_of_the_pixels_models_differ(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    runs = [make_run(dashboard.runs_dir, root=real_pets, seed=s, val_limit=12) for s in range(2)]
    open_masks(page, dashboard, *runs)
    page.keyboard.press("d")
    name = image_in_url(page)
    first, second = (np.asarray(Image.open(run.predictions / f"{name}.png")) for run in runs)
    share = f"{100 * np.mean(first != second):.1f} %"
    note = page.locator('[data-panel="differences"] .note').inner_text()
    assert note == f"the models differ on {share} of the pixels"
    page.get_by_label("Order", exact=True).select_option("Models differ most first")
    page.wait_for_url(re.compile("order=differ"))


def test_two_panels_are_swiped_on_one_canvas_also_by_the_keyboard(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    open_masks(page, dashboard, run)
    page.get_by_role("button", name="Swipe").click()
    divider = page.get_by_role("slider", name="Divider")
    assert divider.get_attribute("aria-valuenow") == "50"
    image = image_in_url(page)
    for _ in range(5):
        divider.press("ArrowRight")
    assert divider.get_attribute("aria-valuenow") == "60"
    assert image_in_url(page) == image  # the arrows are the divider's
    page.get_by_label("Left").select_option("Input")
    page.wait_for_url(re.compile("left=photo"))


def test_a_grid_shows_all_images_in_order_and_a_click_opens_one(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=40)
    saved = saved_scores(run.per_image_file)
    hardest = sorted(saved, key=lambda name: (saved[name].miou, name))
    open_masks(page, dashboard, run)
    page.get_by_label("Order", exact=True).select_option("Hardest first")
    page.get_by_role("button", name="Grid").click()
    grid = page.locator(".grid .thumb")
    grid.nth(3).wait_for()
    third = page.locator(f'.grid [data-image="{hardest[2]}"]')
    assert third.locator(".value").inner_text() == f"{saved[hardest[2]].miou:.3f}"
    assert third.locator("img").evaluate("(image) => image.decode().then(() => true)")
    third.click()
    wait_for_image(page, hardest[2])
    page.locator(".panel canvas").first.wait_for()


def test_images_are_found_by_name_and_nothing_found_is_said(
    page: Any, dashboard: Dashboard, real_pets: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=40)
    saved = sorted(saved_scores(run.per_image_file))
    name = next(name for name in saved if sum(name in other for other in saved) == 1)
    open_masks(page, dashboard, run)
    page.get_by_label("Find images").fill(name.upper())
    page.get_by_text(f"{name} · 1 of 1 (40 in all)").wait_for()
    page.get_by_label("Find images").fill("no such pet")
    page.get_by_text("No image fits what you look for.").wait_for()


def test_the_comparison_is_saved_as_png_svg_and_masks_as_a_zip(
    page: Any, dashboard: Dashboard, real_pets: Path, tmp_path: Path
) -> None:
    run = make_run(dashboard.runs_dir, root=real_pets, val_limit=12)
    open_masks(page, dashboard, run)

    def save(item: str) -> Path:
        page.locator("summary", has_text="Save").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=item).click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        return file

    assert Image.open(save("This comparison as PNG")).size[0] > 1400
    svg = save("This comparison as SVG").read_text()
    assert svg.count("<image ") == 3 and "Ground truth" in svg and "mIoU 0." in svg
    with zipfile.ZipFile(save("All masks of")) as archive:
        assert len(archive.namelist()) == 12
        name = archive.namelist()[0]
        assert archive.read(name) == (run.predictions / Path(name).name).read_bytes()
