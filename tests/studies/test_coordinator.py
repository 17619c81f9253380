"""The coordinator, run by run: what it starts, finds again, leaves alone, and writes down."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segengine import launchers
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.launchers import local
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopper, request_stop
from segengine.run.terminal import Terminal
from segengine.studies import control
from segengine.studies.coordinator import Coordinator, coordinate
from segengine.studies.plan import plan_sweep
from segengine.studies.state import read_status
from segengine.studies.sweepdir import SweepDir, only_coordinator
from tests.made_runs import config_for
from tests.studies.conftest import FakeRuns, record_process, write_log


class Killed(BaseException):
    """A kill: nothing more is written."""


def work(sweep: SweepDir, stopper: Stopper | None = None) -> None:
    coordinate(sweep, stopper or Stopper(), Terminal())


def run_ids(runs_dir: Path) -> set[str]:
    return {run.id for run in RunDir.all(runs_dir)}


def begun(sweep: SweepDir, index: int = 0) -> RunDir:
    """The run of a combination that was begun before, without its coordinator."""
    record = sweep.record()
    config = record.base_config().with_values(**record.runs[index].values)
    run = RunDir.create(sweep.runs_dir, config)
    sweep.write(record.with_run(index, run=run.id, started=True))
    return run


def test_all_runs_run_one_after_the_other(
    sweep: SweepDir, runs_dir: Path, fake_runs: FakeRuns, capfd: pytest.CaptureFixture[str]
) -> None:
    assert read_status(sweep).state == "planned"
    work(sweep)
    record = sweep.record()
    assert [planned.run for planned in record.runs] == fake_runs.started
    assert run_ids(runs_dir) == set(fake_runs.started)
    configs = [RunDir(runs_dir / planned.run).config() for planned in record.runs]
    assert [(c.optim.lr, c.train.seed) for c in configs] == [
        *((0.001, 0), (0.001, 1), (0.0005, 0), (0.0005, 1)),
    ]
    status = read_status(sweep)
    assert (status.state, status.text()) == ("finished", "4 of 4 runs ended: 4 finished")
    said = capfd.readouterr().err
    assert f"Run 2 of 4  {fake_runs.started[1]}  lr 0.001, seed 1" in said
    assert said.count("finished  best mIoU 0.500") == 4


def test_a_run_that_fails_is_counted_and_the_others_run(
    sweep: SweepDir, fake_runs: FakeRuns, capfd: pytest.CaptureFixture[str]
) -> None:
    fake_runs.end = lambda config: "run_failed" if config.train.seed else "run_finished"
    work(sweep)
    status = read_status(sweep)
    assert (status.state, status.counts) == ("finished", {"finished": 2, "failed": 2})
    assert status.not_finished == 2
    assert "Run 2 of 4  failed  best mIoU 0.500  Loss became NaN." in capfd.readouterr().err
    with pytest.raises(UserError, match=r"nothing left to run \(--retry"):
        control.prepare_to_continue(sweep)
    fake_runs.end = lambda config: "run_finished"
    control.prepare_to_continue(sweep, retry=True)
    work(sweep)
    assert read_status(sweep).counts == {"finished": 4}
    assert len(fake_runs.started) == 4 and len(fake_runs.resumed) == 2


def test_a_run_that_cannot_start_is_said_and_tried_again_when_the_sweep_goes_on(
    sweep: SweepDir, runs_dir: Path, fake_runs: FakeRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(config: RunConfig, *args: Any, **more: Any) -> RunDir:
        if config.train.seed == 1:
            raise UserError("The disk is full.")
        return fake_runs.start(config, *args, **more)

    monkeypatch.setattr("segengine.studies.coordinator.start_run", full)
    work(sweep)
    assert [planned.ended for planned in sweep.record().runs] == ["finished", "refused"] * 2
    assert sweep.record().runs[1].problem == "The disk is full."
    monkeypatch.setattr("segengine.studies.coordinator.start_run", fake_runs.start)
    control.prepare_to_continue(sweep)
    work(sweep)
    assert read_status(sweep).counts == {"finished": 4}
    assert len(run_ids(runs_dir)) == 4


@pytest.mark.parametrize("moment", ["before the folder", "after the folder", "after the start"])
def test_killed_around_a_start_no_run_is_lost_and_none_runs_twice(
    sweep: SweepDir,
    runs_dir: Path,
    fake_runs: FakeRuns,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    def killed(config: RunConfig, folder: Path, *, run_id: str, **_: Any) -> RunDir:
        if len(fake_runs.started) < 1:
            return fake_runs.start(config, folder, run_id=run_id)
        if moment == "after the folder":  # it waits, and no process was started for it
            RunDir.create(folder, config, run_id)
        elif moment == "after the start":
            fake_runs.start(config, folder, run_id=run_id)
        raise Killed

    monkeypatch.setattr("segengine.studies.coordinator.start_run", killed)
    monkeypatch.setattr("segengine.studies.coordinator.PATIENCE", 0.05)
    with pytest.raises(Killed):
        work(sweep)
    intended = sweep.record().runs[1]
    assert intended.run and not intended.started and not intended.ended

    monkeypatch.setattr("segengine.studies.coordinator.start_run", fake_runs.start)
    work(sweep)
    record = sweep.record()
    assert [planned.ended for planned in record.runs] == ["finished"] * 4
    assert record.runs[1].run == intended.run
    assert run_ids(runs_dir) == {planned.run for planned in record.runs}
    assert len(set(fake_runs.started)) == len(fake_runs.started)
    assert fake_runs.resumed == ([intended.run] if moment == "after the folder" else [])


def test_a_folder_whose_making_was_broken_off_is_made_whole(
    sweep: SweepDir, runs_dir: Path, fake_runs: FakeRuns
) -> None:
    record = sweep.record()
    run_id = RunDir.new_id(record.base_config())
    (runs_dir / run_id).mkdir()
    sweep.write(record.with_run(0, run=run_id))
    work(sweep)
    assert sweep.record().runs[0].run == run_id
    assert len(run_ids(runs_dir)) == 4


def test_a_run_that_ended_while_no_coordinator_was_there_is_not_run_again(
    sweep: SweepDir, fake_runs: FakeRuns
) -> None:
    run = begun(sweep)
    record_process(run, alive=False)
    write_log(run, {1: 0.4})
    work(sweep)
    assert run.id not in fake_runs.started + fake_runs.resumed
    assert sweep.record().runs[0].ended == "finished"


def test_a_run_that_crashed_with_the_machine_is_resumed(
    sweep: SweepDir, fake_runs: FakeRuns
) -> None:
    run = begun(sweep)
    record_process(run, alive=False)
    write_log(run, {1: 0.4}, end=None)
    assert read_status(sweep).state == "lost"
    assert "sweep-continue" in read_status(sweep).message
    control.prepare_to_continue(sweep)
    work(sweep)
    assert fake_runs.resumed == [run.id]
    assert read_status(sweep).counts == {"finished": 4}


def test_a_run_whose_folder_was_deleted_is_not_made_again(
    sweep: SweepDir, runs_dir: Path, fake_runs: FakeRuns
) -> None:
    sweep.write(sweep.record().with_run(0, run=RunDir.new_id(config_for()), started=True))
    work(sweep)
    assert sweep.record().runs[0].ended == "deleted"
    assert len(run_ids(runs_dir)) == 3


def stops_after(sweep: SweepDir, fake_runs: FakeRuns, number: int, do: Callable[[], Any]) -> None:
    """Do something while run `number` (from 1) is at work."""
    score = fake_runs.score

    def scored(config: RunConfig) -> dict[int, float]:
        if len(fake_runs.started) == number:
            do()
        return score(config)

    fake_runs.score = scored


def test_no_further_runs_lets_the_run_at_work_finish(sweep: SweepDir, fake_runs: FakeRuns) -> None:
    stops_after(sweep, fake_runs, 2, lambda: control.stop_sweep(sweep, current_run=False))
    work(sweep)
    status = read_status(sweep)
    assert (status.state, status.counts) == ("stopped", {"finished": 2})
    with pytest.raises(UserError, match="is stopped: there is nothing to stop"):
        control.stop_sweep(sweep)
    fake_runs.score = lambda config: {1: 0.5}
    control.prepare_to_continue(sweep)
    work(sweep)
    assert read_status(sweep).counts == {"finished": 4}
    assert len(fake_runs.started) == 4


def test_a_run_that_is_stopped_with_the_sweep_goes_on_with_it(
    sweep: SweepDir, runs_dir: Path, fake_runs: FakeRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel(run: RunDir) -> None:
        request_stop(run)
        write_log(run, {}, "run_stopped")

    monkeypatch.setattr("segengine.studies.coordinator.launchers.cancel", cancel)
    stopper = Stopper()
    fake_runs.end = lambda config: None  # at work
    stops_after(sweep, fake_runs, 1, stopper.request)  # by Ctrl-C
    work(sweep, stopper)
    record = sweep.record()
    assert not record.runs[0].ended and record.runs[0].run == fake_runs.started[0]
    assert (read_status(sweep).state, sweep.want()) == ("stopped", "stop")
    assert len(fake_runs.started) == 1

    fake_runs.end = lambda config: "run_finished"
    control.prepare_to_continue(sweep)
    work(sweep)
    assert fake_runs.resumed == [record.runs[0].run]
    assert read_status(sweep).counts == {"finished": 4}
    assert len(run_ids(runs_dir)) == 4


def test_a_run_that_a_person_stops_stays_stopped_and_the_others_run(
    sweep: SweepDir, fake_runs: FakeRuns
) -> None:
    fake_runs.end = lambda config: "run_stopped" if config.train.seed else "run_finished"
    work(sweep)
    assert read_status(sweep).counts == {"finished": 2, "stopped": 2}
    assert read_status(sweep).state == "finished"


def test_a_sweep_has_one_coordinator(sweep: SweepDir, fake_runs: FakeRuns) -> None:
    with only_coordinator(sweep):
        assert read_status(sweep).state == "running"
        with pytest.raises(UserError, match="is running already"):
            control.prepare_to_continue(sweep)
        control.stop_sweep(sweep)
        assert read_status(sweep).state == "stopping"
    assert read_status(sweep).state == "stopped"
    assert not fake_runs.started


def test_a_sweep_of_another_machine_is_left_to_it(sweep: SweepDir) -> None:
    handle = {**local.handle_of(os.getpid()), "host": "node-17", "boot": "another"}
    sweep.write_job(handle)
    assert read_status(sweep).state == "running"
    with pytest.raises(UserError, match=f"another machine.*delete {sweep.job_file}"):
        control.prepare_to_continue(sweep)
    sweep.job_file.unlink()
    control.prepare_to_continue(sweep)


def test_a_coordinator_that_ended_by_an_error_says_it(sweep: SweepDir) -> None:
    sweep.write_job({**local.handle_of(os.getpid()), "started": 1.0})
    sweep.output_file.write_text("Run 1 of 4\nError: The disk is full.\n")
    status = read_status(sweep)
    assert status.state == "lost"
    assert status.message.startswith("Error: The disk is full. `python -m segengine sweep-con")


def test_a_planned_sweep_can_be_stopped_before_it_began(
    sweep: SweepDir, fake_runs: FakeRuns
) -> None:
    control.stop_sweep(sweep)
    work(sweep)
    assert (read_status(sweep).state, fake_runs.started) == ("stopped", [])


def test_sweeps_are_no_runs(sweep: SweepDir, runs_dir: Path) -> None:
    assert RunDir.all(runs_dir) == []
    assert SweepDir.all(runs_dir) == [sweep]
    assert SweepDir.all(runs_dir / "none") == []
    with pytest.raises(UserError, match=r"no sweep '../x' .*the newest is"):
        SweepDir.open(runs_dir, "../x")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"base": {}, "runs": [1]}'])
def test_a_damaged_sweep_is_said_and_nothing_is_started(
    sweep: SweepDir, fake_runs: FakeRuns, text: str
) -> None:
    sweep.record_file.write_text(text)
    status = read_status(sweep)
    assert status.state == "unreadable" and "sweep.json cannot be read" in status.message
    with pytest.raises(UserError, match="cannot be read"):
        work(sweep)
    assert not fake_runs.started


def test_a_search_learns_from_its_runs_and_never_runs_one_twice(
    runs_dir: Path, fake_runs: FakeRuns
) -> None:
    vary = {"lr": ["1e-4..1", "log"], "stem": ["paper", "small"]}
    record = plan_sweep(config_for(), vary, method="optuna", draws=20, prune=False)
    sweep = SweepDir.create(runs_dir, record)
    fake_runs.score = score_by_lr
    work(sweep)
    values = [planned.values for planned in sweep.record().runs]
    assert read_status(sweep).counts == {"finished": 20}
    assert len({tuple(found.items()) for found in values}) == 20
    late = [score_by_values(found) for found in values[10:]]
    assert sum(late) / len(late) > 0.55  # 0.5 is the mean of random draws
    again = SweepDir.create(runs_dir, record)
    work(again)
    assert [planned.values for planned in again.record().runs] == values


def score_by_values(values: dict[str, Any]) -> float:
    """1 at lr 0.01, 0 at 1e-4 and at 1."""
    return 1 - abs(math.log10(values["lr"]) + 2) / 2


def score_by_lr(config: RunConfig) -> dict[int, float]:
    return {2: max(0.001, score_by_values({"lr": config.optim.lr}))}


def test_a_search_goes_through_a_small_space_once(runs_dir: Path, fake_runs: FakeRuns) -> None:
    vary = {"stem": ["paper", "small"], "lr": ["0.001", "0.01", "0.1"]}
    record = plan_sweep(config_for(), vary, method="optuna", draws=100)
    sweep = SweepDir.create(runs_dir, record)
    work(sweep)
    assert {p.text for p in sweep.record().runs} == {
        f"stem {stem}, lr {lr}" for stem in ("paper", "small") for lr in (0.001, 0.01, 0.1)
    }


def test_a_run_that_does_badly_is_stopped_and_counted_as_pruned(
    runs_dir: Path, fake_runs: FakeRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = plan_sweep(config_for(), {"lr": ["1e-4..1", "log"]}, method="optuna", draws=7)
    sweep = SweepDir.create(runs_dir, record)
    cancelled: list[str] = []

    def cancel(run: RunDir) -> None:
        cancelled.append(run.id)
        request_stop(run)
        write_log(run, {}, "run_stopped")

    monkeypatch.setattr("segengine.studies.coordinator.launchers.cancel", cancel)
    bad = lambda: len(fake_runs.started) == 6  # noqa: E731 - the sixth of seven
    fake_runs.score = lambda config: {1: 0.1} if bad() else {1: 0.5, 2: 0.6}
    fake_runs.end = lambda config: None if bad() else "run_finished"
    work(sweep)
    ended = [planned.ended for planned in sweep.record().runs]
    assert ended == [*["finished"] * 5, "pruned", "finished"]
    assert cancelled == [fake_runs.started[5]]
    assert read_status(sweep).not_finished == 0


def test_a_run_that_was_to_be_stopped_for_doing_badly_is_not_resumed(
    runs_dir: Path, fake_runs: FakeRuns
) -> None:
    """Its coordinator was killed between the word and the deed's end."""
    record = plan_sweep(config_for(), {"lr": ["0.1", "0.2"]}, method="optuna", draws=2)
    sweep = SweepDir.create(runs_dir, record)
    coordinator = Coordinator(sweep, Stopper(), Terminal())
    assert coordinator._next() == 0
    run = begun(sweep)
    sweep.write(sweep.record().with_run(0, pruned=True))
    record_process(run, alive=False)
    write_log(run, {1: 0.1}, "run_stopped")
    work(sweep)
    assert [planned.ended for planned in sweep.record().runs] == ["pruned", "finished"]
    assert fake_runs.resumed == []
    assert launchers.LAUNCHERS
