"""Where an encoder's weights come from: nowhere, a run, or a file, and always on record."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import safetensors.torch
import segmentation_models_pytorch as smp
import torch
from torch import Tensor
from torchvision.models import resnet50

from segengine.config import ModelConfig, RunConfig
from segengine.errors import UserError
from segengine.models import build_model
from segengine.models.base import SegmentationModel, encoder_hash
from segengine.run.rundir import RunDir
from segengine.training.session import set_up
from segengine.weights.checkpoint import load_tensors
from segengine.weights.load_encoder import load_encoder
from tests import tiny

Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


@pytest.fixture(scope="module")
def source(pets: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A finished run that others start from."""
    return tiny.train(tmp_path_factory.mktemp("runs"), tiny.config(pets, epochs=1, seed=5))


@pytest.fixture(scope="module")
def mit(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """MiT-B0 as published: the encoder of segmentation_models_pytorch and its ImageNet head."""
    torch.manual_seed(7)
    encoder = smp.encoders.get_encoder("mit_b0", weights=None).state_dict()
    return {**encoder, "head.weight": torch.randn(1000, 256), "head.bias": torch.randn(1000)}


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet-50 as torchvision publishes it (with its `fc` head), with random weights."""
    torch.manual_seed(8)
    path = tmp_path_factory.mktemp("resnet") / "resnet50.pth"
    torch.save(resnet50(weights=None).state_dict(), path)
    return path


def started_from(weights: Path | str, **values: Any) -> ModelConfig:
    return ModelConfig(strategy="pretrained", weights=str(weights), **values)


def fresh(config: ModelConfig, classes: int = 3) -> SegmentationModel:
    torch.manual_seed(0)
    return build_model(config, classes)


def filled(config: ModelConfig, runs_dir: Path) -> tuple[SegmentationModel, dict[str, Any]]:
    """(a fresh model with its encoder filled, the lineage)."""
    model = fresh(config)
    return model, load_encoder(model, config, runs_dir)


def fill_nothing(config: ModelConfig, runs_dir: Path) -> None:
    """Try to fill a model that takes no memory."""
    with torch.device("meta"):
        model = build_model(config, 3)
    load_encoder(model, config, runs_dir)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def saved(tmp_path: Path, weights: object, name: str = "weights.pt") -> Path:
    torch.save(weights, tmp_path / name)
    return tmp_path / name


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
    assert abs(stem.mean()) < 0.01  # learned filters are not centred like that
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


@pytest.mark.parametrize("kind", ["plain", "state_dict", "model", "safetensors", "half"])
def test_published_mit_weights_load_without_their_head(
    mit: Weights, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / ("mit.safetensors" if kind == "safetensors" else "mit.pth")
    given = {key: value.half() for key, value in mit.items()} if kind == "half" else mit
    if kind == "safetensors":
        safetensors.torch.save_file(given, path)
    else:
        wrapped = {"epoch": 3, kind: given}
        torch.save(wrapped if kind in ("state_dict", "model") else given, path)
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
    learning = {id(p) for group in components.step.optimizer.param_groups for p in group["params"]}
    assert not inside & learning
    assert learning == {id(parameter) for parameter in model.decoder.parameters()}
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


def refused(path: Path, tmp_path: Path, **values: Any) -> str:
    """The sentence with which a weights file is refused; the model is left as it was."""
    config = started_from(path, **values)
    model = fresh(config)
    before = encoder_hash(model)
    with pytest.raises(UserError) as info:
        load_encoder(model, config, tmp_path)
    assert encoder_hash(model) == before
    assert info.value.field == "weights"
    return str(info.value)


def test_a_missing_key_is_named_and_counted(mit: Weights, tmp_path: Path) -> None:
    given = {key: value for key, value in mit.items() if not key.startswith("block2.1.mlp")}
    sentence = refused(saved(tmp_path, given), tmp_path)
    assert "6 of its" in sentence and "'block2.1.mlp.fc1.weight'" in sentence
    assert "segformer_b0" in sentence and "Give weights of the same model" in sentence


def test_a_misshapen_key_is_named_with_both_shapes(mit: Weights, tmp_path: Path) -> None:
    given = {**mit, "block1.0.attn.q.weight": torch.zeros(64, 32)}
    sentence = refused(saved(tmp_path, given), tmp_path)
    assert "'block1.0.attn.q.weight' is (64, 32)" in sentence and "(32, 32)" in sentence


def test_keys_that_fit_nowhere_are_refused_not_skipped(mit: Weights, tmp_path: Path) -> None:
    given = {**mit, "block1.2.norm1.weight": torch.zeros(32)}
    assert "first 'block1.2.norm1.weight'" in refused(saved(tmp_path, given), tmp_path)


def test_weights_of_another_architecture_are_refused(resnet_file: Path, tmp_path: Path) -> None:
    sentence = refused(resnet_file, tmp_path)
    assert "are of the encoder resnet50, but the model has the encoder mit_b0:" in sentence
    path = saved(tmp_path, build_model(ModelConfig(), 3).state_dict())
    sentence = refused(path, tmp_path, arch="fcn_resnet50")
    assert "are of the encoder mit_b0, but the model has the encoder resnet50:" in sentence
    path = saved(tmp_path, {"stem.weight": torch.zeros(3, 3)})
    sentence = refused(path, tmp_path)
    assert "do not fit the encoder of segformer_b0" in sentence and "keys are missing" in sentence


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [
        ({"arch": "segformer_b0"}, {"arch": "segformer_b2"}, "mit_b2"),
        ({"arch": "segformer_b2"}, {"arch": "segformer_b1"}, "mit_b1"),
        ({"arch": "fpn"}, {"arch": "fpn", "encoder": "resnet101"}, "resnet101"),
        ({"arch": "unet"}, {"arch": "unet", "base_width": 8}, "unet, base width 8"),
    ],
)
def test_an_encoder_of_another_size_is_named(
    tmp_path: Path, ours: dict[str, Any], theirs: dict[str, Any], name: str
) -> None:
    path = saved(tmp_path, empty(ModelConfig(**theirs)))
    with pytest.raises(UserError) as error:
        fill_nothing(started_from(path, **ours), tmp_path)
    own = ModelConfig(**ours).encoder_name
    assert f"are of the encoder {name}, but the model has the encoder {own}:" in str(error.value)
    assert error.value.field == "weights"


def empty(config: ModelConfig) -> Weights:
    """The model's state dict, a few bytes large: every value is the same zero."""
    with torch.device("meta"):
        state = build_model(config, 3).state_dict()
    return {key: torch.zeros(()).expand(value.shape) for key, value in state.items()}


@pytest.mark.parametrize(("ours", "theirs"), [("small", "paper"), ("paper", "small")])
def test_the_two_stems_do_not_mix(tmp_path: Path, ours: str, theirs: str) -> None:
    path = saved(tmp_path, build_model(ModelConfig(stem=theirs), 3).state_dict())
    sentence = refused(path, tmp_path, stem=ours)
    names = {"paper": "mit_b0", "small": "mit_b0, small stem"}
    assert f"encoder {names[theirs]}, but" in sentence and f"encoder {names[ours]}:" in sentence


def test_a_run_with_another_encoder_is_refused_by_name(source: RunDir) -> None:
    config = started_from(f"run:{source.id}", arch="fcn_resnet50")
    with pytest.raises(UserError, match=r"the encoder mit_b0, but this run has .* resnet50"):
        fill_nothing(config, source.path.parent)


def test_a_run_without_a_checkpoint_has_no_weights_yet(tmp_path: Path, pets: Path) -> None:
    run = tiny.new_run(tmp_path, tiny.config(pets))
    with pytest.raises(UserError, match=rf"run:{run.id}: that run has no checkpoint yet"):
        fill_nothing(started_from(f"run:{run.id}"), tmp_path)


def damaged(tmp_path: Path, mit: Weights, damage: str) -> Path:
    """A weights file with something wrong with it."""
    path = tmp_path / ("weights.safetensors" if "safetensors" in damage else "weights.pt")
    if "safetensors" in damage:
        safetensors.torch.save_file(mit, path)
    else:
        torch.save(mit, path)
    content = path.read_bytes()
    if damage.startswith("truncated"):
        path.write_bytes(content[: len(content) // 2])
    elif damage == "broken inside":
        middle = len(content) // 3
        path.write_bytes(content[:200].replace(b"PK", b"XX") + b"\0" * middle + content[-5000:])
    elif damage == "another zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("notes.txt", "no weights")
    else:
        path.write_bytes({"empty": b"", "text": b"learning rate: 3\n"}[damage.split()[0]])
    return path


@pytest.mark.parametrize(
    "damage",
    [
        "truncated",
        "empty",
        "text",
        "broken inside",
        "another zip",
        "truncated safetensors",
        "empty safetensors",
        "text safetensors",
    ],
)
def test_a_damaged_file_or_something_else_is_refused(
    mit: Weights, tmp_path: Path, damage: str
) -> None:
    path = damaged(tmp_path, mit, damage)
    sentence = refused(path, tmp_path)
    assert str(path) in sentence
    assert "truncated, or something else" in sentence or "damaged or something else" in sentence


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.pt"
    sentence = refused(path, tmp_path)
    assert f"'{path}': there is no such file" in sentence and "run:<id>" in sentence
    sentence = refused(tmp_path, tmp_path)
    assert f"'{tmp_path}' is a folder" in sentence and "run:<id>" in sentence


@pytest.mark.parametrize("content", [[1, 2], "text", torch.zeros(3)])
def test_a_file_without_a_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    assert f"holds a {type(content).__name__}" in refused(saved(tmp_path, content), tmp_path)


def test_a_state_dict_without_tensors_is_refused(tmp_path: Path) -> None:
    assert "keys are missing" in refused(saved(tmp_path, {"epoch": 3}), tmp_path)


class Bomb:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
def test_a_file_that_would_run_code_is_refused_and_runs_nothing(tmp_path: Path, kind: str) -> None:
    path, trace = tmp_path / "weights.pt", tmp_path / "it-ran"
    content = {"state_dict": {"a": torch.zeros(1)}, "bomb": Bomb(trace)}
    if kind == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    sentence = refused(path, tmp_path)
    assert str(path) in sentence
    if kind == "zip":
        assert "never runs code" in sentence and "state_dict()" in sentence
    assert not trace.exists()
    with pytest.raises(UserError):
        load_tensors(path)
    assert not trace.exists()


def test_bad_weights_are_known_before_a_run_folder_is_made(
    mit: Weights, pets: Path, tmp_path: Path
) -> None:
    given = {key: value for key, value in mit.items() if key != "norm4.bias"}
    path = saved(tmp_path, given)
    config = tiny.config(pets, strategy="frozen", weights=str(path))
    with pytest.raises(UserError, match=r"norm4\.bias"):
        set_up(config, tmp_path / "runs", lambda *_: None)
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
