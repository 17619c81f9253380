"""One image with its truth, its predictions and their scores; and the images in order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dashboard.masks.listing import images_of
from dashboard.masks.models import Models, models_of, together
from dashboard.masks.scene import scene_of
from dashboard.masks.truth import changed_since, open_truth
from segengine.config import DataConfig
from segengine.datasets import dataset_classes
from segengine.errors import UserError
from segengine.results.masks.scoring import confusion, saved_scores
from segengine.results.masks.sets import MaskSet
from segengine.results.runlog import open_log
from segengine.run.rundir import RunDir
from tests.made_masks import masks_of
from tests.made_runs import config_for, make_run


def models(*runs: RunDir) -> Models:
    return together([masks_of(run) for run in runs])


def test_scores_equal_those_saved_by_the_run(tmp_path: Path, real_pets: Path) -> None:
    run = make_run(tmp_path, root=real_pets, val_limit=12, image_size="48x64")
    saved = saved_scores(run.per_image_file)
    shown = models(run)
    for name in sorted(shown.sets[0].names()):
        scene = scene_of(shown, name)
        assert scene["models"][0]["miou"] == pytest.approx(saved[name].miou, abs=1e-6)
        assert scene["models"][0]["iou"] == pytest.approx(saved[name].iou, abs=1e-6)
        assert scene["photo"] and scene["truth"] and scene["models"][0]["labels"]
        size = scene["models"][0]["labels"]
        assert (size["height"], size["width"]) == (48, 64)
        assert scene["models"][0]["band"] == 2  # 2 % of a diagonal of 80


def test_a_dataset_that_is_gone_leaves_the_predictions(tmp_path: Path, real_pets: Path) -> None:
    run = make_run(tmp_path, root=real_pets, val_limit=8)
    name = sorted(masks_of(run).names())[0]
    gone = run.config().data.model_copy(update={"root": str(tmp_path / "gone")})
    scene = scene_of(replace(models(run), configs=(gone,)), name)
    assert "No Oxford-IIIT Pet in" in scene["problem"]
    assert scene["photo"] is scene["truth"] is None
    assert scene["models"][0]["labels"] and not scene["models"][0]["fitted"]
    assert scene["models"][0]["miou"] == saved_scores(run.per_image_file)[name].miou
    assert open_truth([gone, run.config().data], name).name == name
    with pytest.raises(UserError, match="no run's config"):
        open_truth([], name)


def test_a_missing_mask_is_said_in_its_panel_only(tmp_path: Path, real_pets: Path) -> None:
    runs = [make_run(tmp_path, root=real_pets, val_limit=8) for _ in range(2)]
    name = sorted(masks_of(runs[0]).names())[0]
    (runs[0].predictions / f"{name}.png").unlink()
    missing, other = scene_of(models(*runs), name)["models"]
    assert "missing or damaged" in missing["message"] and not missing["labels"]
    assert other["labels"] and not other["message"]


def test_streets_have_one_iou_per_class(tmp_path: Path) -> None:
    """19 classes at a wide size; those that are not there have no number."""
    truth = np.zeros((4, 8), np.uint8)
    truth[:, 4:], truth[3] = 10, 255  # road, sky, and a strip of void
    predicted = truth.copy()
    predicted[0, 0], predicted[3] = 10, 0
    count = len(dataset_classes(DataConfig(dataset="cityscapes")))
    matrix, _ = confusion(predicted, truth, count, 255)
    run = RunDir.create(tmp_path, config_for(dataset="cityscapes"))
    folder = run.masks(1)
    folder.mkdir(parents=True)
    Image.fromarray(predicted).save(folder / "ulm_1.png")
    masks = MaskSet(run, folder, 1, 3, best=False)
    classes = dataset_classes(DataConfig(dataset="cityscapes"))
    scene = scene_of(Models((masks,), (), classes, 255), "ulm_1")
    assert scene["models"][0]["labels"] and scene["models"][0]["miou"] is None
    assert matrix.sum() == 24


def test_images_come_in_order_with_what_they_are_ordered_by(
    tmp_path: Path, real_pets: Path
) -> None:
    runs = [make_run(tmp_path, root=real_pets, seed=seed, val_limit=12) for seed in range(2)]
    first, second = (saved_scores(run.per_image_file) for run in runs)
    shown = models(*runs)
    by_name = images_of(shown, "name", "", "")
    assert by_name["names"] == sorted(first) and by_name["values"] == []
    assert by_name["total"] == 12 and by_name["pending"] == 0
    gap = images_of(shown, "gap:0:1", "", "")
    gaps = {name: first[name].miou - second[name].miou for name in first}
    assert gap["names"] == sorted(gaps, key=lambda name: (-gaps[name], name))
    assert gap["values"] == [gaps[name] for name in gap["names"]]
    cell = images_of(shown, "cell:0:2:1", "", "")["values"]
    assert cell == sorted(cell, key=lambda value: -(value or 0))
    differ = images_of(shown, "differ", "", "")
    name = differ["names"][0]
    apart = np.mean(shown.sets[0].mask(name) != shown.sets[1].mask(name))
    assert differ["values"][0] == pytest.approx(apart) and differ["pending"] == 0


def test_images_are_found_by_a_part_of_their_name_and_by_their_kind(
    tmp_path: Path, real_pets: Path
) -> None:
    shown = models(make_run(tmp_path, root=real_pets, val_limit=40))
    everything = images_of(shown, "name", "", "")
    kind, many = everything["kinds"][0]
    assert len(images_of(shown, "name", "", kind)["names"]) == many
    assert sum(count for _, count in everything["kinds"]) == everything["total"] == 40
    name = everything["names"][3]
    assert images_of(shown, "name", name.upper(), "")["names"] == [name]


def test_an_address_names_a_model_by_its_run_and_its_weights(
    tmp_path: Path, real_pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGLAB_RUNS", str(tmp_path))
    run = make_run(tmp_path, root=real_pets, val_limit=12)
    keys = [masks.key for masks in models_of(f"{run.id},{run.id}@best,{run.id}@4").sets]
    assert keys == ["best", "best", "4"]
    with pytest.raises(UserError, match="has no masks of '9': it has best, 6, 5, 4"):
        models_of(f"{run.id}@9")
    with pytest.raises(UserError, match="1 to 6 models"):
        models_of(",".join([run.id] * 7))


def test_images_that_changed_since_the_training_are_said(tmp_path: Path, real_pets: Path) -> None:
    run = make_run(tmp_path, root=real_pets, val_limit=12)
    log = open_log(run.events_file)
    assert log.started
    log.started["data"] = {"val": "0123456789ab"}
    assert "have changed since it was trained" in changed_since(run, log)
    log.started["data"] = {}
    assert changed_since(run, log) == ""
