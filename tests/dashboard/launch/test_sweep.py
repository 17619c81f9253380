"""Several runs of one form: what is varied, what it comes to, and what keeps it from starting."""

from __future__ import annotations

import shlex
import threading
from pathlib import Path

import pytest

from dashboard.launch.fields import specs
from dashboard.launch.form import to_entries
from dashboard.launch.start_once import Ticket
from dashboard.launch.sweep.varied import (
    WHOLE,
    CheckedSweep,
    Varied,
    can_be_varied,
    check_sweep,
    first_words,
    halves_words,
    planned,
    seeds_words,
    sweep_command,
)
from segengine.config import RunConfig
from segengine.config.presets import DEFAULT, PRESETS
from segengine.errors import UserError
from segengine.studies.estimate import Pace
from segengine.studies.sweepdir import SweepDir


@pytest.fixture
def base() -> RunConfig:
    return PRESETS[DEFAULT].config()


def check(base: RunConfig, tmp_path: Path, varied: Varied) -> CheckedSweep:
    return check_sweep(base, varied, [], tmp_path / "runs")


def test_three_seeds_and_half_the_rate_are_a_click_each(base: RunConfig, tmp_path: Path) -> None:
    entries = to_entries(base.with_values(seed=4, lr=0.0003))
    assert (seeds_words(entries, 3), halves_words(entries)) == ("4 5 6", "0.0003 0.00015")
    both = Varied({"seed": seeds_words(entries, 3), "lr": halves_words(entries)})
    found = check(base, tmp_path, both)
    assert found.record and [run.values for run in found.record.runs] == [
        {"seed": seed, "lr": lr} for seed in (4, 5, 6) for lr in (0.0003, 0.00015)
    ]
    assert found.cost[0] == "6 runs, one after the other." and found.untimed
    assert "--" not in " ".join(found.cost)


def test_what_is_newly_varied_starts_from_the_form(base: RunConfig) -> None:
    entries = to_entries(base.with_values(train_limit=0, augment=("hflip", "crop")))
    words = {spec.name: first_words(spec, entries) for spec in specs()}
    assert words["arch"] == ["segformer_b0"] and words["amsgrad"] in (["true"], ["false"])
    assert (words["epochs"], words["augment"]) == (str(base.train.epochs), "hflip,crop")
    assert words["train_limit"] == "0"  # the form says "all"
    offered = [spec.name for spec in can_be_varied(entries, ["lr"])]
    assert "seed" in offered and "batch_size" in offered
    assert not {"lr", "weights", "momentum"} & {*offered}  # momentum is of another optimizer


def test_choices_are_varied_by_what_was_picked(base: RunConfig, tmp_path: Path) -> None:
    found = check(base, tmp_path, Varied({"stem": ["small", "paper"], "amsgrad": ["true"]}))
    assert found.record and [run.text for run in found.record.runs] == [
        "stem small, amsgrad true",
        "stem paper, amsgrad true",
    ]


@pytest.mark.parametrize(
    ("varied", "place", "said"),
    [
        (Varied({"lr": "fast"}), "lr", "fast"),
        (Varied({"lr": ""}), "lr", "no values are given"),
        (Varied({"lr": "1e-4..1e-2"}), "lr", "choose Random ones"),
        (Varied({"lr": "0.1..0.2"}, "random", "many"), "count", "'many' was given"),
        (Varied({"batch_size": "0"}), "batch_size", "0"),
        (Varied({"seed": "0..4"}, "optuna", "3"), "seed", "leave the seeds out"),
        (Varied({"seed": "0..4000"}), "seed", "more than 1,000 seeds"),
        (Varied({"epochs": "1..4000"}), "epochs", "as in '1..4000 linear 5'"),
        (Varied({"lr": "0.1..0.2"}, "random", "0"), "count", "at least 1"),
        (Varied({"lr": "0.1..0.2"}, "random", "99999"), WHOLE, "draw fewer of them"),
        (Varied({"weight_decay": "-1"}), "weight_decay", "Weight decay"),
        (Varied({"strategy": ["scratch", "frozen"]}), "strategy", "set Strategy to"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(
    base: RunConfig, tmp_path: Path, varied: Varied, place: str, said: str
) -> None:
    found = check(base, tmp_path, varied)
    assert found.record is None and list(found.problems) == [place], found.problems
    assert said in found.problems[place] and "--" not in found.problems[place]


def test_numbers_may_be_listed_with_commas(base: RunConfig, tmp_path: Path) -> None:
    found = check(base, tmp_path, Varied({"seed": "0,1, 2", "lr": "0.1; 0.2"}))
    assert found.record and len(found.record.runs) == 6
    found = check(base, tmp_path, Varied({"augment": "none hflip,crop"}))
    assert found.record and [run.values["augment"] for run in found.record.runs] == [
        *((), ("hflip", "crop"))
    ]


def test_a_trial_tells_the_time_where_no_run_does(base: RunConfig, tmp_path: Path) -> None:
    varied = Varied({"seed": "0 1"})
    found = check_sweep(base, varied, [], tmp_path, lambda _: Pace(epoch=2.0, around=6.0))
    assert base.train.epochs == 12 and not found.untimed
    assert found.cost[1] == "About 1 min in all, by a trial of a few steps."  # 2 x (6 + 12 x 2) s


def test_the_command_does_the_same(base: RunConfig, tmp_path: Path) -> None:
    varied = Varied({"lr": "1e-4..1e-2 log", "seed": "0 1"}, "random", "5")
    words = shlex.split(sweep_command(base, varied, tmp_path))
    assert words[2:4] == ["segengine", "sweep"]
    rest = " ".join(words)
    assert "--vary lr 1e-4..1e-2 log --vary seed 0 1 --method random --count 5" in rest
    assert planned(base, varied).total == 10


def test_a_ticket_starts_one_sweep_however_often_it_is_pressed(
    base: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(
        "segengine.studies.control.start_coordinator", lambda sweep: begun.append(sweep.id)
    )
    record, ticket = planned(base, Varied({"seed": "0 1"})), Ticket()
    presses = [
        threading.Thread(target=ticket.start_sweep, args=(record, tmp_path)) for _ in range(8)
    ]
    for press in presses:
        press.start()
    for press in presses:
        press.join()
    assert begun == [ticket.sweep_id] == [sweep.id for sweep in SweepDir.all(tmp_path)]


def test_a_sweep_that_cannot_start_is_a_sentence(tmp_path: Path) -> None:
    gone = RunConfig.from_flat({"root": str(tmp_path / "none")})
    record, ticket = planned(gone, Varied({"seed": "0 1"})), Ticket()
    ticket.start_sweep(record, tmp_path / "runs")
    assert "No Oxford-IIIT Pet" in ticket.problem and not ticket.sweep_id
    assert not SweepDir.all(tmp_path / "runs")
    with pytest.raises(UserError):
        planned(gone, Varied({}))
