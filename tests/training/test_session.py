"""Whole tiny runs: what is counted, what is written and when, the film and the predictions."""

from __future__ import annotations

import csv
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassJaccardIndex,
    MulticlassPrecision,
    MulticlassRecall,
)

from segengine.batches.load import load_batch
from segengine.config import RunConfig
from segengine.datasets.decoded import DecodedSplit, load_splits
from segengine.datasets.sampler import shuffled_batches
from segengine.files import sha256_of
from segengine.models import build_model
from segengine.run.event_log import EventLog
from segengine.run.events import Event
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


def test_the_epochs_loss_is_the_mean_over_all_pixels_that_count(
    config: RunConfig, tmp_path: Path
) -> None:
    config = config.with_values(augment=(), epochs=2, amsgrad=True)
    records = tiny.epochs(tiny.train(tmp_path, config))

    torch.manual_seed(0)
    model = build_model(config.model, 3).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-3, weight_decay=0.01, amsgrad=True, fused=True
    )
    data = split_of(config, "train")
    for epoch, record in enumerate(records, start=1):
        optimizer.param_groups[0]["lr"] = 1e-3 * 0.98 ** (epoch - 1)
        model.train()
        total, pixels, sizes = 0.0, 0, []
        for indices in shuffled_batches(len(data), 2, 0, epoch):
            images, masks = load_batch(data, indices, torch.device("cpu"))
            losses = F.cross_entropy(model(images), masks, ignore_index=255, reduction="none")
            count = int((masks != 255).sum())
            optimizer.zero_grad()
            (losses.sum() / count).backward()
            optimizer.step()
            total, pixels = total + losses.sum().item(), pixels + count
            sizes.append(count)
        assert len(set(sizes)) == 3 and pixels < len(data) * 32 * 32  # unequal, and void is out
        assert record["train"]["loss"] == pytest.approx(total / pixels, rel=1e-5)


def test_the_validation_loss_is_that_of_the_saved_weights(run: RunDir, config: RunConfig) -> None:
    model = build_model(config.model, 3)
    model.load_state_dict(torch.load(run.last_checkpoint, weights_only=True)["model"])
    model.eval()
    images, masks = load_batch(split_of(config, "val"), np.arange(VAL), torch.device("cpu"))
    with torch.no_grad():
        expected = F.cross_entropy(model(images), masks, ignore_index=255).item()
    assert tiny.epochs(run)[-1]["val"]["loss"] == pytest.approx(expected, rel=1e-5)


def test_validation_scores_are_those_of_torchmetrics_on_the_saved_masks(
    run: RunDir, config: RunConfig
) -> None:
    (finished,) = tiny.events(run, "run_finished")
    best = tiny.epochs(run)[finished["best_epoch"] - 1]
    split = split_of(config, "val")
    pred = torch.from_numpy(np.stack([predicted(run.predictions, name) for name in split.names]))
    truth = torch.from_numpy(split.masks.astype(np.int64))
    known: dict[str, Any] = {"num_classes": 3, "ignore_index": 255}
    confusion = MulticlassConfusionMatrix(**known)(pred.long(), truth)
    assert confusion.tolist() == best["confusion"]
    assert best["val"]["pixel_accuracy"] == pytest.approx(
        MulticlassAccuracy(average="micro", **known)(pred, truth).item()
    )
    for name, metric in {
        "iou": MulticlassJaccardIndex,
        "dice": MulticlassF1Score,
        "precision": MulticlassPrecision,
        "recall": MulticlassRecall,
    }.items():
        expected = metric(average="none", **known)(pred, truth).tolist()
        logged = [0.0 if value is None else value for value in best["val"][name]]
        assert logged == pytest.approx(expected), name
    iou = MulticlassJaccardIndex(average="macro", **known)(pred, truth).item()
    assert best["val"]["miou"] == finished["best_miou"] == pytest.approx(iou)


def test_the_same_command_twice_gives_the_same_run(
    run: RunDir, config: RunConfig, tmp_path: Path
) -> None:
    torch.manual_seed(999)
    np.random.seed(999)
    again = tiny.train(tmp_path, config)
    assert tiny.epochs(again) == tiny.epochs(run)
    first, second = (
        torch.load(trained.last_checkpoint, weights_only=True)["model"] for trained in (run, again)
    )
    assert all(torch.equal(first[key], second[key]) for key in first)
    for path in run.path.glob("masks/*/*.png"):
        assert path.read_bytes() == (again.path / path.relative_to(run.path)).read_bytes()


def test_another_seed_gives_another_run(run: RunDir, config: RunConfig, tmp_path: Path) -> None:
    other = tiny.train(tmp_path, config.with_values(seed=1, epochs=1))
    assert tiny.epochs(other)[0]["train"] != tiny.epochs(run)[0]["train"]


def test_validation_comes_when_due_and_always_at_the_end(run: RunDir) -> None:
    records = tiny.epochs(run)
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert [record["val"] is not None for record in records] == [False, True, True]
    assert [record["confusion"] is not None for record in records] == [False, True, True]
    assert [event["epoch"] for event in tiny.events(run, "masks")] == [2, 3]
    last = torch.load(run.last_checkpoint, weights_only=True)
    assert last["position"]["epoch"] == EPOCHS + 1 and last["position"]["step"] == 9
    assert run.best_checkpoint.exists()


def test_one_validation_at_the_end_is_enough_for_all_files(pets: Path, tmp_path: Path) -> None:
    run = tiny.train(tmp_path, tiny.config(pets, epochs=2, val_every=10, val_limit=2))
    assert [record["val"] is None for record in tiny.epochs(run)] == [True, False]
    assert run.last_checkpoint.exists() and run.best_checkpoint.exists()
    assert run.per_image_file.exists()


def test_events_come_in_their_order(run: RunDir) -> None:
    order = [
        event["event"]
        for event in tiny.events(run)
        if event["event"] not in ("step", "progress", "resources")
    ]
    validated = ["epoch", "masks", "checkpoint"]
    best = [event["epoch"] for event in tiny.events(run, "checkpoint") if event["kind"] == "best"]
    assert best[0] == 2  # the first validation is always the best so far
    third = [*validated, "checkpoint"] if 3 in best else validated
    end = ["checkpoint", "run_finished"]  # the best one, without its optimizer
    assert order == ["run_started", "epoch", *validated, "checkpoint", *third, *end]
    log = tiny.events(run)
    assert [event["seq"] for event in log] == list(range(len(log)))
    assert all(event["v"] == 1 for event in log)
    assert all(a["time"] <= b["time"] for a, b in itertools.pairwise(log))


def test_files_are_there_before_their_events(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    plain = EventLog.write

    def write(log: EventLog, event: Event, *, durable: bool = False) -> None:
        folder = log.path.parent
        if event["event"] == "masks":
            assert event["folder"] == f"masks/epoch-{event['epoch']:04d}"
            assert len(list((folder / event["folder"]).glob("*.png"))) == 8
            checked.append("masks")
        if event["event"] == "checkpoint":
            assert event["path"] == f"checkpoints/{event['kind']}.pt"
            assert event["sha256"] == sha256_of(folder / event["path"])
            checked.append(event["kind"])
        if event["event"] == "run_finished":
            assert (folder / "predictions" / "per_image.csv").exists()
        plain(log, event, durable=durable)

    monkeypatch.setattr(EventLog, "write", write)
    tiny.train(tmp_path, config.with_values(epochs=1))
    assert checked == ["masks", "last", "best", "best"]


def test_run_started_tells_all_that_a_reader_needs(run: RunDir, config: RunConfig) -> None:
    (started,) = tiny.events(run, "run_started")
    assert [info["name"] for info in started["classes"]] == ["pet", "background", "border"]
    assert started["classes"][0]["color"] == "#0072B2"
    expected = {
        "ignore_index": 255,
        "image_size": [32, 32],
        "train_images": 7,
        "val_images": VAL,
        "parameters": {"total": 3_714_915, "trainable": 3_714_915},
        "precision": "fp32",
        "lineage": None,
        "epochs": EPOCHS,
        "steps_per_epoch": 3,
        "start_epoch": 1,
        "start_step": 0,
    }
    assert {key: started[key] for key in expected} == expected
    assert started["device"].startswith("cpu")
    assert started["versions"]["torch"] == torch.__version__
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?", started["versions"]["commit"])
    assert RunConfig.load(run.config_file) == config.resolved()


def test_epochs_carry_step_rate_and_time(run: RunDir) -> None:
    for number, event in enumerate(tiny.events(run, "epoch"), start=1):
        assert event["step"] == 3 * number
        assert event["lr"] == pytest.approx(1e-3 * 0.98 ** (number - 1))
        assert 0 < event["seconds"] < 60
        assert 0 <= event["train"]["miou"] <= 1
    (finished,) = tiny.events(run, "run_finished")
    total = sum(event["seconds"] for event in tiny.events(run, "epoch"))
    assert finished["seconds"] >= total


def test_a_constant_schedule_keeps_the_rate(config: RunConfig, tmp_path: Path) -> None:
    run = tiny.train(tmp_path, config.with_values(scheduler="constant", lr=2e-3, epochs=2))
    assert [record["lr"] for record in tiny.epochs(run)] == [2e-3, 2e-3]


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
