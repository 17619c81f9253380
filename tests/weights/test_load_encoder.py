"""Where an encoder's weights come from: nowhere, a run, or a file; the lineage records it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import safetensors.torch
import torch

from segengine.config import ModelConfig, RunConfig
from segengine.errors import UserError
from segengine.models import build_model
from segengine.models.base import SegmentationModel, encoder_hash
from segengine.run.rundir import RunDir
from segengine.training.session import set_up
from tests import tiny
from tests.weights.filling import Weights, filled, fresh, saved, sha256, started_from


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The files from which anything was loaded; whatever asks a network fails."""
    seen: list[str] = []

    def spy(plain: Callable[..., Any]) -> Callable[..., Any]:
        def load(file: Any, *args: Any, **more: Any) -> Any:
            seen.append(str(file))
            return plain(file, *args, **more)

        return load

    def refuse(*args: object, **_: object) -> None:
        raise AssertionError(f"asked for {args}")

    monkeypatch.setattr(torch, "load", spy(torch.load))
    monkeypatch.setattr(safetensors.torch, "load_file", spy(safetensors.torch.load_file))
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    for name in ("load_state_dict_from_url", "download_url_to_file"):
        monkeypatch.setattr(torch.hub, name, refuse)
    return seen


def test_scratch_reads_no_file_but_the_runs_own(
    pets: Path, tmp_path: Path, loads: list[str]
) -> None:
    run = tiny.train(tmp_path, tiny.config(pets, epochs=1))
    assert set(loads) == {str(run.best_checkpoint)}  # to predict, when training is over
    assert tiny.events(run, "run_started")[0]["lineage"] is None


@pytest.mark.parametrize("arch", ["segformer_b0", "fcn_resnet50"])
def test_a_scratch_encoder_is_random_and_comes_from_the_seed_alone(
    pets: Path, loads: list[str], arch: str
) -> None:
    def start(seed: int) -> SegmentationModel:
        components = tiny.build(tiny.config(pets, arch=arch, seed=seed))
        return components.model

    model = start(3)
    assert encoder_hash(start(3)) == encoder_hash(model) != encoder_hash(start(4))
    assert loads == []
    stem = next(value for key, value in model.encoder.state_dict().items() if value.ndim == 4)
    assert abs(stem.mean()) < 0.01  # trained filters are not centered like that
    for key, value in model.encoder.state_dict().items():
        if key.endswith("running_mean"):
            assert not value.any(), key  # batch norm has seen nothing


def test_an_earlier_run_fills_the_encoder_and_never_the_decoder(source: RunDir, pets: Path) -> None:
    config = started_from(f"run:{source.id}")
    model, lineage = filled(config, source.path.parent)
    stored = torch.load(source.best_checkpoint, weights_only=True)["model"]
    for key, value in model.encoder.state_dict().items():
        assert torch.equal(value, stored[f"encoder.{key}"]), key
    untouched = fresh(config).decoder.state_dict()
    for key, value in model.decoder.state_dict().items():
        assert torch.equal(value, untouched[key]), key

    assert lineage["source"] == f"run:{source.id}"
    assert lineage["file"] == str(source.best_checkpoint)
    assert lineage["sha256"] == sha256(source.best_checkpoint)
    assert lineage["matched"] == len(lineage["matched_keys"]) == len(model.encoder.state_dict())
    assert lineage["matched_keys"] == list(model.encoder.state_dict())
    assert lineage["unmatched"] == [key for key in stored if key.startswith("decoder.")]


def test_our_own_checkpoint_file_is_as_good_as_its_run(source: RunDir, tmp_path: Path) -> None:
    path = shutil.copy(source.best_checkpoint, tmp_path / "mine.pt")
    model, lineage = filled(started_from(path), tmp_path)
    other, _ = filled(started_from(f"run:{source.id}"), source.path.parent)
    assert encoder_hash(model) == encoder_hash(other)
    assert lineage["source"] == lineage["file"] == str(path)
    assert lineage["sha256"] == sha256(path)


@pytest.mark.parametrize(
    "kind", ["plain", "state_dict", "model", "model_state", "safetensors", "half", "legacy"]
)
def test_published_mit_weights_load_without_their_head(
    mit: Weights, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / ("mit.safetensors" if kind == "safetensors" else "mit.pth")
    given = {key: value.half() for key, value in mit.items()} if kind == "half" else mit
    if kind == "safetensors":
        safetensors.torch.save_file(given, path)
    else:
        wrapped = {"epoch": 3, kind: given, "optimizer": {"state": {0: {"exp_avg": mit}}}}
        content = wrapped if kind in ("state_dict", "model", "model_state") else given
        torch.save(content, path, _use_new_zipfile_serialization=kind != "legacy")
    model, lineage = filled(started_from(path), tmp_path)

    encoder = {key: value for key, value in given.items() if not key.startswith("head.")}
    loaded = model.encoder.state_dict()
    assert loaded.keys() == encoder.keys()
    assert all(torch.equal(loaded[key], encoder[key].float()) for key in encoder)
    assert lineage["matched"] == len(encoder)
    assert sorted(lineage["unmatched"]) == ["head.bias", "head.weight"]
    assert lineage["sha256"] == sha256(path)


def test_a_resnet_fills_the_fcn_without_its_head(resnet_file: Path, tmp_path: Path) -> None:
    model, lineage = filled(started_from(resnet_file, arch="fcn_resnet50"), tmp_path)
    given = torch.load(resnet_file, weights_only=True)
    loaded = model.encoder.state_dict()
    assert len(loaded) == len(given) - 2 == lineage["matched"]
    assert all(torch.equal(loaded[key], given[key]) for key in loaded)
    assert lineage["unmatched"] == ["fc.weight", "fc.bias"]


def test_a_frozen_fcn_trains_its_decoder_and_moves_nothing_else(
    resnet_file: Path, pets: Path, tmp_path: Path
) -> None:
    config = tiny.config(
        pets,
        arch="fcn_resnet50",
        strategy="frozen",
        weights=str(resnet_file),
        epochs=1,
        train_limit=4,
        val_limit=2,
    )
    run = tiny.train(tmp_path, config)
    started, finished = tiny.events(run, "run_started")[0], tiny.events(run, "run_finished")[0]
    assert started["encoder_sha256"] == finished["encoder_sha256"]
    # 32,947,779 in all, of which the ResNet has 23,508,032 (25,557,032 less its fc of 2,049,000)
    assert started["parameters"] == {"total": 32_947_779, "trainable": 9_439_747}

    state = torch.load(run.last_checkpoint, weights_only=True)
    given = torch.load(resnet_file, weights_only=True)
    for key, value in state["model"].items():
        if key.startswith("encoder."):  # batch norm's statistics too
            assert torch.equal(value, given[key.removeprefix("encoder.")]), key
    moved = sum(entry["exp_avg"].numel() for entry in state["optimizer"]["state"].values())
    assert moved == 9_439_747


def test_frozen_means_no_gradients_no_optimizer_and_evaluation_mode(
    source: RunDir, pets: Path
) -> None:
    config = tiny.config(pets, strategy="frozen", weights=f"run:{source.id}", lr=0.1)
    components = tiny.build(config, source.path.parent)
    model = components.model
    model.train()
    inside = {id(parameter) for parameter in model.encoder.parameters()}
    trained = {id(p) for group in components.step.optimizer.param_groups for p in group["params"]}
    assert not inside & trained
    assert trained == {id(parameter) for parameter in model.decoder.parameters()}
    assert not any(module.training for module in model.encoder.modules())
    assert model.decoder.training
    images = torch.randn(2, 3, 32, 32)
    features = [model.encoder(images)[-1] for _ in range(2)]
    assert torch.equal(*features)  # stochastic depth stands still
    model(images).sum().backward()
    assert all(parameter.grad is None for parameter in model.encoder.parameters())


def test_pretrained_trains_the_encoder_too(source: RunDir, pets: Path) -> None:
    config = tiny.config(pets, strategy="pretrained", weights=f"run:{source.id}", epochs=1)
    run = tiny.train(source.path.parent, config)
    started = tiny.events(run, "run_started")[0]
    assert started["lineage"]["sha256"] == sha256(source.best_checkpoint)
    assert started["parameters"] == {"total": 3_714_915, "trainable": 3_714_915}
    stored = torch.load(source.best_checkpoint, weights_only=True)["model"]
    trained = torch.load(run.last_checkpoint, weights_only=True)["model"]
    stem = "encoder.patch_embed1.proj.weight"
    assert 0 < (trained[stem] - stored[stem]).abs().max() < 0.01  # three small steps away


def test_a_run_with_other_classes_lends_its_encoder(tmp_path: Path) -> None:
    config = ModelConfig()
    streets = build_model(config, 19)
    path = saved(tmp_path, {"format": "seglab-1", "model": streets.state_dict()})
    model, lineage = filled(started_from(path), tmp_path)
    assert encoder_hash(model) == encoder_hash(streets)
    assert any(key.startswith("decoder.classifier") for key in lineage["unmatched"])


def test_bad_weights_are_known_before_a_run_folder_is_made(
    mit: Weights, pets: Path, tmp_path: Path
) -> None:
    given = {key: value for key, value in mit.items() if key != "norm4.bias"}
    path = saved(tmp_path, given)
    config = tiny.config(pets, strategy="frozen", weights=str(path))
    with pytest.raises(UserError, match=r"norm4\.bias"):
        set_up(config, tmp_path / "runs", tiny.no_progress)
    assert not (tmp_path / "runs").exists()


def test_weights_that_go_bad_later_end_the_run_with_the_sentence(
    mit: Weights, pets: Path, tmp_path: Path
) -> None:
    path = saved(tmp_path, mit)
    config: RunConfig = tiny.config(pets, strategy="pretrained", weights=str(path))
    run = tiny.new_run(tmp_path / "runs", config)
    path.write_bytes(path.read_bytes()[:1000])
    tiny.go_on(run, code=1)
    (failed,) = tiny.events(run, "run_failed")
    assert "truncated" in failed["error"] and str(path) in failed["error"]
    assert not run.last_checkpoint.exists()
