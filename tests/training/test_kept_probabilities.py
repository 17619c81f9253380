"""A run that keeps its class probabilities: its files, and what they say against the truth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dashboard.launch.form import from_run, to_config
from segengine.cli.main import main
from segengine.config import STORED, RunConfig
from segengine.datasets.decoded import DecodedSplit, load_splits
from segengine.errors import UserError
from segengine.files.probabilities import dequantized, load_probabilities
from segengine.launchers.more_epochs import plan_epochs
from segengine.models import build_model
from segengine.results.details.confidence import Confidence, confidence_of
from segengine.results.details.disk import disk_use
from segengine.run.rundir import RunDir
from segengine.statistics.calibration import Reliability
from segengine.statistics.thresholds import level_histogram, threshold_counts
from tests import tiny

VAL = 5


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    pets = tiny.write_pets(tmp_path_factory.mktemp("pets"), val=VAL)
    return tiny.decoded(tiny.config(pets, lr=3e-3, keep_probabilities=True))


@pytest.fixture(scope="module")
def run(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A finished run, to be looked at only."""
    return tiny.train(tmp_path_factory.mktemp("runs"), config)


@pytest.fixture(scope="module")
def split(config: RunConfig) -> DecodedSplit:
    """Its validation set: images and masks at the size of the probabilities."""
    return load_splits(config.data, ("val",), tiny.no_progress)[0]


@pytest.fixture(scope="module")
def stored(run: RunDir, split: DecodedSplit) -> np.ndarray:
    """(images, classes, h, w) levels."""
    return np.stack([load_probabilities(run.probabilities(name)) for name in split.names])


def found_in(run: RunDir) -> Confidence:
    found = confidence_of(run)
    assert found
    return found


def test_every_validation_image_has_its_probabilities_at_training_size(
    run: RunDir, split: DecodedSplit, stored: np.ndarray
) -> None:
    assert stored.shape == (VAL, 3, 32, 32) and stored.dtype == np.uint8
    for name, levels in zip(split.names, stored, strict=True):
        mask = np.asarray(Image.open(run.predictions / f"{name}.png"))
        chosen = np.take_along_axis(levels, mask[None].astype(np.int64), axis=0)[0]
        assert np.array_equal(chosen, levels.max(axis=0))  # the mask is of the likeliest class
    assert stored.sum(axis=1).max() <= 256  # they add up to 1


def test_they_are_the_softmax_of_the_best_weights(
    run: RunDir, split: DecodedSplit, stored: np.ndarray
) -> None:
    model = build_model(run.config().model, 3)
    model.load_state_dict(torch.load(run.best_checkpoint, weights_only=True)["model"])
    model.eval()
    pixels = torch.from_numpy(np.array(split.images)).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = model(((pixels - mean) / std).permute(0, 3, 1, 2)).softmax(1).numpy()
    assert np.abs(dequantized(stored) - expected).max() <= 0.5 / 256 + 1e-4


def test_the_whole_sets_calibration_is_that_of_the_files(
    run: RunDir, split: DecodedSplit, stored: np.ndarray
) -> None:
    found = found_in(run)
    counted = split.masks != 255
    truth = split.masks[counted]
    probabilities = dequantized(stored).transpose(1, 0, 2, 3)[:, counted].astype(np.float64)
    of_truth = probabilities[truth, np.arange(len(truth))]
    assert found.nll == pytest.approx(-np.log(of_truth).mean())
    one_hot = np.arange(3)[:, None] == truth
    assert found.brier == pytest.approx(((probabilities - one_hot) ** 2).sum(axis=0).mean())
    (finished,) = tiny.events(run, "run_finished")
    best = tiny.epochs(run)[finished["best_epoch"] - 1]["val"]
    # As the cross entropy, but that 8 bits know no chance below 1 in 512.
    assert 0.9 * best["loss"] < found.nll < 1.01 * best["loss"]

    masks = np.stack([np.asarray(Image.open(run.predictions / f"{n}.png")) for n in split.names])
    expected = Reliability.of(10)
    expected.add(probabilities.max(axis=0), masks[counted] == truth)
    reliability = found.reliability(10)
    assert reliability.counts.tolist() == expected.counts.tolist()
    assert reliability.ece == pytest.approx(expected.ece)
    assert reliability.correct.sum() / reliability.pixels == pytest.approx(best["pixel_accuracy"])
    assert found.scored == VAL


def test_thresholds_on_a_class_are_those_of_the_files(
    run: RunDir, split: DecodedSplit, stored: np.ndarray
) -> None:
    found, counted = found_in(run), split.masks != 255
    for label in range(3):
        own = split.masks[counted] == label
        expected = threshold_counts(level_histogram(stored[:, label][counted], own))
        sweep = found.sweep(label)
        assert np.array_equal(sweep.counts, expected)
        assert sweep.best is not None
        assert sweep.scores.iou[sweep.best] == np.nanmax(sweep.scores.iou)


def test_each_image_says_how_unsure_the_model_is_of_it(
    run: RunDir, split: DecodedSplit, stored: np.ndarray
) -> None:
    images = found_in(run).images
    assert list(images) == list(split.names)
    for name, levels in zip(split.names, stored, strict=True):
        assert 0 < images[name]["entropy"] < 1
        mean = dequantized(levels).max(axis=0).mean()
        assert images[name]["confidence"] == pytest.approx(mean, abs=0.5 / 256)


def test_the_run_says_what_it_keeps_and_how_much(
    run: RunDir, capsys: pytest.CaptureFixture[str]
) -> None:
    size = sum(path.stat().st_size for path in run.predictions.glob("*.npz"))
    (finished,) = tiny.events(run, "run_finished")
    assert finished["probability_bytes"] == size > 0
    assert disk_use(run)["Class probabilities"] == size
    assert main(["show", run.id, "--runs-dir", str(run.path.parent)]) == 0
    assert f"Class probabilities: kept of {VAL} validation images" in capsys.readouterr().out


def test_a_run_keeps_none_unless_asked(config: RunConfig, tmp_path: Path) -> None:
    plain = tiny.train(tmp_path, config.with_values(keep_probabilities=False, epochs=1))
    assert confidence_of(plain) is None
    assert not list(plain.predictions.glob("*.npz"))
    assert "probability_bytes" not in tiny.events(plain, "run_finished")[0]
    assert "Class probabilities" not in disk_use(plain)


def test_images_whose_file_was_deleted_are_left_out(run: RunDir, tmp_path: Path) -> None:
    copy = tiny.copy_of(run, tmp_path)
    copy.probabilities("test_0").unlink()
    found = found_in(copy)
    assert len(found.images) == VAL - 1 and "test_0" not in found.images
    assert found.scored == VAL  # the whole set's numbers are still over all


@pytest.mark.parametrize("damage", ["", "{}", '{"images": {}, "pixels": [1]}', "[" * 9000])
def test_a_damaged_record_is_said(run: RunDir, tmp_path: Path, damage: str) -> None:
    copy = tiny.copy_of(run, tmp_path)
    copy.calibration_file.write_text(damage)
    with pytest.raises(UserError, match=r"calibration\.json cannot be read"):
        confidence_of(copy)


def test_what_older_weights_said_is_gone_while_a_run_trains_on(
    run: RunDir, config: RunConfig, tmp_path: Path
) -> None:
    longer = tiny.copy_of(run, tmp_path / "runs")
    plan_epochs(longer, 3)
    tiny.go_on(longer, tiny.StopsAt(1))
    assert confidence_of(longer) is None
    tiny.go_on(longer)
    whole = tiny.train(tmp_path / "whole", config.with_values(epochs=3))
    for path in (*whole.predictions.glob("*.npz"), whole.calibration_file):
        mine = longer.path / path.relative_to(whole.path)
        assert mine.read_bytes() == path.read_bytes()


def test_validation_images_that_are_all_void_have_no_calibration(
    config: RunConfig, tmp_path: Path
) -> None:
    root = tmp_path / "pets"
    shutil.copytree(config.data.root, root)
    for index in range(VAL):
        Image.fromarray(np.full((40, 52), 255, np.uint8)).save(
            tiny.mask_file(root, f"test_{index}")
        )
    found = found_in(tiny.train(tmp_path, config.with_values(root=str(root), epochs=1)))
    assert found.brier is None and found.nll is None and found.sweep(0).best is None
    assert found.reliability().pixels == 0 and len(found.images) == VAL


def test_a_config_without_the_field_keeps_none_and_a_clone_keeps_what_was_asked(
    config: RunConfig,
) -> None:
    nested = json.loads(config.to_json())
    del nested["train"]["keep_probabilities"]
    older = RunConfig.parse(nested, STORED)
    assert not older.train.keep_probabilities
    assert older.fingerprint() == config.with_values(keep_probabilities=False).fingerprint()
    assert to_config(from_run(config)).train.keep_probabilities
    assert "--keep-probabilities" in config.flags()
