"""The feature cache of a frozen encoder: the same run, without computing the encoder again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from segengine.batches.feature_cache import EncodedSplit, encoded_batch
from segengine.config import RunConfig
from segengine.datasets.cache import cache_dir
from segengine.models.mit import MixTransformer
from tests import tiny


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


@pytest.fixture(scope="module")
def source(pets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint to take the encoder from."""
    run = tiny.train(tmp_path_factory.mktemp("source"), tiny.config(pets, epochs=1))
    return run.best_checkpoint


def frozen(pets: Path, source: Path, **values: Any) -> RunConfig:
    return tiny.config(pets, strategy="frozen", weights=str(source), **values)


def test_the_records_are_those_of_a_run_without_it(
    pets: Path, source: Path, tmp_path: Path
) -> None:
    with_it = tiny.train(tmp_path, frozen(pets, source, epochs=3))
    without = tiny.train(tmp_path, frozen(pets, source, epochs=3, feature_cache=0))
    assert tiny.events(with_it, "run_started")[0]["feature_cache_bytes"] > 0
    assert tiny.events(without, "run_started")[0]["feature_cache_bytes"] == 0
    for mine, theirs in zip(tiny.epochs(with_it), tiny.epochs(without), strict=True):
        assert mine["confusion"] == theirs["confusion"]
        # The encoder computes other batches. On some processors they are rounded otherwise, which
        # training amplifies: nothing in the first epoch, 1e-4 of a loss in the third.
        exact = 1e-6 if mine["epoch"] == 1 else 1e-3
        assert mine["train"]["loss"] == pytest.approx(theirs["train"]["loss"], rel=exact)
        assert mine["val"]["loss"] == pytest.approx(theirs["val"]["loss"], rel=exact)


def test_the_encoder_sees_every_image_once(
    pets: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7 training and 3 validation images, and one for the features' shapes."""
    seen = []
    forward = MixTransformer.forward

    def counted(self: MixTransformer, images: torch.Tensor) -> list[torch.Tensor]:
        if not images.is_meta:  # the dry run
            seen.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(MixTransformer, "forward", counted)
    tiny.train(tmp_path, frozen(pets, source, epochs=3))
    assert sum(seen) == 1 + tiny.TRAIN + tiny.VAL


@pytest.mark.parametrize("arch", ["segformer_b0", "fcn_resnet50"])
def test_features_come_back_as_they_were(pets: Path, arch: str) -> None:
    """Lists and dicts of features, tokens and channels-last images, bit for bit."""
    config = tiny.config(pets, arch=arch, strategy="frozen", weights="imagenet")
    components = tiny.build(config, fill_encoder=False)
    model, split, device = components.model, components.train_data, components.device
    assert isinstance(split, EncodedSplit)
    indices = np.array([4, 0, 2])
    with torch.inference_mode():
        fresh, masks = encoded_batch(model, split, indices, device)
        kept, again = encoded_batch(model, split, indices, device)
    assert isinstance(fresh, dict) == isinstance(kept, dict) and torch.equal(masks, again)
    maps = (
        list(features.values()) if isinstance(features, dict) else features
        for features in (fresh, kept)
    )
    for computed, read in zip(*maps, strict=True):
        assert torch.equal(computed, read) and computed.stride() == read.stride()
    assert split.cache.get(np.array([1, 0]), device) is None  # 1 was never seen


def test_augmented_or_too_large_features_are_not_kept(pets: Path, source: Path) -> None:
    for values in ({"augment": ("hflip",)}, {"feature_cache": 1e-6}):
        components = tiny.build(frozen(pets, source, **values))
        assert not isinstance(components.train_data, EncodedSplit) and components.feature_bytes == 0


def test_nothing_is_left_in_the_cache_folder(pets: Path, source: Path, tmp_path: Path) -> None:
    config = tiny.decoded(frozen(pets, source))
    before = sorted(cache_dir().iterdir())
    tiny.train(tmp_path, config)
    assert sorted(cache_dir().iterdir()) == before
