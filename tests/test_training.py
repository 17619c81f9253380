"""Whole tiny runs: what is counted, what is written and when, and how a run may fail."""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import itertools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
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

from segengine import files
from segengine.batches import load_batch
from segengine.config import RunConfig
from segengine.datasets.cache import DecodedSplit
from segengine.errors import UserError
from segengine.events import EventLog
from segengine.experiment import load_split
from segengine.inference import Predictor, Validation
from segengine.losses.cross_entropy import CrossEntropy
from segengine.models import build_model
from segengine.models.base import SegmentationModel
from segengine.order import shuffled_batches
from segengine.results.text import about
from segengine.rundir import RunDir
from segengine.scores import confusion_matrix, scores
from segengine.stopping import Stopper
from segengine.training import run_training
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
    return load_split(config, name, lambda *_: None)[0]


def predicted(folder: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(folder / f"{name}.png"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
        found = [0.0 if value is None else value for value in best["val"][name]]
        assert found == pytest.approx(expected), name
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
        torch.load(one.last_checkpoint, weights_only=True)["model"] for one in (run, again)
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
    order = [e["event"] for e in tiny.events(run) if e["event"] not in ("step", "progress")]
    validated = ["epoch", "masks", "checkpoint"]
    best = [event["epoch"] for event in tiny.events(run, "checkpoint") if event["kind"] == "best"]
    assert best[0] == 2  # the first validation is always the best so far
    third = [*validated, "checkpoint"] if 3 in best else validated
    assert order == ["run_started", "epoch", *validated, "checkpoint", *third, "run_finished"]
    log = tiny.events(run)
    assert [event["seq"] for event in log] == list(range(len(log)))
    assert all(event["v"] == 1 for event in log)
    assert all(a["time"] <= b["time"] for a, b in itertools.pairwise(log))


def test_files_are_there_before_their_events(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    plain = EventLog.write

    def write(log: EventLog, event: str, **fields: Any) -> None:
        folder = log.path.parent
        if event == "masks":
            assert fields["folder"] == f"masks/epoch-{fields['epoch']:04d}"
            assert len(list((folder / fields["folder"]).glob("*.png"))) == 8
            checked.append(event)
        if event == "checkpoint":
            assert fields["path"] == f"checkpoints/{fields['kind']}.pt"
            assert fields["sha256"] == sha256(folder / fields["path"])
            checked.append(fields["kind"])
        if event == "run_finished":
            assert (folder / "predictions" / "per_image.csv").exists()
        plain(log, event, **fields)

    monkeypatch.setattr(EventLog, "write", write)
    tiny.train(tmp_path, config.with_values(epochs=1))
    assert checked == ["masks", "last", "best"]


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


def scripted(monkeypatch: pytest.MonkeyPatch, shares: list[float]) -> None:
    """Validations come out with these shares of right pixels, one after the other."""
    left = iter(shares)

    def validate(*_: object) -> Validation:
        right = int(next(left) * 100)
        confusion = np.array([[right, 100 - right, 0], [0, 100, 0], [0, 0, 100]])
        return Validation(1.0, confusion, scores(confusion))

    monkeypatch.setattr(Predictor, "validate", validate)


@pytest.mark.parametrize(
    ("val_every", "patience", "shares", "epochs", "best"),
    [
        (1, 2, [0.5, 0.6, 0.55, 0.6, 0.9], 4, 2),  # as good as before is not better
        (1, 0, [0.5, 0.4, 0.3, 0.2, 0.1], 5, 1),
        (2, 1, [0.5, 0.4], 4, 2),  # never between two validations
    ],
)
def test_early_stop_waits_for_so_many_epochs_without_a_better_one(
    pets: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    val_every: int,
    patience: int,
    shares: list[float],
    epochs: int,
    best: int,
) -> None:
    scripted(monkeypatch, shares)
    config = tiny.config(
        pets, epochs=5, val_every=val_every, early_stop=patience, train_limit=2, val_limit=1
    )
    run = tiny.train(tmp_path, config)
    records = tiny.epochs(run)
    assert len(records) == epochs
    assert records[-1]["val"] is not None
    assert tiny.events(run, "run_finished")[0]["best_epoch"] == best
    state = torch.load(run.best_checkpoint, weights_only=True)
    assert state["position"]["epoch"] == best + 1
    state = torch.load(run.last_checkpoint, weights_only=True)
    assert state["position"]["epoch"] == epochs + 1


def is_finite(path: Path) -> bool:
    model = torch.load(path, weights_only=True)["model"]
    return all(value.isfinite().all() for value in model.values())


def test_a_rate_that_blows_up_ends_the_run_and_the_last_good_checkpoint_stays(
    pets: Path, tmp_path: Path
) -> None:
    # Each step multiplies all weights by 1 - 10 * 1 = -9: some steps later float32 is full.
    config = tiny.config(pets, lr=10.0, weight_decay=1.0, epochs=30, val_limit=1)
    run = tiny.train(tmp_path, config, code=1)
    (failed,) = tiny.events(run, "run_failed")
    for words in (" became ", " in epoch ", "lower the learning rate (now "):
        assert words in failed["error"]
    assert "The last good checkpoint stays." in failed["error"]
    assert 1 <= len(tiny.epochs(run)) < 30
    assert is_finite(run.last_checkpoint) and is_finite(run.best_checkpoint)
    saved = [event for event in tiny.events(run, "checkpoint") if event["kind"] == "last"]
    assert sha256(run.last_checkpoint) == saved[-1]["sha256"]
    assert all(record["val"]["loss"] is not None for record in tiny.epochs(run))


def poison_step(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The optimizer's step of that number leaves NaN in the weights."""
    plain, done = torch.optim.AdamW.step, []

    def step(self: torch.optim.AdamW, *args: Any) -> Any:
        result = plain(self, *args)
        done.append(1)
        if len(done) == number:
            with torch.no_grad():
                self.param_groups[0]["params"][0][:] = math.nan
        return result

    monkeypatch.setattr(torch.optim.AdamW, "step", step)


@pytest.mark.parametrize("number", [4, 5, 6])
def test_weights_that_become_nan_are_never_saved(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """In the epoch's first, middle or last step: after the last, only validation can see it."""
    poison_step(monkeypatch, number)
    run = tiny.train(tmp_path, tiny.config(pets, val_limit=1), code=1)
    error = tiny.events(run, "run_failed")[0]["error"]
    assert "loss became nan in epoch 2 after" in error and "last good checkpoint stays" in error
    assert is_finite(run.last_checkpoint)
    assert [record["epoch"] for record in tiny.epochs(run)] == [1]


def test_a_stop_right_after_weights_became_nan_saves_nothing(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison_step(monkeypatch, 5)
    config = tiny.decoded(tiny.config(pets, val_limit=1))
    run = tiny.train(tmp_path, config, tiny.StopsAt(3 + 1 + 2), code=1)
    error = tiny.events(run, "run_failed")[0]["error"]
    assert "The weights became" in error and "last good checkpoint stays" in error
    assert is_finite(run.last_checkpoint)


def test_a_loss_that_is_nan_from_the_start_says_that_nothing_was_saved(
    pets: Path, tmp_path: Path
) -> None:
    model = build_model(tiny.config(pets).model, 3)
    weights = {key: value * math.nan for key, value in model.encoder.state_dict().items()}
    torch.save(weights, tmp_path / "nan.pt")
    config = tiny.config(pets, strategy="pretrained", weights=str(tmp_path / "nan.pt"))
    run = tiny.train(tmp_path / "runs", config, code=1)
    error = tiny.events(run, "run_failed")[0]["error"]
    assert "The loss became nan in epoch 1 after 0 steps" in error
    assert "No checkpoint was saved yet." in error
    assert not run.last_checkpoint.exists()


def fails_from(number: int, plain: Callable[..., Any]) -> Callable[..., Any]:
    """`plain`, which from its call of that number on finds the disk full."""
    calls: list[int] = []

    def call(*args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) >= number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return plain(*args, **more)

    return call


def test_a_disk_that_fills_up_ends_the_run_and_freed_space_lets_it_go_on(
    run: RunDir, config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tiny.new_run(tmp_path, config)
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", fails_from(2, os.replace))
        tiny.go_on(other, code=1)
    # The first checkpoint's two replacements are last.pt and best.pt.
    error = tiny.events(other, "run_failed")[0]["error"]
    assert "The disk is full" in error and "best.pt" in error and "resume the run" in error
    assert torch.load(other.last_checkpoint, weights_only=True)["position"]["epoch"] == 3
    assert [path.name for path in other.last_checkpoint.parent.iterdir()] == ["last.pt"]
    tiny.go_on(other)
    assert tiny.epochs(other) == tiny.epochs(run)
    assert sha256(other.best_checkpoint) == tiny.events(other, "checkpoint")[-1]["sha256"]


@pytest.mark.parametrize("folder", ["masks", "predictions"])
def test_a_disk_too_full_for_masks_is_said_in_the_sentence(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    plain = Image.Image.save

    def save(image: Image.Image, path: Path, *args: Any) -> None:
        if folder in path.parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        plain(image, path, *args)

    monkeypatch.setattr(Image.Image, "save", save)
    run = tiny.train(tmp_path, config.with_values(epochs=1), code=1)
    error = tiny.events(run, "run_failed")[0]["error"]
    assert "The disk is full" in error and f"/{folder}/" in error


def too_large(*_: object) -> torch.Tensor:
    """What a batch that the memory does not hold does on a CPU."""
    return torch.empty(2**52)


def python_has_no_memory(*_: object) -> torch.Tensor:
    raise MemoryError


@pytest.mark.parametrize("cause", [too_large, python_has_no_memory])
def test_too_little_memory_is_said_in_a_sentence(
    config: RunConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cause: Callable[..., torch.Tensor],
) -> None:
    monkeypatch.setattr(SegmentationModel, "encode", cause)
    run = tiny.train(tmp_path, config, code=1)
    (failed,) = tiny.events(run, "run_failed")
    assert "memory does not hold" in failed["error"]
    assert "smaller batch_size or image_size" in failed["error"]
    assert "Traceback" in failed["traceback"]


def test_an_error_nobody_thought_of_still_gets_the_last_word(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the plumbing\nleaks")

    monkeypatch.setattr(CrossEntropy, "forward", broken)
    run = tiny.train(tmp_path, config, code=1)
    failed = tiny.events(run)[-1]
    assert failed["event"] == "run_failed"
    assert failed["error"] == "RuntimeError: the plumbing leaks"
    assert "in broken" in failed["traceback"]


def test_output_that_cannot_be_written_stops_no_run(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = open("/dev/full", "w")  # noqa: SIM115 - closing it fails as writing does
    monkeypatch.setattr("sys.stderr", full)
    run = tiny.train(tmp_path, config.with_values(epochs=1))
    failing = tiny.train(tmp_path, config.with_values(root=str(tmp_path)), code=1)
    monkeypatch.undo()
    with contextlib.suppress(OSError):
        full.close()
    assert tiny.events(run)[-1]["event"] == "run_finished"
    assert tiny.events(failing)[-1]["event"] == "run_failed"


def test_a_run_has_one_trainer(config: RunConfig, tmp_path: Path) -> None:
    run = tiny.new_run(tmp_path, config)
    with FileLock(run.lock_file), pytest.raises(UserError, match="trained by another process"):
        run_training(run, Stopper())
    assert not run.events_file.exists()


def test_what_is_wrong_inside_a_file_ends_the_run_with_the_sentence(tmp_path: Path) -> None:
    root = tiny.write_pets(tmp_path / "data")
    image = root / "oxford-iiit-pet" / "images" / "trainval_3.jpg"
    image.write_bytes(b"no picture")
    run = tiny.train(tmp_path / "runs", tiny.config(root), code=1)
    (failed,) = tiny.events(run)[-1:]
    assert failed["event"] == "run_failed"
    assert f"{image} cannot be decoded as an image" in failed["error"]


def test_all_that_is_wrong_with_the_data_is_listed(tmp_path: Path) -> None:
    root = tiny.write_pets(tmp_path / "data")
    images = root / "oxford-iiit-pet" / "images"
    damaged = [images / name for name in ("trainval_1.jpg", "trainval_3.jpg", "test_2.jpg")]
    for path in damaged:
        path.write_bytes(b"no picture")
    run = tiny.train(tmp_path / "runs", tiny.config(root), code=1)
    (failed,) = tiny.events(run)[-1:]
    assert "trainval_1.jpg" in failed["error"] and "2 more images have" in failed["error"]
    for path, problem in zip(damaged, failed["problems"], strict=True):
        assert problem.startswith(f"{path} cannot be decoded as an image")
        assert problem in about(run).splitlines()
