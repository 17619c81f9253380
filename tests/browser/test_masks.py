"""The Masks page as a person uses it, on real pets."""

from __future__ import annotations

import re
import time
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from PIL import Image

from segengine.results.masks.scoring import saved_scores
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from tests.browser.conftest import Dashboard, stand_still
from tests.made_runs import alive, make_run, write_epoch

pytestmark = pytest.mark.browser


def open_masks(page: Any, dashboard: Dashboard, *runs: RunDir, query: str = "") -> None:
    ids = ",".join(run.id for run in runs)
    page.goto(f"{dashboard.url}/masks?runs={ids}{query}")
    is_there(page)


def is_there(page: Any) -> None:
    """Wait until the panels are drawn."""
    page.locator(".panel canvas").first.wait_for()
    stand_still(page)


def image_in_url(page: Any) -> str:
    return parse_qs(urlparse(page.url).query)["image"][0]


def wait_for_image(page: Any, name: str) -> None:
    page.wait_for_url(re.compile(rf"[?&]image={re.escape(name)}(&|$)"))


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


def pixels(page: Any, panel: str) -> list[int]:
    """What a panel's canvas shows: red, green, blue and alpha of its pixels, row by row."""
    canvas = page.locator(f'[data-panel="{panel}"] canvas')
    return list(
        canvas.evaluate(
            """(canvas) => [...canvas.getContext("2d")
            .getImageData(0, 0, canvas.width, canvas.height).data]"""
        )
    )


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
    assert pixels(page, "photo") != before
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
    assert errors != masks
    page.get_by_label("Class", exact=True).select_option("Only pet")
    assert page.locator(".legend .key").first.inner_text() == "pet, found (true positive)"
    stand_still(page)
    assert pixels(page, run.id) != errors


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
            width, height = page.locator(f'[data-panel="{run.id}"] canvas').evaluate(
                "(canvas) => [canvas.width, canvas.height]"
            )
            shown = np.array(pixels(page, run.id), np.uint8).reshape(height, width, 4)[..., :3]
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
    assert all(pixels(page, panel) != before for panel, before in whole.items())
    link = page.url
    zoomed = pixels(page, run.id)
    page.goto(link)
    is_there(page)
    page.mouse.move(5, 5)
    stand_still(page)
    assert pixels(page, run.id) == zoomed  # the address holds the whole view
    page.keyboard.press("0")
    page.wait_for_url(lambda url: "zoom=" not in url)
    stand_still(page)
    assert pixels(page, "truth") == whole["truth"]


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
    assert pixels(page, run.id) != both
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
