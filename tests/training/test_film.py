"""The film and the predictions of whole tiny runs: which images, and whose masks they are."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segengine.config import RunConfig
from segengine.datasets.decoded import DecodedSplit, load_splits
from segengine.run.rundir import RunDir
from segengine.statistics.scores import confusion_matrix
from tests import tiny

VAL = 20  # images, of which 8 are kept at every validation
EPOCHS = 3


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"), val=VAL)


@pytest.fixture(scope="module")
def config(pets: Path) -> RunConfig:
    """Three epochs, validated after the second and the last."""
    return tiny.decoded(tiny.config(pets, epochs=EPOCHS, val_every=2, augment=("hflip",)))


@pytest.fixture(scope="module")
def run(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A finished run, to be looked at only."""
    return tiny.train(tmp_path_factory.mktemp("runs"), config)


def split_of(config: RunConfig, name: Any) -> DecodedSplit:
    return load_splits(config.data, (name,), tiny.no_progress)[0]


def predicted(folder: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(folder / f"{name}.png"))


def test_the_film_is_eight_images_spread_over_the_set(run: RunDir, config: RunConfig) -> None:
    expected = [f"test_{i * VAL // 8}" for i in range(8)]
    assert tiny.events(run, "run_started")[0]["film"] == expected
    split = split_of(config, "val")
    matrix = np.zeros((3, 3), int)
    for name in expected:
        with Image.open(run.masks(3) / f"{name}.png") as image:
            assert image.mode == "P" and image.size == (32, 32)
            assert image.getpalette()[:9] == [0, 0x72, 0xB2, 0x99, 0x99, 0x99, 0xF0, 0xE4, 0x42]
            labels = np.asarray(image)
        matrix += confusion_matrix(labels, split.masks[split.names.index(name)], 3)
    assert sorted(path.stem for path in run.masks(3).iterdir()) == sorted(expected)
    assert matrix.sum() > 0 and np.trace(matrix) / matrix.sum() > 0.3  # it is this image's mask


def test_a_small_validation_set_is_filmed_whole(pets: Path, tmp_path: Path) -> None:
    run = tiny.train(tmp_path, tiny.config(pets, epochs=1, val_limit=3))
    assert len(tiny.events(run, "run_started")[0]["film"]) == 3
    assert len(list(run.masks(1).iterdir())) == 3


def test_predictions_cover_the_validation_set_and_agree_with_each_other(
    run: RunDir, config: RunConfig
) -> None:
    split = split_of(config, "val")
    matrices = np.load(run.confusion_file)
    assert matrices.shape == (VAL, 3, 3)
    best = tiny.epochs(run)[tiny.events(run, "run_finished")[0]["best_epoch"] - 1]
    assert matrices.sum(0).tolist() == best["confusion"]
    with run.per_image_file.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == list(split.names)
    for index, (row, matrix) in enumerate(zip(rows, matrices, strict=True)):
        mask = predicted(run.predictions, row["image"])
        assert np.array_equal(confusion_matrix(mask, split.masks[index], 3), matrix)
        ious = []
        for label, name in enumerate(("pet", "background", "border")):
            union = matrix[label].sum() + matrix[:, label].sum() - matrix[label, label]
            assert union > 0
            ious.append(matrix[label, label] / union)
            assert float(row[f"iou_{name}"]) == pytest.approx(ious[-1], abs=1e-6)
        assert float(row["miou"]) == pytest.approx(sum(ious) / 3, abs=1e-6)
