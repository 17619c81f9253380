"""A config of version 0.1 means what it meant then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dashboard.launch.form import from_run, to_config
from segengine.cli.flags import base_config
from segengine.config import STORED, RunConfig
from segengine.run.rundir import RunDir

KEPT = Path(__file__).parents[1] / "training" / "run_of_0_1"


def older(**values: Any) -> dict[str, Any]:
    """The JSON of a config as 0.1 wrote it."""
    nested: dict[str, Any] = json.loads(RunConfig.from_flat(values).to_json())
    del nested["data"]["val_split"], nested["data"]["draws"]
    return nested


def test_it_validates_on_the_official_split_and_draws_as_then() -> None:
    config = RunConfig.parse(older())
    assert (config.data.val_split, config.data.draws) == ("official", "1")
    (kept,) = RunDir.all(KEPT)
    assert (kept.config().data.val_split, kept.config().data.draws) == ("official", "1")


def test_a_config_that_a_person_wrote_has_todays_defaults() -> None:
    config = RunConfig.parse({"data": {"dataset": "oxford_pets", "train_limit": 40}})
    assert (config.data.val_split, config.data.draws) == ("honest", "2")


def test_a_folder_that_was_split_at_random_keeps_its_share_and_seed() -> None:
    config = RunConfig.parse(older(dataset="folder", val_share=0.3, split_seed=4), STORED)
    assert (config.data.val_split, config.data.val_share, config.data.split_seed) == (
        *("honest", 0.3, 4),
    )
    assert RunConfig.parse(json.loads(config.to_json())) == config


@pytest.mark.parametrize("values", [{}, {"dataset": "folder", "val_share": 0.3}, {"epochs": 3}])
def test_its_fingerprint_knows_nothing_of_later_fields(values: dict[str, Any]) -> None:
    """So that its checkpoints still belong to it: a known one is in tests/training."""
    config = RunConfig.parse(older(**values))
    newer = RunConfig.from_flat(values)
    assert config.fingerprint() != newer.fingerprint()
    assert config.fingerprint() == RunConfig.parse(json.loads(config.to_json())).fingerprint()


def test_cloned_or_given_as_a_file_it_is_the_same_experiment(tmp_path: Path) -> None:
    nested = older(train_limit=40)
    config = RunConfig.parse(nested)
    assert to_config(from_run(config)) == config
    path = tmp_path / "config.json"
    path.write_text(json.dumps(nested))
    assert base_config(["--config", str(path)]) == config
