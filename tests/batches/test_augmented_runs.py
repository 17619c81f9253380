"""Augmentation in whole runs: every training batch once, no other, and pets stay pets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from segengine.batches.augment import augment
from segengine.batches.load import load_batch
from segengine.config import DataConfig
from segengine.datasets.decoded import load_splits
from tests import tiny

ALL = ("hflip", "crop", "rotate", "color", "blur")


def test_a_run_changes_each_training_batch_once_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watch(images: Tensor, masks: Tensor, config: DataConfig, seed: Any) -> Any:
        seen.append((seed, len(images)))
        assert images.min() >= 0 and images.max() <= 1
        return augment(images, masks, config, seed)

    monkeypatch.setattr("segengine.training.step.augment", watch)
    settings = tiny.config(tiny.write_pets(tmp_path), augment=ALL, seed=5)
    run = tiny.train(tmp_path / "runs", settings)
    assert [number for _, number in seen] == [2, 2, 3] * 2
    assert [seed for seed, _ in seen] == [(5, epoch, n) for epoch in (1, 2) for n in range(3)]
    again = tiny.train(tmp_path / "runs", settings)
    assert tiny.epochs(again) == tiny.epochs(run)
    plain = tiny.train(tmp_path / "runs", settings.with_values(augment=()))
    assert len(seen) == 12 and tiny.epochs(plain) != tiny.epochs(run)


def test_real_pets_stay_pets(real_pets: Path) -> None:
    settings = tiny.config(real_pets, train_limit=12)
    (split,) = load_splits(settings.data, ("train",), tiny.no_progress)
    indices = np.arange(12)
    plain = load_batch(split, indices, torch.device("cpu"))

    def change(images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        return augment(images, masks, DataConfig(augment=ALL[:3]), (0, 1, 0))

    images, masks = load_batch(split, indices, torch.device("cpu"), change)
    for label in (0, 1):  # pet and background keep their share and their brightness, roughly
        before, after = plain[1] == label, masks == label
        assert after.float().mean() == pytest.approx(before.float().mean().item(), abs=0.15)
        old, new = (
            batch.mean(1)[pixels].mean() for batch, pixels in ((plain[0], before), (images, after))
        )
        assert new.item() == pytest.approx(old.item(), abs=0.25)
