"""The table of runs as the Runs page shows it, and what may be done with chosen runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dashboard.runs.rows import choices_for
from segengine.launchers import local
from segengine.results.status import read_status
from segengine.results.table import (
    COLUMNS,
    RunRow,
    differing_settings,
    is_synthetic,
    read_config,
    runs_table,
)
from segengine.run.rundir import RunDir
from segengine.run.stopping import request_stop, seconds_since_stop_request
from tests.dashboard.runs.shown import table_data
from tests.made_runs import alive, config_for, make_run


def row_of(run: RunDir) -> RunRow:
    return RunRow(run, read_config(run), read_status(run))


def titles_and_lines(rows: list[RunRow]) -> tuple[list[str], list[dict[str, Any]]]:
    columns, lines = table_data(rows)
    return [column["title"] for column in columns], lines


def request_stop_at(run: RunDir, seconds: float) -> None:
    """A request to stop, made so many seconds after 1970 began."""
    run.request_file.write_text(json.dumps({"want": "stop", "time": seconds}))


def test_settings_without_a_meaning_for_a_run_say_nothing_about_it(tmp_path: Path) -> None:
    """U-Net has no stem, and SegFormer no base width."""
    values = [{"stem": "small"}, {"stem": "paper"}, {"arch": "unet", "base_width": 8}]
    rows = [row_of(make_run(tmp_path, **fields)) for fields in values]
    table = runs_table(rows)
    assert list(table.columns[len(COLUMNS) :]) == ["arch", "strategy", "dataset", "stem"]
    assert list(table["stem"])[:2] == ["Small, 5x5", "Paper, 7x7"]
    titles, lines = titles_and_lines(rows)
    assert lines[2]["config"][titles.index("Stem")] == "–"
    assert "base_width" not in differing_settings([row.settings for row in rows])


def test_runs_of_other_lengths_keep_their_own_progress_and_their_config(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, epochs_done=2, epochs=epochs) for epochs in (2, 30)]
    table = runs_table([row_of(run) for run in runs])
    assert list(table["epochs_planned"]) == [2, 30]
    assert list(table["epochs"]) == ["2", "30"]
    titles, lines = titles_and_lines([row_of(run) for run in runs])
    assert "Epochs" in titles
    assert [line["epochs"] for line in lines] == ["2 of 2", "2 of 30"]


def test_a_run_with_a_damaged_config_or_log_still_has_its_line(tmp_path: Path) -> None:
    whole, torn, foreign = (make_run(tmp_path) for _ in range(3))
    torn.events_file.write_bytes(torn.events_file.read_bytes()[:700])
    foreign.config_file.write_text('{"train": {"epochs": 3, "from_the_future": 1}}')
    rows = [row_of(run) for run in (whole, torn, foreign)]
    assert rows[2].config is None
    titles, lines = titles_and_lines(rows)
    assert [line["id"] for line in lines] == [whole.id, torn.id, foreign.id]
    assert titles[:3] == ["Model", "Strategy", "Dataset"]
    assert lines[1]["state"] == "crashed"
    assert lines[2]["config"] == ["–"] * len(titles)


def test_a_starting_run_without_a_log_shows_no_numbers(tmp_path: Path) -> None:
    run = alive(RunDir.create(tmp_path, config_for()))
    _, (line,) = table_data([row_of(run)])
    assert (line["state"], line["activity"], line["epochs"]) == ("starting", "", "0 of 6")
    assert (line["best"], line["best_epoch"], line["left"]) == ("–", "", "")


def test_synthetic_data_is_labeled_and_real_data_is_not(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, dataset=name) for name in ("sample_pets", "oxford_pets")]
    titles, lines = titles_and_lines([row_of(run) for run in runs])
    place = titles.index("Dataset")
    assert [line["config"][place] for line in lines] == ["Sample pets", "Oxford-IIIT Pet"]
    assert [line["notes"][place] for line in lines] == ["synthetic sample", ""]
    assert is_synthetic("sample_pets")
    assert not is_synthetic("oxford_pets")
    assert not is_synthetic("unknown_to_this_version")


def test_what_can_be_done_depends_on_the_state(tmp_path: Path) -> None:
    running = alive(make_run(tmp_path, epochs_done=2, end=None))
    ended = {end: make_run(tmp_path, end=end) for end in ("run_finished", "run_stopped")}
    failed, crashed = make_run(tmp_path, end="run_failed"), make_run(tmp_path, end=None)
    runs = [running, *ended.values(), failed, crashed]
    may = choices_for([row_of(run) for run in runs])
    assert may.stop == [running]
    assert may.kill == []
    assert may.resume == [ended["run_stopped"], failed, crashed]


def test_a_run_can_be_killed_ten_seconds_after_it_was_asked_to_stop(tmp_path: Path) -> None:
    run = alive(make_run(tmp_path, epochs_done=2, end=None))
    assert seconds_since_stop_request(run) is None
    request_stop(run)
    asked = choices_for([row_of(run)])
    assert (asked.stop, asked.kill) == ([], [])
    request_stop_at(run, 1000.0)
    assert seconds_since_stop_request(run, now=1004.5) == pytest.approx(4.5)
    row = row_of(run)
    assert choices_for([row]).kill == [run]  # asked for in 1970
    _, (line,) = table_data([row])
    assert line["activity"].startswith("Stopping since")


def test_a_killed_process_is_crashed_with_the_end_of_its_output(tmp_path: Path) -> None:
    run = make_run(tmp_path, epochs_done=2, end=None)
    run.output_file.write_text("epoch 2/6\nKilled by the kernel: out of memory\n")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    run.write_job("local", local.handle_of(child.pid))
    assert read_status(run).state == "running"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    row = row_of(run)
    assert row.status.state == "crashed"
    assert row.status.message.endswith("out of memory")
    assert choices_for([row]).resume == [run]


def test_settings_are_called_as_on_the_form_and_paths_are_cut_at_their_beginning(
    tmp_path: Path,
) -> None:
    earlier = make_run(tmp_path)
    start = {"strategy": "frozen", "weights": f"run:{earlier.id}"}
    first = {"optimizer": "sgd", "strategy": "pretrained", "weights": "imagenet"}
    configs = [config_for(Path("/data/a"), **first), config_for(Path("/data/b"), **start)]
    columns, lines = table_data([row_of(RunDir.create(tmp_path, config)) for config in configs])
    cells = dict(zip([column["title"] for column in columns], lines[0]["config"], strict=True))
    assert (cells["Model"], cells["Strategy"]) == ("SegFormer-B0", "Pretrained")
    assert cells["Weights"] == "ImageNet"
    assert (cells["Optimizer"], cells["Dataset folder"]) == ("SGD", "/data/a")
    place = [column["title"] for column in columns].index("Weights")
    assert lines[1]["config"][place] == f"run SegFormer-B0 scratch {earlier.id[-4:]}"
    paths = {column["title"] for column in columns if column["is_path"]}
    assert paths == {"Dataset folder", "Weights"}


def test_a_failed_run_says_why_in_its_line(tmp_path: Path) -> None:
    _, (line,) = table_data([row_of(make_run(tmp_path, epochs_done=2, end="run_failed"))])
    assert line["activity"] == "Loss became NaN at step 17."
