"""Scores at the masks' own size: what papers print, from the pixels of the files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate
from torchmetrics.classification import MulticlassJaccardIndex

from segengine.batches.load import normalize
from segengine.config import RunConfig
from segengine.datasets import open_dataset
from segengine.datasets.decoded import load_splits
from segengine.inference.evaluate import evaluate
from segengine.inference.predict import load_trained
from segengine.results.evaluations import saved_evaluations
from segengine.run.rundir import RunDir
from tests import tiny
from tests.inference.evaluating import Captured, command, table


def test_an_older_result_at_native_size_over_fewer_images_is_kept(
    run: RunDir, capsys: Captured
) -> None:
    older = {"root": str(run.config().data.root), "images": 2}  # before the folder grew
    path = run.evaluation("oxford_pets", "val-native")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(older))
    assert command(capsys, run, "--size", "native")[0] == 0
    assert json.loads(path.read_text())["images"] == 3
    assert json.loads(run.evaluation("oxford_pets", "val-2-native").read_text()) == older


def test_native_scores_are_those_of_whole_logits_on_untouched_masks(
    run: RunDir, capsys: Captured
) -> None:
    """Against torch's interpolation of whole images and torchmetrics."""
    assert command(capsys, run, "--size", "native")[0] == 0
    result = json.loads(run.evaluation("oxford_pets", "val-native").read_text())
    trained = load_trained(run)
    dataset = open_dataset(run.config().data, "val")
    names = [row["image"] for row in table(run.evaluation_per_image("oxford_pets", "val-native"))]
    (pairs,) = load_splits(run.config().data, ["val"], tiny.no_progress)
    assert tuple(names) == pairs.names
    oracle = MulticlassJaccardIndex(3, ignore_index=255, average=None)
    for index, name in enumerate(names):
        mask = torch.from_numpy(dataset.mask(name))[None]
        model = trained.predictor.model.eval()
        image = torch.from_numpy(pairs.images[index].copy())[None]
        with torch.inference_mode():
            logits = model(normalize(image, model.normalization))
            whole = interpolate(logits, mask.shape[1:], mode="bilinear", align_corners=False)
        oracle.update(whole.argmax(1), mask)
    assert mask.shape[1:] != tuple(run.config().data.height_width)
    assert result["iou"] == pytest.approx(oracle.compute().tolist(), abs=1e-4)
    counted = sum(int((dataset.mask(name) != 255).sum()) for name in names)
    assert sum(map(sum, result["confusion"])) == counted  # every pixel of the files
    assert (result["scored_at"], result["weights"], result["loss"]) == ("native", "best", None)


def test_native_scores_on_real_pets_are_those_of_the_files(real_pets: Path, tmp_path: Path) -> None:
    """The trimaps as Pillow reads them, and counts made with NumPy alone."""
    settings = tiny.config(real_pets, epochs=1, train_limit=8, val_limit=4)
    run = tiny.train(tmp_path / "runs", settings)
    result, _ = evaluate(run, settings, tiny.no_progress, scored_at="native")
    rows = table(run.evaluation_per_image("oxford_pets", "val-native"))
    trained = load_trained(run)
    model = trained.predictor.model.eval()
    confusion = np.zeros((3, 3), np.int64)
    folder = real_pets / "oxford-iiit-pet"
    for name in (row["image"] for row in rows):
        trimap = np.asarray(Image.open(folder / "annotations" / "trimaps" / f"{name}.png"))
        photo = Image.open(folder / "images" / f"{name}.jpg").convert("RGB")
        small = np.asarray(photo.resize((32, 32), Image.Resampling.BILINEAR))
        image = torch.from_numpy(small.copy())[None]
        with torch.inference_mode():
            logits = model(normalize(image, model.normalization))
            whole = interpolate(logits, trimap.shape, mode="bilinear", align_corners=False)
        np.add.at(confusion, (trimap.astype(int) - 1, whole[0].argmax(0).numpy()), 1)
    found = np.array(result["confusion"])
    assert np.abs(found - confusion).sum() <= 1e-4 * confusion.sum()  # rounding of equal logits
    assert found.sum(axis=1).tolist() == confusion.sum(axis=1).tolist()
    hits = np.diag(confusion)
    ious = hits / (confusion.sum(0) + confusion.sum(1) - hits)
    assert result["iou"] == pytest.approx(ious.tolist(), abs=1e-4)


def test_scores_of_two_sizes_and_weights_stand_side_by_side(run: RunDir, capsys: Captured) -> None:
    code, out, _ = command(capsys, run, "--size", "native", "--weights", "last")
    assert code == 0 and "loss" not in out
    assert "at the masks' own sizes (the model saw 32x32), with the last weights, of epoch 3" in out
    assert command(capsys, run)[0] == 0
    found = {(one.stem, one.scored_at, one.weights) for one in saved_evaluations(run)}
    assert found == {("val", "training", "best"), ("val-native-last", "native", "last")}
    code, _, err = command(capsys, run, "--size", "full")
    assert code == 2 and "size 'full' was given: choose training or native." in err


def test_a_run_scores_itself_at_native_size_where_it_is_asked_to(
    config: RunConfig, tmp_path: Path
) -> None:
    settings = config.flat() | {"native_scores": True, "epochs": 1, "val_split": "honest"}
    run = tiny.train(tmp_path / "runs", RunConfig.from_flat(settings))
    native = [one for one in saved_evaluations(run) if one.scored_at == "native"]
    assert [one.split for one in native] == ["test", "val"]
    assert all(run.evaluation_confusion(one.name, one.stem).exists() for one in native)
