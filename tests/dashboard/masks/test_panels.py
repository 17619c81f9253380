"""The panels of one image: its truth, its predictions and their scores."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dashboard.masks.panels import (
    ShownRun,
    aspect_of,
    build_panels,
    mious_of,
    open_ground_truth,
)
from segengine.config import DataConfig
from segengine.datasets import dataset_classes
from segengine.results.masks import MaskSet, saved_scores, score
from segengine.run.rundir import RunDir
from tests.dashboard.masks.test_overlays import colors_of
from tests.made_masks import PETS, masks_of, run_with_masks
from tests.made_runs import config_for, make_run


def shown(run: RunDir) -> ShownRun:
    return ShownRun(masks_of(run), "a run", "#0072B2")


def test_scores_equal_those_saved_by_the_run(tmp_path: Path, real_pets: Path) -> None:
    run = make_run(tmp_path, root=real_pets, val_limit=12, image_size="48x64")
    saved = saved_scores(run.per_image_file)
    names = sorted(masks_of(run).names())
    assert sorted(saved) == names
    configs = [run.config().data]
    for name in names:
        ground_truth = open_ground_truth(configs, name)
        assert ground_truth.mask is not None
        scored, _ = score(masks_of(run).mask(name), ground_truth.mask, 3, 255)
        assert scored.miou == pytest.approx(saved[name].miou, abs=1e-6)
        assert scored.iou == pytest.approx(saved[name].iou, abs=1e-6)
        panel = build_panels(ground_truth.mask, [shown(run)], name, PETS, 255)[2]
        assert panel["miou"] == f"{scored.miou:.3f}"
        assert panel["iou"] == [f"{value:.3f}" for value in scored.iou if value is not None]
    assert mious_of(shown(run), names, configs, 3, 255) == {n: saved[n].miou for n in names}


def test_a_dataset_that_is_gone_leaves_the_predictions(tmp_path: Path, real_pets: Path) -> None:
    run = make_run(tmp_path, root=real_pets, val_limit=8)
    name = sorted(masks_of(run).names())[0]
    gone = run.config().data.model_copy(update={"root": str(tmp_path / "gone")})
    ground_truth = open_ground_truth([gone], name)
    assert "No Oxford-IIIT Pet in" in ground_truth.problem
    _, truth, predicted = build_panels(ground_truth.mask, [shown(run)], name, PETS, 255)
    assert truth["message"]
    assert predicted["masks"]
    assert predicted["miou"] == f"{saved_scores(run.per_image_file)[name].miou:.3f}"
    assert aspect_of(ground_truth, [shown(run)], name) == 1.0
    assert open_ground_truth([gone, run.config().data], name).problem == ""
    assert open_ground_truth([], name).problem


def test_a_missing_mask_is_said_in_its_panel_only(tmp_path: Path, real_pets: Path) -> None:
    runs = [make_run(tmp_path, root=real_pets, val_limit=8) for _ in range(2)]
    name = sorted(masks_of(runs[0]).names())[0]
    (runs[0].predictions / f"{name}.png").unlink()
    ground_truth = open_ground_truth([runs[0].config().data], name)
    panels = build_panels(ground_truth.mask, [shown(run) for run in runs], name, PETS, 255)
    assert "missing or damaged" in panels[2]["message"]
    assert panels[3]["masks"]
    assert not panels[3]["message"]


def test_void_in_the_truth_is_told_to_the_page(tmp_path: Path) -> None:
    run = run_with_masks(tmp_path, 1)
    (name,) = masks_of(run).names()
    for value, void in ((255, True), (1, False)):
        truth = np.full((2, 2), value, np.uint8)
        panels = build_panels(truth, [shown(run)], name, PETS, 255)
        assert [panel["void"] for panel in panels] == [False, void, False]


def test_streets_have_one_iou_per_class_and_the_official_colors(tmp_path: Path) -> None:
    """19 classes at a wide size; those that are not there have no number."""
    classes = dataset_classes(DataConfig(dataset="cityscapes"))
    truth = np.zeros((4, 8), np.uint8)
    truth[:, 4:], truth[3] = 10, 255  # road, sky, and a strip of void
    run = RunDir.create(tmp_path, config_for(dataset="cityscapes"))
    folder = run.masks(1)
    folder.mkdir(parents=True)
    predicted = truth.copy()
    predicted[0, 0], predicted[3] = 10, 0
    Image.fromarray(predicted).save(folder / "ulm_1.png")
    masks = MaskSet(run, folder, 1, 3, best=False)
    panels = build_panels(truth, [ShownRun(masks, "a", "#000000")], "ulm_1", classes, 255)
    assert panels[2]["iou"][0] == "0.917"  # road: 11 of 12
    assert panels[2]["iou"][10] == "0.923"  # sky: 12 of 13
    assert set(panels[2]["iou"]) == {"0.917", "0.923", "–"} and len(panels[2]["iou"]) == 19
    png = base64.b64decode(panels[1]["masks"].partition(",")[2])
    assert colors_of(png)[0][0] == (128, 64, 128, 255)  # nothing is background here
    assert colors_of(png)[0][7] == (70, 130, 180, 255)
