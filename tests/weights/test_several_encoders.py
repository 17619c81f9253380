"""A file that holds several encoders: never one by chance, always by a person's choice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from segengine.config import ModelConfig
from segengine.errors import UserError
from segengine.models import build_model
from tests import tiny
from tests.weights.filling import Weights, fill_nothing, filled, saved, started_from

UNET: dict[str, Any] = {"arch": "unet", "base_width": 4}


def encoder(seed: int) -> Weights:
    torch.manual_seed(seed)
    return build_model(ModelConfig(**UNET), 3).encoder.state_dict()


def under(prefix: str, weights: Weights) -> Weights:
    return {prefix + name: value for name, value in weights.items()}


PAIRS: dict[str, Any] = {
    "momentum": {"state_dict": under("module.encoder_q.", encoder(1))
                 | under("module.encoder_k.", encoder(2)), "epoch": 200},
    "student": {"student": under("module.backbone.", encoder(1)),
                "teacher": under("backbone.", encoder(2)), "epoch": 9},
    "ema": {"state_dict": encoder(1), "state_dict_ema": encoder(2), "optimizer": {"state": {}}},
    "top": encoder(1) | under("teacher.", encoder(2)),
}  # fmt: skip
PREFIXES = {
    "momentum": ("module.encoder_q", "module.encoder_k"),
    "student": ("student.module.backbone", "teacher.backbone"),
    "ema": ("state_dict", "state_dict_ema"),
    "top": (".", "teacher"),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_a_file_with_two_whole_encoders_asks_which_is_meant(tmp_path: Path, kind: str) -> None:
    path = saved(tmp_path, PAIRS[kind])
    with pytest.raises(UserError) as error:
        fill_nothing(started_from(path, **UNET), tmp_path)
    sentence = str(error.value)
    assert "hold 2 whole encoders that differ" in sentence and error.value.field == "weights"
    assert all(f"'{prefix}'" in sentence for prefix in PREFIXES[kind])
    assert "--weights-prefix" in sentence


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("dot", ["", "."])
def test_the_one_that_is_asked_for_is_loaded_and_logged(
    tmp_path: Path, kind: str, seed: int, dot: str
) -> None:
    path, prefix = saved(tmp_path, PAIRS[kind]), PREFIXES[kind][seed - 1]
    given = prefix + dot if prefix != "." else prefix
    model, lineage = filled(started_from(path, **UNET, weights_prefix=given), tmp_path)
    loaded = model.encoder.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in encoder(seed).items())
    assert lineage["prefix"] == ("" if prefix == "." else prefix + ".")
    assert len(lineage["unmatched"]) == len(loaded)


@pytest.mark.parametrize("prefix", ["student", "teacher"])
def test_a_part_of_the_prefix_is_enough(tmp_path: Path, prefix: str) -> None:
    path = saved(tmp_path, PAIRS["student"])
    _, lineage = filled(started_from(path, **UNET, weights_prefix=prefix), tmp_path)
    assert lineage["prefix"].startswith(prefix)


def test_a_prefix_that_the_file_lacks_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    path = saved(tmp_path, PAIRS["student"])
    with pytest.raises(UserError) as error:
        fill_nothing(started_from(path, **UNET, weights_prefix="pupil"), tmp_path)
    assert error.value.field == "weights_prefix"
    assert "'pupil'" in str(error.value)
    assert "student (60 tensors), teacher (60 tensors), epoch" in str(error.value)


def test_two_equal_encoders_are_one(tmp_path: Path) -> None:
    both = under("online.", encoder(1)) | under("target.", encoder(1))
    model, lineage = filled(started_from(saved(tmp_path, both), **UNET), tmp_path)
    assert lineage["prefix"] == "online."
    loaded = model.encoder.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in encoder(1).items())


def test_a_whole_encoder_beside_one_of_another_size_is_no_question(tmp_path: Path) -> None:
    torch.manual_seed(3)
    large = build_model(ModelConfig(arch="unet", base_width=8), 3).encoder.state_dict()
    both = under("student.", encoder(1)) | under("teacher.", large)
    _, lineage = filled(started_from(saved(tmp_path, both), **UNET), tmp_path)
    assert lineage["prefix"] == "student."


def test_the_hash_seed_decides_nothing(tmp_path: Path) -> None:
    """The same file gives the same answer in every process."""
    path = saved(tmp_path, under("b.", encoder(1)) | under("a.", encoder(2)))
    code = (
        "import sys; from pathlib import Path; from tests.weights.filling import *\n"
        "try: fill_nothing(started_from(sys.argv[1], arch='unet', base_width=4), Path('.'))\n"
        "except ValueError as error: print(error)"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(answers) == 1 and "'a', 'b'" in answers.pop()


def test_the_command_line_takes_the_prefix(tmp_path: Path) -> None:
    path = saved(tmp_path, PAIRS["momentum"])
    pets = tiny.write_pets(tmp_path / "pets")
    config = tiny.config(
        pets, **UNET, strategy="frozen", weights=str(path), weights_prefix="module.encoder_k"
    )
    run = tiny.train(tmp_path / "runs", config.with_values(epochs=1))
    (started,) = tiny.events(run, "run_started")
    assert started["lineage"]["prefix"] == "module.encoder_k."
    assert json.loads(run.config_file.read_text())["model"]["weights_prefix"] == "module.encoder_k"
