"""Experiments of one's own, from the form to the result: other models, other data, two stages."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segengine.datasets.sample_streets import write_sample_streets
from segengine.results.masks.scoring import saved_scores
from segengine.results.status import read_status
from segengine.run.rundir import RunDir
from tests.browser.conftest import Dashboard, is_drawn
from tests.tiny import write_pets

pytestmark = pytest.mark.browser

SECONDS = 90  # for a tiny run, with the start of its process, on a busy machine


def settle(page: Any) -> None:
    """Wait until the page has answered to all that was done."""
    page.wait_for_timeout(150)
    is_drawn(page)


def choose(page: Any, title: str, option: str, *, typed: str = "") -> None:
    """Choose an option of a list, after typing a part of its name where that is given."""
    settle(page)
    box = page.get_by_role("combobox", name=title, exact=True)
    box.click()
    if typed:
        box.fill(typed)
    shown = re.compile(rf"^{re.escape(option)}( · [\d.]+ M)?$")  # models and encoders say a size
    page.get_by_role("option", name=shown).click()
    settle(page)


def press(page: Any, word: str) -> None:
    """Press one of the words that stand side by side."""
    settle(page)
    page.get_by_role("radio", name=word, exact=True).click()
    settle(page)


def fill(page: Any, **texts: str) -> None:
    """Fill in text fields: title, with _ for spaces, to text."""
    for title, text in texts.items():
        name = title.replace("_", " ")
        page.get_by_role("textbox", name=name, exact=True).fill(text)
        settle(page)


def start(page: Any, dashboard: Dashboard) -> RunDir:
    """Start what the form holds, and wait until it has finished."""
    page.get_by_role("button", name="Start run").click()
    page.wait_for_url("**/curves?runs=*", timeout=30_000)
    run = RunDir.open(dashboard.runs_dir, page.url.rpartition("=")[2])
    deadline = time.monotonic() + SECONDS
    while read_status(run).active and time.monotonic() < deadline:
        time.sleep(0.2)
    assert read_status(run).state == "finished", run.output_file.read_text()
    return run


def write_leaves(root: Path) -> Path:
    """10 training and 4 validation pairs of people's own, wider than high, with void."""
    for split, count in (("train", 10), ("val", 4)):
        for part in ("images", "masks"):
            (root / split / part).mkdir(parents=True)
        for index in range(count):
            rng = np.random.default_rng([count, index])
            mask = np.zeros((32, 64), np.uint8)
            mask[8:24, 8 : 16 + index], mask[:2] = 1, 255
            image = rng.integers(0, 99, (32, 64, 3), np.uint8) + (mask == 1)[..., None] * np.uint8(
                99
            )
            Image.fromarray(image).save(root / split / "images" / f"leaf {index}.png")
            Image.fromarray(mask).save(root / split / "masks" / f"leaf {index}.png")
    return root


def test_a_model_over_a_searched_encoder_learns_a_folder_of_ones_own(
    dashboard: Dashboard, page: Any, tmp_path: Path
) -> None:
    page.goto(dashboard.url)
    choose(page, "Dataset", "Your own images (folder)")
    fill(page, Dataset_folder=str(tmp_path / "nowhere"))
    page.get_by_text("1 problem to solve: Dataset folder.").wait_for()
    fill(page, Dataset_folder=str(write_leaves(tmp_path / "leaves")), Image_size="32x64")
    choose(page, "Model", "U-Net with a chosen encoder")
    choose(page, "Encoder", "mobilenet_v2", typed="mobilev2")
    fill(page, Epochs="1", Batch_size="5")
    choose(page, "Validation split", "Official split")
    page.get_by_text("10 training and 4 validation images, 2 steps per epoch.").wait_for()

    run = start(page, dashboard)
    config = run.config()
    assert (config.model.arch, config.model.encoder) == ("smp_unet", "mobilenet_v2")
    page.get_by_role("link", name="Masks").click()
    page.get_by_text("1 of 4").wait_for()
    box = page.locator(".stage").first.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(2, rel=0.02)
    page.get_by_text("void (hatched, not counted)").wait_for()
    assert len(saved_scores(run.per_image_file)) == 4
    assert not page.errors


def test_streets_are_learned_first_and_pets_over_their_frozen_encoder(
    dashboard: Dashboard, page: Any, tmp_path: Path
) -> None:
    streets = write_sample_streets(tmp_path / "streets", train=4, val=2)
    page.goto(dashboard.url)
    choose(page, "Dataset", "Cityscapes")
    fill(page, Dataset_folder=str(streets))
    page.get_by_text("64x128 keeps their shape").wait_for()
    fill(page, Image_size="32x64", Epochs="1", Batch_size="2")
    first = start(page, dashboard)

    page.get_by_role("link", name="Masks").click()
    page.locator(".many .key").first.wait_for()  # IoU of the classes that are in the image
    assert page.locator(".legend .key").count() == 20  # 19 classes and void
    assert page.locator(".many .key").count() < 19
    assert "classes are not in this image." in page.locator(".absent").inner_text()

    page.goto(f"{dashboard.url}/launch?clone={first.id}")
    page.get_by_text(f"Settings of {first.id}.").wait_for()
    choose(page, "Dataset", "Oxford-IIIT Pet")
    fill(page, Dataset_folder=str(write_pets(tmp_path)), Image_size="32")
    press(page, "Frozen")
    press(page, "Earlier run")
    page.get_by_text("Strategy frozen needs weights").wait_for()
    choose(page, "Earlier run", source_of(first))
    second = start(page, dashboard)
    assert second.config().model.weights == f"run:{first.id}"

    page.get_by_role("link", name="Runs").click()
    page.locator(f'tr[data-run="{second.id}"]').click()
    page.get_by_role("heading", name=f"SegFormer-B0 frozen {second.id[-4:]}").wait_for()
    facts = page.locator(".seglab-facts").first
    assert f"run SegFormer-B0 scratch {first.id[-4:]}" in facts.inner_text()
    assert "cityscapes" in facts.inner_text().lower()
    assert not page.errors


def source_of(run: RunDir) -> str:
    """How the form offers a run as the source of weights."""
    best = read_status(run).best_miou
    return f"mIoU {best:.3f} · SegFormer-B0 scratch {run.id[-4:]} · Cityscapes"
