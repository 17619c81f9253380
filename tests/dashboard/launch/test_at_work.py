"""What the form says of runs that are at work already."""

from __future__ import annotations

import time
from pathlib import Path

from dashboard.launch.at_work import known_runs, last_started, what_it_costs
from dashboard.shared.run_names import label_of
from segengine.config import RunConfig
from segengine.results.table import read_row
from segengine.run.rundir import RunDir
from tests.made_runs import alive, make_run


def waiting(folder: Path) -> RunDir:
    """A run whose process is not there yet."""
    return RunDir.create(folder, RunConfig())


def test_an_empty_folder_is_silent(tmp_path: Path) -> None:
    known = known_runs([])
    assert (known, last_started(known), what_it_costs(known)) == ([], "", "")


def test_a_run_that_was_just_started_is_told_of(tmp_path: Path) -> None:
    run = waiting(tmp_path)
    known = known_runs([read_row(run)], now=time.time() + 10)
    assert known[0].run == run
    assert last_started(known) == f"{label_of(run)} was started 10 s ago and waits."


def test_an_ended_run_is_told_of_for_ten_minutes(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.write_job("local", {"submitted": time.time() - 60})
    known = known_runs([read_row(run)])
    assert last_started(known).endswith(" was started 1 min ago and has finished.")
    assert what_it_costs(known) == ""
    later = time.time() + 601
    assert known_runs([read_row(run)], now=later) == []
    going_on = alive(make_run(tmp_path, epochs_done=2, end=None))
    assert [known.run for known in known_runs([read_row(going_on)], now=later)] == [going_on]


def test_runs_at_work_are_counted_with_what_they_cost(tmp_path: Path) -> None:
    runs = [waiting(tmp_path)]
    one = what_it_costs(known_runs(list(map(read_row, runs))), cores=2)
    assert one.startswith("1 run is at work and will share this machine (2 cores)")
    assert "up to 2 times as long as alone" in one
    runs.append(waiting(tmp_path))
    later = known_runs(
        list(map(read_row, runs)), now=time.time() + 3600
    )  # however long ago they were started
    two = what_it_costs(later, cores=1)
    assert two.startswith("2 runs are at work") and "one core" in two and "up to 3 times" in two
