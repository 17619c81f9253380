"""Planning: combinations that cannot stand are refused by name, and none runs twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from segengine.config import InvalidConfig, RunConfig
from segengine.errors import UserError
from segengine.studies.plan import combined, plan_sweep, planned_configs, require_startable
from segengine.studies.record import SweepRecord
from tests.made_runs import config_for
from tests.tiny import config as tiny_config
from tests.tiny import write_pets


def texts(record: SweepRecord) -> list[str]:
    return [planned.text for planned in record.runs]


def test_a_combination_that_contradicts_itself_is_refused_by_its_name() -> None:
    vary = {"optimizer": ["adamw", "sgd"], "momentum": ["0.5", "0.7"]}
    with pytest.raises(InvalidConfig) as error:
        plan_sweep(config_for(), vary)
    (sentence,) = error.value.problems.values()
    assert sentence.startswith("optimizer adamw, momentum 0.5: momentum '0.5' was given, but ")
    assert "optimizer adamw" in sentence and sentence.endswith("(So does one other combination.)")


def test_every_field_that_is_wrong_gets_its_sentence() -> None:
    vary = {"warmup_epochs": ["1", "9"], "step_epochs": ["10", "20"], "seed": ["0..2"]}
    with pytest.raises(InvalidConfig) as error:
        plan_sweep(config_for(epochs=6), vary)
    assert error.value.problems.keys() == {"warmup_epochs", "step_epochs"}
    assert "warmup_epochs 1, step_epochs 20, seed 0: step_epochs '20' was" in str(error.value)
    assert "warmup_epochs 9, step_epochs 10, seed 0: warmup_epochs 9 is" in str(error.value)


def test_what_is_the_same_experiment_runs_once_and_that_is_said() -> None:
    record = plan_sweep(config_for(), {"lr": ["1e-3", "0.001", "5e-4"], "seed": ["0", "1"]})
    assert texts(record) == [
        *("lr 0.001, seed 0", "lr 0.001, seed 1", "lr 0.0005, seed 0", "lr 0.0005, seed 1"),
    ]
    assert record.notes == (
        "2 combinations are the same experiment as another one, such as lr 0.001, seed 0: each "
        "runs once.",
    )


def test_values_that_are_the_base_itself_are_one_of_the_runs() -> None:
    record = plan_sweep(config_for(lr=0.01), {"lr": ["0.01"]})
    assert texts(record) == ["lr 0.01"] and not record.notes


def test_what_the_base_has_is_left_out_where_it_loses_its_meaning() -> None:
    """Scratch, pre-trained and frozen are one sweep."""
    base = config_for(strategy="pretrained", weights="imagenet", stem="paper")
    record = plan_sweep(base, {"strategy": ["scratch", "pretrained", "frozen"]})
    weights = [config.model.weights for config in planned_configs(record)]
    assert weights == ["", "imagenet", "imagenet"]
    assert record.notes == (
        "weights imagenet has no meaning with strategy scratch and is left out there.",
    )


def test_defaults_follow_a_varied_choice_as_they_follow_a_flag() -> None:
    record = plan_sweep(config_for(), {"optimizer": ["adamw", "sgd"]})
    assert [config.optim.weight_decay for config in planned_configs(record)] == [0.01, 0.0]
    given = plan_sweep(config_for(weight_decay=0.05), {"optimizer": ["adamw", "sgd"]})
    assert [config.optim.weight_decay for config in planned_configs(given)] == [0.05, 0.05]


def test_a_combination_is_the_config_that_its_flags_would_give() -> None:
    config, left_out = combined(config_for(), {"optimizer": "sgd", "lr": 0.1, "seed": 3})
    flags = {"optimizer": "sgd", "lr": 0.1, "seed": 3}
    assert config == RunConfig.from_flat(
        {"val_split": "official", "epochs": 6, "batch_size": 8, **flags}
    )
    assert not left_out


def test_random_runs_every_drawn_setting_with_every_seed() -> None:
    vary = {"lr": ["1e-4..1e-2", "log"], "seed": ["0..2"]}
    record = plan_sweep(config_for(), vary, method="random", draws=4, draw_seed=1)
    assert len(record.runs) == record.total == 12
    assert {
        len({p.values["seed"] for p in record.runs if p.setting == s.setting}) for s in record.runs
    } == {3}
    again = plan_sweep(config_for(), vary, method="random", draws=4, draw_seed=1)
    assert again.runs == record.runs
    other = plan_sweep(config_for(), vary, method="random", draws=4, draw_seed=2)
    assert other.runs != record.runs


@pytest.mark.parametrize(
    ("vary", "more", "said"),
    [
        ({}, {}, "Nothing is varied"),
        ({"lr": ["1", "2"]}, {"draws": 3}, "a grid runs all that there are"),
        ({"lr": ["1", "2"]}, {"method": "random"}, "random needs a number of combinations"),
        ({"seed": ["0..3"]}, {"method": "random", "draws": 2}, "nothing to draw"),
        ({"lr": ["1", "2"], "seed": ["0..1"]}, {"method": "optuna", "draws": 2}, "by one run"),
        ({"lr": ["1..2"]}, {"method": "random", "draws": 1001}, "at most 1,000 runs"),
        ({"lr": ["1..2"], "momentum": ["0.1..0.2"]}, {"method": "optuna", "draws": 5}, "momentum"),
    ],
)
def test_a_method_that_does_not_suit_is_refused(
    vary: dict[str, list[str]], more: dict[str, object], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        plan_sweep(config_for(), vary, **more)


def test_without_optuna_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"not installed: install it with .*pip install optuna"):
        plan_sweep(config_for(), {"lr": ["1..2"]}, method="optuna", draws=2)


def test_a_search_in_a_small_space_ends_with_it() -> None:
    record = plan_sweep(config_for(), {"lr": ["0.1", "0.2"]}, method="optuna", draws=50)
    assert record.total == 2 and record.runs == () and not record.done


def test_a_sweep_of_which_a_run_would_fail_is_not_started(tmp_path: Path) -> None:
    base = tiny_config(write_pets(tmp_path / "pets"))
    good = plan_sweep(base, {"lr": ["0.1", "0.2"], "batch_size": ["2", "4"]})
    require_startable(good, tmp_path / "runs")
    bad = plan_sweep(base, {"lr": ["0.1", "0.2"], "batch_size": ["2", "16"]})
    with pytest.raises(InvalidConfig, match=r"^lr 0\.1, batch_size 16: batch_size 16 is larger"):
        require_startable(bad, tmp_path / "runs")


def test_a_sweep_survives_its_file(tmp_path: Path) -> None:
    vary = {"augment": ["none", "hflip,crop"], "amsgrad": ["true", "false"], "lr": ["1", "0.5"]}
    record = plan_sweep(config_for(), vary)
    again = SweepRecord.model_validate_json(record.model_dump_json())
    assert again == record
    assert planned_configs(again) == planned_configs(record)
    assert record.varied == ("augment", "amsgrad", "lr")


def test_as_many_random_combinations_as_were_asked_for() -> None:
    """Numbers of three digits meet now and then; then another one is drawn."""
    for seed in range(5):
        record = plan_sweep(
            config_for(), {"lr": ["1e-4..1e-2", "log"]}, method="random", draws=60, draw_seed=seed
        )
        assert len({run.values["lr"] for run in record.runs}) == len(record.runs) == 60
    few = plan_sweep(config_for(), {"stem": ["small", "paper"]}, method="random", draws=9)
    assert sorted(run.text for run in few.runs) == ["stem paper", "stem small"]
    assert few.notes == ("9 combinations were asked for, but only 2 different ones exist.",)
