"""Predicting a person's own images, and scoring a run again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from segengine import evaluation
from segengine.config import RunConfig
from segengine.datasets.base import ClassInfo
from segengine.errors import UserError
from segengine.evaluation import evaluate
from segengine.models import build_model
from segengine.prediction import predict_images
from segengine.rundir import RunDir
from tests import tiny


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    root = tiny.write_pets(tmp_path_factory.mktemp("pets"), val=5)
    return tiny.decoded(tiny.config(root, epochs=3, lr=3e-3, val_limit=3))


@pytest.fixture(scope="module")
def run(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    return tiny.train(tmp_path_factory.mktemp("runs"), config)


def nothing(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def picture(path: Path, size: tuple[int, int] = (70, 41), mode: str = "RGB") -> Path:
    """An image file of `size` (width, height) that holds something."""
    image, _ = tiny.draw(size[::-1], [5])
    Image.fromarray(image).convert(mode).save(path)
    return path


def test_masks_have_the_images_own_size_and_the_classes_colours(
    run: RunDir, tmp_path: Path
) -> None:
    images = [picture(tmp_path / "one.jpg"), picture(tmp_path / "two.png", (33, 200))]
    written = predict_images(run, images, tmp_path / "new" / "out")
    assert written == [tmp_path / "new" / "out" / name for name in ("one.png", "two.png")]
    for path, size in zip(written, [(70, 41), (33, 200)], strict=True):
        with Image.open(path) as mask:
            assert mask.size == size and mask.mode == "P"
            assert mask.getpalette()[:9] == [0, 0x72, 0xB2, 0x99, 0x99, 0x99, 0xF0, 0xE4, 0x42]
            assert set(np.unique(np.asarray(mask))) <= {0, 1, 2}


def test_a_mask_is_what_the_best_weights_say(run: RunDir, tmp_path: Path) -> None:
    path = picture(tmp_path / "one.png", (52, 40))
    (written,) = predict_images(run, [path], tmp_path / "out")

    model = build_model(run.config().model, 3)
    model.load_state_dict(torch.load(run.best_checkpoint, weights_only=True)["model"])
    model.eval()
    with Image.open(path) as image:
        small = image.resize((32, 32), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.asarray(small).copy()).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        logits = model(((pixels - mean) / std).permute(2, 0, 1)[None])
    expected = F.interpolate(logits, size=(40, 52), mode="bilinear").argmax(1)[0].numpy()
    found = np.asarray(Image.open(written))
    assert (found == expected).mean() > 0.999


@pytest.mark.parametrize("mode", ["RGBA", "P", "L"])
def test_images_of_all_kinds_are_predicted(run: RunDir, tmp_path: Path, mode: str) -> None:
    path = picture(tmp_path / "image.png", mode=mode)
    (written,) = predict_images(run, [path], tmp_path / "out")
    with Image.open(written) as mask:
        assert mask.size == (70, 41)


def test_an_image_that_cannot_be_decoded_is_named_and_nothing_is_written(
    run: RunDir, tmp_path: Path
) -> None:
    good, bad = picture(tmp_path / "good.png"), tmp_path / "bad.png"
    bad.write_text("no picture")
    for given in (bad, tmp_path / "none.png"):
        with pytest.raises(UserError, match="cannot be decoded as an image") as info:
            predict_images(run, [good, given], tmp_path / "out")
        assert str(given) in str(info.value)
    assert not (tmp_path / "out").exists()


def test_two_images_of_one_name_are_refused(run: RunDir, tmp_path: Path) -> None:
    images = [picture(tmp_path / name) for name in ("cat.jpg", "cat.png")]
    with pytest.raises(UserError, match=r"both be written to .*cat\.png.*different names"):
        predict_images(run, images, tmp_path / "out")


def test_a_mask_never_takes_the_place_of_the_image(run: RunDir, tmp_path: Path) -> None:
    path = picture(tmp_path / "cat.png")
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"cat\.png would be overwritten.*another folder"):
        predict_images(run, [path], tmp_path / "out" / "..")
    assert path.read_bytes() == before


def test_a_run_without_weights_predicts_nothing(config: RunConfig, tmp_path: Path) -> None:
    run = tiny.new_run(tmp_path, config)
    with pytest.raises(UserError, match=rf"Run {run.id} has no weights yet"):
        predict_images(run, [picture(tmp_path / "cat.png")], tmp_path / "out")
    with pytest.raises(UserError, match="has no weights yet"):
        evaluate(run, run.config(), nothing)


def test_evaluating_on_the_runs_own_data_gives_the_best_epochs_scores(
    run: RunDir, tmp_path: Path
) -> None:
    copy = tiny.copy_of(run, tmp_path)
    result = evaluate(copy, copy.config(), nothing)
    best = tiny.epochs(run)[tiny.events(run, "run_finished")[0]["best_epoch"] - 1]
    assert {key: result[key] for key in best["val"]} == best["val"]
    assert result["confusion"] == best["confusion"]
    assert (result["images"], result["image_size"]) == (3, [32, 32])
    assert result["classes"] == ["pet", "background", "border"]
    assert json.loads(copy.evaluation("oxford_pets").read_text()) == result


def test_evaluating_on_more_images_counts_them_all(run: RunDir, tmp_path: Path) -> None:
    copy = tiny.copy_of(run, tmp_path)
    result = evaluate(copy, copy.config().with_values(val_limit=0), nothing)
    assert result["images"] == 5
    assert np.sum(result["confusion"]) > np.sum(tiny.epochs(run)[-1]["confusion"])


def test_data_with_other_classes_is_refused(
    run: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = evaluation.load_split

    def streets(*args: object) -> object:
        return plain(*args)[0], (ClassInfo("road", "#804080"), ClassInfo("car", "#00008e"))

    monkeypatch.setattr(evaluation, "load_split", streets)
    copy = tiny.copy_of(run, tmp_path)
    with pytest.raises(UserError, match="knows the classes pet, background, border") as info:
        evaluate(copy, copy.config(), nothing)
    assert "has road, car" in str(info.value)
    assert not copy.evaluation("oxford_pets").exists()


def test_evaluating_changes_nothing_else_of_the_run(run: RunDir, tmp_path: Path) -> None:
    copy = tiny.copy_of(run, tmp_path)
    before = {path: path.read_bytes() for path in copy.path.rglob("*") if path.is_file()}
    evaluate(copy, copy.config(), nothing)
    after = {path: path.read_bytes() for path in copy.path.rglob("*") if path.is_file()}
    assert after.pop(copy.evaluation("oxford_pets"))
    assert after == before
