"""What the runs of a sweep came to, its plots, and the best of it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from segengine.errors import UserError
from segengine.results.filter.grammar import parse_filter
from segengine.results.index import RunIndex
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopper
from segengine.run.terminal import Terminal
from segengine.studies.best_of import plan_best_of
from segengine.studies.coordinator import coordinate
from segengine.studies.outcomes import (
    Outcome,
    dimensions,
    outcomes,
    scored,
    settings,
)
from segengine.studies.plan import plan_sweep, planned_configs
from segengine.studies.sweepdir import SweepDir
from tests.made_runs import config_for
from tests.studies.conftest import FakeRuns

SCORES = {(0.001, 0): 0.50, (0.001, 1): 0.54, (0.0005, 0): 0.60, (0.0005, 1): 0.40}


@pytest.fixture
def worked_off(sweep: SweepDir, fake_runs: FakeRuns) -> SweepDir:
    """lr 0.001: 0.50, 0.54 (mean 0.52); lr 0.0005: 0.60, 0.40 (mean 0.50)."""
    fake_runs.score = lambda c: {1: 0.1, 2: SCORES[c.optim.lr, c.train.seed], 3: 0.2}
    coordinate(sweep, Stopper(), Terminal())
    return sweep


def outcomes_of(sweep: SweepDir) -> list[Outcome]:
    return outcomes(sweep.record(), RunIndex().rows(sweep.runs_dir))


def test_every_run_has_its_values_state_and_best_score(worked_off: SweepDir) -> None:
    found = outcomes_of(worked_off)
    assert [(run.values, run.state, run.best_miou) for run in found] == [
        ({"lr": lr, "seed": seed}, "finished", score) for (lr, seed), score in SCORES.items()
    ]
    assert [run.setting for run in found] == [*["lr 0.001"] * 2, *["lr 0.0005"] * 2]


def test_runs_that_are_yet_to_come_are_there_without_a_score(sweep: SweepDir) -> None:
    found = outcomes_of(sweep)
    assert [(run.state, run.run_id, run.best_miou) for run in found] == [("planned", "", None)] * 4
    assert scored(found) == [] and dimensions(found)[-1].positions == ()


def test_settings_are_ranked_by_the_mean_over_their_seeds(worked_off: SweepDir) -> None:
    """One lucky seed of 0.60 does not win."""
    first, second = settings(outcomes_of(worked_off))
    assert (first.values, first.seeds, first.mean) == ({"lr": 0.001}, (0, 1), pytest.approx(0.52))
    assert first.spread == pytest.approx(0.02 * 2**0.5)  # |0.54 - 0.50| / sqrt(2)
    assert (second.values, second.mean) == ({"lr": 0.0005}, pytest.approx(0.50))


def test_only_finished_runs_are_ranked() -> None:
    found = [
        Outcome("a", {"lr": 0.1}, "finished", 0.3),
        Outcome("b", {"lr": 0.2}, "pruned", 0.9),
        Outcome("c", {"lr": 0.3}, "failed", 0.9),
        Outcome("d", {"lr": 0.4}, "running", 0.9),
    ]
    (setting,) = settings(found, base_seed=7)
    assert (setting.values, setting.seeds, setting.spread) == ({"lr": 0.1}, (7,), None)


def test_axes_of_a_plot_are_numbers_or_words_in_order() -> None:
    found = [
        Outcome("a", {"lr": 0.1, "stem": "small", "amsgrad": True}, "finished", 0.3),
        Outcome("", {"lr": 0.5, "stem": "paper", "amsgrad": True}, "planned"),
        Outcome("b", {"lr": 0.001, "stem": "paper", "amsgrad": False}, "finished", 0.4),
        Outcome("c", {"lr": 0.01, "stem": "small", "amsgrad": False}, "running", 0.2),
    ]
    lr, stem, amsgrad, score = dimensions(found)
    assert (lr.positions, lr.ticks, lr.log) == ((0.1, 0.001, 0.01), (), True)
    assert (stem.positions, stem.ticks) == ((0.0, 1.0, 0.0), ("small", "paper"))
    assert (amsgrad.positions, amsgrad.ticks) == ((0.0, 1.0, 1.0), ("true", "false"))
    assert (score.name, score.positions) == ("best_miou", (0.3, 0.4, 0.2))
    assert [run.run_id for run in scored(found)] == ["a", "b", "c"]


def test_a_sweep_is_the_group_of_its_runs(worked_off: SweepDir, runs_dir: Path) -> None:
    rows = RunIndex().rows(runs_dir)
    of_sweep = parse_filter(f"sweep = {worked_off.id}")
    assert all(map(of_sweep, rows)) and len(rows) == 4
    ids = [planned.run for planned in worked_off.record().runs]
    settings_of = {row.run.id: row.sweep and row.sweep["setting"] for row in rows}
    assert [settings_of[run] for run in ids] == [*["lr 0.001"] * 2, *["lr 0.0005"] * 2]
    first = RunDir(runs_dir / ids[0])
    first.sweep_file.write_text("{")
    (row,) = [row for row in RunIndex().rows(runs_dir) if row.run == first]
    assert row.sweep is None and "sweep.json cannot be read" in row.problem


def test_the_best_run_again_with_seeds_that_did_not_choose_them(
    worked_off: SweepDir, runs_dir: Path
) -> None:
    rows = RunIndex().rows(runs_dir)
    record = plan_best_of(worked_off, rows, top=1, seeds=3)
    assert [planned.text for planned in record.runs] == [
        *("lr 0.001, seed 2", "lr 0.001, seed 3", "lr 0.001, seed 4"),
    ]
    assert record.notes[0] == "1. lr 0.001: mIoU 0.520 over 2 runs."
    assert "Seeds that had a part in the choice (0, 1) are not used again" in record.notes[1]
    assert {(c.optim.lr, c.train.epochs) for c in planned_configs(record)} == {(0.001, 6)}
    assert len(plan_best_of(worked_off, rows, top=9, seeds=1).runs) == 2


def test_the_seeds_of_every_earlier_choice_stay_out(
    worked_off: SweepDir, runs_dir: Path, fake_runs: FakeRuns
) -> None:
    fake_runs.score = lambda config: {1: 0.5}
    second = SweepDir.create(
        runs_dir, plan_best_of(worked_off, RunIndex().rows(runs_dir), top=2, seeds=2)
    )
    coordinate(second, Stopper(), Terminal())
    third = plan_best_of(second, RunIndex().rows(runs_dir), top=1, seeds=2)
    assert [planned.values["seed"] for planned in third.runs] == [4, 5]
    assert third.chosen_from == second.id


def test_the_seed_of_a_sweep_that_varies_none_is_not_used_again(
    runs_dir: Path, fake_runs: FakeRuns
) -> None:
    record = plan_sweep(config_for(seed=1), {"lr": ["0.1", "0.2"]})
    sweep = SweepDir.create(runs_dir, record)
    coordinate(sweep, Stopper(), Terminal())
    again = plan_best_of(sweep, RunIndex().rows(runs_dir), top=1, seeds=2)
    assert [planned.values["seed"] for planned in again.runs] == [0, 2]


def test_there_is_no_best_before_a_run_is_finished(sweep: SweepDir, runs_dir: Path) -> None:
    with pytest.raises(UserError, match="there is no best one yet"):
        plan_best_of(sweep, RunIndex().rows(runs_dir))
    with pytest.raises(UserError, match="at least 1, but 0 was given"):
        plan_best_of(sweep, [], top=0)
