"""Weights that do not fit, are damaged, or would run code: refused, and the model unchanged."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from segengine.config import ModelConfig
from segengine.errors import UserError
from segengine.models import build_model
from segengine.models.base import encoder_hash
from segengine.run.rundir import RunDir
from segengine.weights.load_encoder import load_encoder
from segengine.weights.tensor_file import load_tensors
from tests import tiny
from tests.weights.filling import Weights, fill_nothing, fresh, saved, started_from


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
    assert "do not fit the encoder of segformer_b0: all 1 of their names are unknown" in sentence
    assert "The file holds stem (1 tensor)." in sentence and "mmsegmentation" in sentence


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
    wanted = ModelConfig(**ours).encoder_name
    assert f"are of the encoder {name}, but the model has the encoder {wanted}:" in str(error.value)
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
        torch.save(mit, path, _use_new_zipfile_serialization="legacy" not in damage)
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
        "truncated legacy",
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
    sentence = refused(saved(tmp_path, {"epoch": 3, "config": {"lr": 1}}), tmp_path)
    assert "hold no tensors. The file holds epoch, config." in sentence


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_is_named_by_its_key(
    mit: Weights, tmp_path: Path, value: float
) -> None:
    broken = mit["block2.0.mlp.fc1.weight"].clone()
    broken[3, :2] = value
    given = {**mit, "block2.0.mlp.fc1.weight": broken}
    sentence = refused(saved(tmp_path, given), tmp_path)
    assert "NaN or infinite values in 1 of the encoder's 176 keys" in sentence
    assert f"'block2.0.mlp.fc1.weight' (2 of {broken.numel():,} values)" in sentence


def test_what_is_not_loaded_may_hold_anything(mit: Weights, tmp_path: Path) -> None:
    given = {**mit, "head.bias": torch.full((1000,), float("nan"))}
    load_encoder(fresh(started_from("x")), started_from(saved(tmp_path, given)), tmp_path)


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
    if kind != "pickle":
        assert "never runs code" in sentence and "state_dict()" in sentence
    assert not trace.exists()
    with pytest.raises(UserError):
        load_tensors(path)
    assert not trace.exists()
