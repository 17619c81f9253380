"""Defaults that another choice decides: what is left out goes to them, what is given stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from dashboard.launch.form import followers, to_entries
from segengine.cli.flags import base_config
from segengine.config import OptimConfig, RunConfig
from segengine.config.presets import PRESETS

LIBRARY = {  # PyTorch's own defaults of Adam and SGD; the published recipe's of AdamW
    "adamw": {"amsgrad": True, "weight_decay": 0.01},
    "adam": {"amsgrad": False, "weight_decay": 0.0},
    "sgd": {"momentum": 0.0, "weight_decay": 0.0},
}


def of(config: OptimConfig, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(config, name) for name in names}


@pytest.mark.parametrize("name", LIBRARY)
def test_an_optimizer_alone_has_its_own_defaults(name: str) -> None:
    assert of(OptimConfig(optimizer=name), [*LIBRARY[name]]) == LIBRARY[name]
    config = RunConfig.from_flat({"optimizer": name})
    assert of(config.optim, [*LIBRARY[name]]) == LIBRARY[name]
    assert config.flags() == ([] if name == "adamw" else ["--optimizer", name])


def test_what_is_given_stays() -> None:
    config = OptimConfig(optimizer="adam", amsgrad=True, weight_decay=0.01)
    assert (config.amsgrad, config.weight_decay) == (True, 0.01)
    older = RunConfig.from_flat({"optimizer": "adam", "amsgrad": True, "weight_decay": 0.01})
    assert older.flags() == ["--optimizer", "adam", "--amsgrad", "--weight-decay", "0.01"]


@pytest.mark.parametrize("words", [["--optimizer", "adam"], ["--optimizer=adam"]])
@pytest.mark.parametrize("preset", [[], ["--preset", "course_recipe"]])
def test_the_flags_of_a_command_have_the_defaults_of_its_optimizer(
    words: list[str], preset: list[str]
) -> None:
    base = base_config([*preset, *words])
    assert of(base.optim, ["optimizer", *LIBRARY["adam"]]) == {
        "optimizer": "adam",
        **LIBRARY["adam"],
    }


def test_what_a_preset_or_a_file_sets_stays_beside_another_optimizer() -> None:
    config = RunConfig.from_flat({"weight_decay": 0.2}).choosing(optimizer="sgd")
    assert (config.optim.optimizer, config.optim.weight_decay) == ("sgd", 0.2)


def test_the_form_shows_the_defaults_of_the_chosen_optimizer() -> None:
    entries = {**to_entries(PRESETS["course_recipe"].config()), "optimizer": "adam"}
    assert followers(entries, "optimizer") == {
        "amsgrad": False,
        "momentum": "0.9",
        "weight_decay": "0",
    }
    typed = {**entries, "optimizer": "sgd", "weight_decay": "0.05"}
    assert "weight_decay" not in followers(typed, "optimizer")
    assert followers(typed, "optimizer")["momentum"] == "0"
    assert followers(entries, "arch") == {}


def test_a_presets_stem_does_not_stand_in_the_way_of_another_model() -> None:
    words = ["--preset", "course_recipe", "--arch", "fcn_resnet50"]
    base = base_config(words)
    assert (base.model.stem, base.train.val_every) == ("paper", 2)
    assert base_config(words[:2]).model.stem == "small"
    assert base_config([*words[:2], "--dataset", "folder"]).data.val_split == "official"


def test_an_unknown_optimizer_is_left_to_the_flags_to_refuse() -> None:
    assert base_config(["--optimizer", "adan"]) == RunConfig()
