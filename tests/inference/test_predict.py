"""Predicting a person's own images, and the scores of each image."""

from __future__ import annotations

import csv
import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from segengine.config import RunConfig
from segengine.datasets.base import ClassInfo
from segengine.errors import UserError
from segengine.inference import predict
from segengine.inference.predict import predict_images
from segengine.metrics.per_image import ImageScores
from segengine.models import build_model
from segengine.results.masks.scoring import saved_scores
from segengine.run.rundir import RunDir
from tests import tiny


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    root = tiny.write_pets(tmp_path_factory.mktemp("pets"), val=5)
    return tiny.decoded(tiny.config(root, epochs=3, lr=3e-3, val_limit=3))


@pytest.fixture(scope="module")
def run(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    return tiny.train(tmp_path_factory.mktemp("runs"), config)


def picture(path: Path, size: tuple[int, int] = (70, 41), mode: str = "RGB") -> Path:
    """An image file of `size` (width, height) that holds something."""
    image, _ = tiny.draw(size[::-1], [5])
    Image.fromarray(image).convert(mode).save(path)
    return path


def test_masks_have_the_images_own_size_and_the_classes_colors(run: RunDir, tmp_path: Path) -> None:
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
    predicted = np.asarray(Image.open(written))
    assert (predicted == expected).mean() > 0.999


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
        with pytest.raises(UserError, match=r"cannot be decoded as an image|is missing") as info:
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


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("kind", ["picture", "link", "link to nothing", "folder"])
def test_a_file_that_is_there_already_is_never_replaced(
    run: RunDir, tmp_path: Path, kind: str
) -> None:
    """A truth mask or a picture of the same name, also where a link leads to it."""
    images = [picture(tmp_path / name) for name in ("new.jpg", "cat.jpg")]
    out, truth = tmp_path / "masks", picture(tmp_path / "truth.png", mode="L")
    out.mkdir()
    if kind == "picture":
        (out / "cat.png").write_bytes(truth.read_bytes())
    elif kind == "folder":
        (out / "cat.png").mkdir()
    else:
        (out / "cat.png").symlink_to(truth if kind == "link" else tmp_path / "none.png")
    before = files_of(out), truth.read_bytes()
    with pytest.raises(UserError, match=r"cat\.png is there already.*--overwrite") as info:
        predict_images(run, images, out)
    assert info.value.field == "out"
    assert (files_of(out), truth.read_bytes()) == before
    assert not (tmp_path / "none.png").exists()


def test_all_taken_names_are_counted(run: RunDir, tmp_path: Path) -> None:
    images = [picture(tmp_path / name) for name in ("a.jpg", "b.jpg", "c.jpg")]
    written = predict_images(run, images, tmp_path / "out")
    before = files_of(tmp_path / "out")
    with pytest.raises(UserError, match=r"a\.png and 2 more of the masks' names are there already"):
        predict_images(run, images, tmp_path / "out")
    assert files_of(tmp_path / "out") == before
    assert predict_images(run, images, tmp_path / "out", overwrite=True) == written
    assert files_of(tmp_path / "out") == before  # the same masks again, and nothing beside them


def test_overwriting_replaces_a_link_and_not_what_it_leads_to(run: RunDir, tmp_path: Path) -> None:
    image, truth = picture(tmp_path / "cat.jpg"), picture(tmp_path / "truth.png", mode="L")
    out, content = tmp_path / "masks", truth.read_bytes()
    out.mkdir()
    (out / "cat.png").symlink_to(truth)
    (out / "dog.png").hardlink_to(truth)
    (written, _) = predict_images(run, [image, picture(tmp_path / "dog.jpg")], out, overwrite=True)
    assert truth.read_bytes() == content
    assert not written.is_symlink() and Image.open(written).mode == "P"
    own = picture(tmp_path / "own.jpg")
    (out / "own.png").symlink_to(own)  # an image is not replaced even where it is asked for
    with pytest.raises(UserError, match="would be overwritten by its mask"):
        predict_images(run, [own], out, overwrite=True)


def test_a_name_that_is_taken_in_the_meantime_stays_as_it_is(
    run: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = predict.load_trained

    def slow(given: RunDir) -> predict.TrainedModel:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "cat.png").write_text("another program's")
        return plain(given)

    monkeypatch.setattr(predict, "load_trained", slow)
    with pytest.raises(UserError, match="is there already"):
        predict_images(run, [picture(tmp_path / "cat.jpg")], tmp_path / "out")
    assert files_of(tmp_path / "out") == {"cat.png": b"another program's"}


def test_a_mask_that_cannot_be_written_leaves_nothing(
    run: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = picture(tmp_path / "cat.jpg")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/cat\.png cannot be written"):
        predict_images(run, [image], tmp_path / "file")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="The disk is full"):
        predict_images(run, [image], tmp_path / "out")
    assert files_of(tmp_path / "out") == {}


def test_a_run_without_weights_predicts_nothing(config: RunConfig, tmp_path: Path) -> None:
    run = tiny.new_run(tmp_path, config)
    with pytest.raises(UserError, match=rf"Run {run.id} has no weights yet"):
        predict_images(run, [picture(tmp_path / "cat.png")], tmp_path / "out")


CLASSES = (ClassInfo("pet", "#0072B2"), ClassInfo("sky, or so", "#999999"), ClassInfo("x", "#000"))


def test_the_scores_of_an_image_by_hand(tmp_path: Path) -> None:
    """2x4 pixels: all are boundary. Class 0: 3 hits of 4, 4 predicted; class 1: 2 of 3, 3."""
    truth = np.array([[0, 0, 0, 0], [1, 1, 1, 255]], np.uint8)
    predicted = np.array([[0, 0, 0, 1], [1, 1, 0, 2]], np.uint8)
    rows = ImageScores(CLASSES)
    rows.add("a", predicted, truth)
    assert rows.matrices[0].tolist() == [[3, 1, 0], [1, 2, 0], [0, 0, 0]]
    rows.add("all void", predicted, np.full((2, 4), 255, np.uint8))

    first, second = csv.DictReader(io.StringIO(rows.csv()))
    expected = {"miou": (3 / 5 + 2 / 4) / 2, "iou_pet": 3 / 5, "iou_sky, or so": 2 / 4}
    expected |= {"dice": (6 / 8 + 4 / 6) / 2, "pixel_accuracy": 5 / 7}
    expected |= {"boundary_iou": (3 / 5 + 2 / 4) / 2}
    assert {name: float(first[name]) for name in expected} == pytest.approx(expected, abs=1e-6)
    assert (first["image"], first["iou_x"]) == ("a", "")
    assert (second["image"], second["iou_pet"], float(second["miou"])) == ("all void", "", 0)
    assert list(first) == [
        *("image", "miou", "iou_pet", "iou_sky, or so", "iou_x"),
        *("dice", "pixel_accuracy", "boundary_iou"),
    ]
    (tmp_path / "per_image.csv").write_text(rows.csv())
    saved = saved_scores(tmp_path / "per_image.csv")["a"]  # as the Masks page reads it
    assert saved.iou == (0.6, 0.5, None) and saved.miou == pytest.approx(0.55)


def test_a_runs_predictions_come_with_the_scores_of_each_image(run: RunDir) -> None:
    with run.per_image_file.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    for row in rows:
        assert 0 <= float(row["boundary_iou"]) <= float(row["pixel_accuracy"]) <= 1
        assert float(row["miou"]) < float(row["dice"]) < 1
