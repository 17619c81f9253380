"""How long and how much disk, worked out by hand from made runs, and one real trial."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import pytest

from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.results.index import RunIndex
from segengine.results.table import settings_of
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from segengine.studies.estimate import Estimate, Kind, Pace, estimate, kind_of
from segengine.studies.plan import plan_sweep
from segengine.studies.trial import measure
from tests import made_events
from tests.made_runs import config_for, gone
from tests.tiny import config as tiny_config
from tests.tiny import write_pets


def past_run(runs_dir: Path, seconds: list[float], after: float = 0.0, **values: Any) -> RunDir:
    """A finished run whose epochs took so long, and its end `after` seconds more."""
    run = gone(RunDir.create(runs_dir, config_for(epochs=len(seconds), **values)))
    with EventLog(run.events_file) as log:
        log.write(made_events.started(epochs=len(seconds)))
        for number, took in enumerate(seconds, 1):
            log.write(made_events.epoch(number, 0.5, seconds=took))
        log.write(made_events.finished())
    if after:
        text = run.events_file.read_text().splitlines(keepends=True)
        head, time, rest = text[-1].partition('"time":')
        number, comma, rest = rest.partition(",")
        text[-1] = f"{head}{time}{float(number) + after}{comma}{rest}"
        run.events_file.write_text("".join(text))
    return run


def cost(runs_dir: Path, config: RunConfig, **vary: list[str]) -> Estimate:
    return estimate(plan_sweep(config, vary), RunIndex().rows(runs_dir), runs_dir)


def test_the_time_is_that_of_past_runs_of_the_kind(runs_dir: Path) -> None:
    """Epochs of 2, 4 and 9 s have a median of 4 s; its end took 10 s: 4 runs of 20 epochs."""
    past_run(runs_dir, [2.0, 4.0, 9.0], after=10.0)
    past_run(runs_dir, [100.0], image_size="128")  # another kind
    found = cost(runs_dir, config_for(epochs=20), lr=["0.1", "0.2"], seed=["0..1"])
    assert (found.runs, found.timed, found.past_runs) == (4, 4, 1)
    assert found.seconds == pytest.approx(4 * (20 * 4 + 10), abs=2)
    assert "About 6 min" in found.sentences()[1] and "by 1 past run" in found.sentences()[1]


def test_several_past_runs_give_their_median(runs_dir: Path) -> None:
    for seconds in (1.0, 3.0, 50.0):
        past_run(runs_dir, [seconds, seconds])
    found = cost(runs_dir, config_for(epochs=10), lr=["0.1"])
    assert found.seconds == pytest.approx(10 * 3, abs=2)
    assert found.past_runs == 3


def test_a_kind_that_never_ran_is_said(runs_dir: Path) -> None:
    past_run(runs_dir, [2.0, 2.0])
    found = cost(runs_dir, config_for(epochs=10), image_size=["64", "128"])
    assert (found.runs, found.timed) == (2, 1)
    assert "About 20 s for 1 of them" in found.sentences()[1]
    nothing = cost(runs_dir, config_for(epochs=10), batch_size=["2", "4"])
    assert nothing.timed == 0 and "is not known" in nothing.sentences()[1]


def test_a_trial_measures_each_unknown_kind_once(runs_dir: Path) -> None:
    tried: list[str] = []

    def trial(config: RunConfig) -> Pace:
        tried.append(config.data.image_size)
        return Pace(epoch=3.0, around=5.0)

    past_run(runs_dir, [2.0, 2.0])
    record = plan_sweep(config_for(epochs=10), {"image_size": ["64", "128"], "seed": ["0..2"]})
    found = estimate(record, RunIndex().rows(runs_dir), runs_dir, trial)
    assert tried == ["128"]
    assert found.seconds == pytest.approx(3 * 20 + 3 * 35, abs=4)


def test_the_kind_is_model_size_batch_and_data_but_not_seed_or_rate() -> None:
    def kind(**changes: Any) -> Kind:
        return kind_of(settings_of(config_for().choosing(**changes)))

    same = {"seed": 5, "lr": 0.5, "epochs": 90, "optimizer": "sgd"}
    assert all(kind(**{name: value}) == kind() for name, value in same.items())
    other = {"arch": "unet", "image_size": "96", "batch_size": 9, "train_limit": 3, "root": "x"}
    assert all(kind(**{name: value}) != kind() for name, value in other.items())


def test_the_disk_is_that_of_past_runs_else_by_the_parameters(runs_dir: Path) -> None:
    """Parameters: 3,714,915 by the log of the past run, whose optimizer is another one."""
    run = past_run(runs_dir, [2.0])
    run.last_checkpoint.parent.mkdir()
    run.last_checkpoint.write_bytes(bytes(5_000_000))
    found = cost(runs_dir, config_for(), lr=["0.1", "0.2"])
    assert found.bytes == pytest.approx(2 * 5_000_000, rel=0.01)
    for optimizer, numbers in (("sgd", 1), ("adam", 1 + 2)):  # the weight, and its moments
        base = config_for(optimizer=optimizer)
        one = 2 * 4 * 3_714_915 * numbers  # two files of 4-byte numbers
        assert cost(runs_dir, base, lr=["0.1", "0.2"]).bytes == 2 * one
    probable = config_for(keep_probabilities=True)  # the past run kept none: nothing to go by
    assert cost(runs_dir, probable, lr=["0.1", "0.2"]).bytes != found.bytes


def test_too_little_disk_is_said() -> None:
    plenty = Estimate(runs=2, timed=2, seconds=90.0, past_runs=2, bytes=1e9, free=int(5e9))
    assert plenty.sentences() == [
        "2 runs, one after the other.",
        "About 1 min 30 s in all, by 2 past runs of that kind.",
        "About 1 GB of disk; 5 GB are free.",
    ]
    small = dataclasses.replace(plenty, free=int(5e8))
    assert small.sentences()[-1] == "That is more than is free: the last runs would fail."
    unknown = dataclasses.replace(plenty, bytes=None)
    assert unknown.sentences()[-1] == "How much disk they need is not known; 5 GB are free."


def test_a_real_trial_times_a_run_and_leaves_nothing(
    tmp_path: Path, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    base = tiny_config(
        write_pets(tmp_path / "pets", train=40, val=6), epochs=90, val_split="honest"
    )
    looks: list[int] = []
    pace = measure(base, runs_dir, lambda: looks.append(1))
    # 16 steps and a validation of 8 images; a step of 2 images takes 0.01 to 0.5 s anywhere
    assert 0.05 < pace.epoch < 10
    assert 1 < pace.around < 90  # mostly the import of torch
    assert looks and not list((tmp_path / "temporary").iterdir()) and not runs_dir.exists()


def test_a_trial_that_fails_says_why(tmp_path: Path, runs_dir: Path) -> None:
    root = write_pets(tmp_path / "pets")
    for file in root.rglob("*.jpg"):
        file.write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"^The trial failed, as the runs would: "):
        measure(tiny_config(root), runs_dir)
