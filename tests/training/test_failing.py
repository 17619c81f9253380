"""Runs that fail: diverging, without room or memory, on damaged data; what they say and keep."""

from __future__ import annotations

import contextlib
import errno
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from PIL import Image

from segengine import files
from segengine.cli import tables
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.files import sha256_of
from segengine.losses.cross_entropy import CrossEntropy
from segengine.models import build_model
from segengine.models.base import Features, SegmentationModel
from segengine.run.stopping import Stopper
from segengine.training.session import run_training
from tests import tiny


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


@pytest.fixture(scope="module")
def config(pets: Path) -> RunConfig:
    """Three epochs, validated after the second and the last."""
    return tiny.decoded(tiny.config(pets, epochs=3, val_every=2))


def is_finite(path: Path) -> bool:
    model = torch.load(path, weights_only=True)["model"]
    return all(value.isfinite().all() for value in model.values())


def test_a_learning_rate_that_diverges_ends_the_run_and_the_last_good_checkpoint_stays(
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
    assert sha256_of(run.last_checkpoint) == saved[-1]["sha256"]
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
    weights = {
        key: torch.full_like(value, 1e38) for key, value in model.encoder.state_dict().items()
    }  # finite, but their products are not
    torch.save(weights, tmp_path / "huge.pt")
    config = tiny.config(pets, strategy="pretrained", weights=str(tmp_path / "huge.pt"))
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
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny.train(tmp_path / "undisturbed", config)
    other = tiny.new_run(tmp_path / "disturbed", config)
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
    assert sha256_of(other.best_checkpoint) == tiny.events(other, "checkpoint")[-1]["sha256"]


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


def too_large() -> None:
    """What a batch that the memory does not hold does on a CPU."""
    torch.empty(2**52)


def python_has_no_memory() -> None:
    raise MemoryError


@pytest.mark.parametrize("cause", [too_large, python_has_no_memory])
def test_too_little_memory_is_said_in_a_sentence(
    config: RunConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cause: Callable[[], None],
) -> None:
    plain = SegmentationModel.encode

    def encode(self: SegmentationModel, images: torch.Tensor) -> Features:
        if not images.is_meta:  # the dry run takes no memory
            cause()
        return plain(self, images)

    monkeypatch.setattr(SegmentationModel, "encode", encode)
    run = tiny.train(tmp_path, config, code=1)
    (failed,) = tiny.events(run, "run_failed")
    assert "memory does not hold" in failed["error"]
    assert "smaller batch_size or image_size" in failed["error"]
    assert "Traceback" in failed["traceback"]


def test_an_error_nobody_thought_of_is_still_logged(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the plumbing\nleaks")

    monkeypatch.setattr(CrossEntropy, "sums", broken)
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
        assert problem in tables.one_run(run).splitlines()
