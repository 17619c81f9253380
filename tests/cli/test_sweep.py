"""`sweep` and its kin on the command line: the plan, its refusals, and what lists show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from segengine.run.stopping import Stopper
from segengine.run.terminal import Terminal
from segengine.studies.coordinator import coordinate
from segengine.studies.plan import plan_sweep
from segengine.studies.sweepdir import SweepDir
from tests.cli.conftest import flags, says_one_sentence
from tests.made_runs import config_for
from tests.studies.conftest import FakeRuns, fake_runs  # noqa: F401 - a fixture

Call = Callable[..., tuple[int, str, str]]


def test_a_dry_run_shows_the_plan_and_writes_nothing(
    call: Call, pets: Path, runs_dir: Path
) -> None:
    code, out, err = call(
        *("sweep", *flags(pets), "--vary", "lr", "1e-3", "5e-4", "--vary", "stem", "paper"),
        *("--seeds", "2", "--seed", "5", "--dry-run"),
    )
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Grid: lr 0.001, 0.0005; stem paper; seed 5, 6"
    assert lines[1:5] == [
        *("  lr 0.001, stem paper, seed 5", "  lr 0.001, stem paper, seed 6"),
        *("  lr 0.0005, stem paper, seed 5", "  lr 0.0005, stem paper, seed 6"),
    ]
    assert lines[5].startswith("4 runs, one after the other. How long they take is not known")
    assert "of disk" in lines[5]
    assert not runs_dir.exists()


def test_a_field_is_varied_by_the_name_of_its_flag(call: Call, pets: Path) -> None:
    code, out, _ = call("sweep", *flags(pets), "--vary", "weight-decay", "0", "0.1", "--dry-run")
    assert (code, out.splitlines()[0]) == (0, "Grid: weight_decay 0, 0.1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], ["Nothing is varied", "--vary", "--seeds"]),
        (["--vary", "lr", "0"], ["lr", "greater than 0"]),
        (["--vary", "lrr", "0"], ["Unknown field 'lrr'", "lr"]),
        (["--vary", "lr"], ["lr", "no values"]),
        (["--vary", "lr", "1", "--vary", "lr", "2"], ["lr is varied twice"]),
        (["--vary", "seed", "1", "--seeds", "2"], ["--seeds and --vary seed"]),
        (["--seeds", "-1"], ["--seeds", "at least 1"]),
        (["--vary", "batch_size", "4", "9"], ["batch_size 9: ", "at most 8"]),
        (
            ["--vary", "optimizer", "adamw", "--vary", "momentum", "0.5"],
            ["optimizer adamw, momentum 0.5: ", "momentum '0.5'"],
        ),
        (["--vary", "lr", "1..2", "--method", "random"], ["--count 20"]),
        (["--best-of", "x", "--vary", "lr", "1"], ["--best-of", "leave --vary"]),
        (["--best-of", "x"], ["--best-of", "leave the flags", "--image-size 32"]),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_a_sweep_that_cannot_stand_starts_nothing(
    call: Call, pets: Path, runs_dir: Path, words: list[str], said: list[str]
) -> None:
    code, out, err = call("sweep", *flags(pets), *words)
    assert (code, out) == (2, "")
    says_one_sentence(err, *said)
    assert not runs_dir.exists()


@pytest.mark.parametrize("command", ["sweep-stop", "sweep-continue", "sweeps"])
def test_a_sweep_that_is_not_there_is_said(call: Call, command: str) -> None:
    code, _, err = call(command, "20260101-000000-sweep-0000")
    assert code == 2
    says_one_sentence(err, "no sweep '20260101-000000-sweep-0000'", "sweeps there: 0")


def test_sweeps_are_listed_and_shown(
    call: Call,
    runs_dir: Path,
    fake_runs: FakeRuns,  # noqa: F811
) -> None:
    assert call("sweeps")[1].startswith("No sweeps in ")
    vary = {"lr": ["0.001", "0.1"], "seed": ["0..1"]}
    sweep = SweepDir.create(runs_dir, plan_sweep(config_for(), vary))
    fake_runs.score = lambda config: {1: 0.4 + config.optim.lr + 0.02 * config.train.seed}
    fake_runs.end = lambda c: "run_failed" if c.optim.lr == 0.1 and c.train.seed else "run_finished"
    coordinate(sweep, Stopper(), Terminal())
    _, out, _ = call("sweeps")
    assert out.splitlines()[1].split() == [sweep.id, "finished", "4/4", "1", "grid", "lr,", "seed"]
    _, out, _ = call("sweeps", sweep.id)
    assert f"{sweep.id}: finished. 4 of 4 runs ended: 3 finished, 1 failed." in out
    lines = [line.split() for line in out.splitlines()]
    ids = [planned.run for planned in sweep.record().runs]
    assert ["0.001", "1", ids[1], "finished", "0.421"] in lines
    assert ["0.1", "1", ids[3], "failed", "0.520", "Loss", "became", "NaN."] in lines
    assert ["lr", "0.1", "1", "0.500", "-"] in lines  # its only finished run
    assert ["lr", "0.001", "2", "0.411", "0.014"] in lines  # 0.02 / sqrt(2)
    assert out.index("lr 0.1 ") < out.index("lr 0.001 ")

    (read,) = json.loads(call("sweeps", "--json")[1])
    assert (read["id"], read["counts"]) == (sweep.id, {"finished": 3, "failed": 1})
    assert read["runs"][1]["values"] == {"lr": 0.001, "seed": 1}
    assert (read["runs"][1]["run_id"], read["runs"][1]["setting"]) == (ids[1], "lr 0.001")

    code, out, err = call("sweep", "--best-of", sweep.id, "--top", "1", "--seeds", "2")
    assert (code, out) == (2, "")  # its pets are nowhere
    says_one_sentence(err, "lr 0.1, seed 2: ")
    assert len(SweepDir.all(runs_dir)) == 1


def test_the_best_again_says_that_the_seeds_which_chose_are_left_out(
    call: Call,
    pets: Path,
    runs_dir: Path,
    fake_runs: FakeRuns,  # noqa: F811
) -> None:
    base = config_for(pets, batch_size=4, epochs=1, image_size="32", device="cpu")
    sweep = SweepDir.create(runs_dir, plan_sweep(base, {"lr": ["0.1", "0.2"], "seed": ["0..2"]}))
    coordinate(sweep, Stopper(), Terminal())
    code, out, _ = call("sweep", "--best-of", sweep.id, "--top", "1", "--dry-run")
    assert code == 0
    assert out.splitlines()[:6] == [
        f"The best again: of {sweep.id}",
        *(f"  lr 0.1, seed {seed}" for seed in range(3, 8)),
    ]
    assert "Seeds that had a part in the choice (0, 1, 2) are not used again" in out
    assert "The new runs have 3 to 7" in out
