"""Runs as one table, and a run as facts."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest

from segengine.config import RunConfig
from segengine.results.runlog import open_log
from segengine.results.status import read_status
from segengine.results.table import (
    COLUMNS,
    RunRow,
    changes,
    created,
    differing_settings,
    facts,
    read_config,
    runs_table,
    settings_of,
    telling_fields,
)
from segengine.run.rundir import RunDir
from tests.made_runs import alive, config_for, make_run


def row_of(run: RunDir) -> RunRow:
    return RunRow(run, read_config(run), read_status(run))


def test_a_line_tells_progress_and_best_mious_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count(1e9)  # in reality all events may fall into one millisecond
    clock = SimpleNamespace(time=lambda: next(seconds))
    monkeypatch.setattr("segengine.run.event_log.time", clock)
    run = alive(make_run(tmp_path, epochs_done=3, end=None, epochs=6))
    line = runs_table([row_of(run)]).iloc[0]
    assert line["id"] == run.id
    assert line["state"] == "running"
    assert (line["epochs_done"], line["epochs_planned"]) == (3, 6)
    assert 0 < line["progress"] < 1
    assert line["best_epoch"] == 3
    assert 0 < line["best_miou"] < 1


def test_only_fields_that_differ_are_columns_besides_the_three(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, lr=lr, image_size=size) for lr, size in ((1e-3, 64), (3e-4, 96))]
    table = runs_table([row_of(run) for run in runs])
    assert list(table.columns) == [*COLUMNS, "arch", "strategy", "dataset", "image_size", "lr"]
    assert list(table["lr"]) == ["0.001", "0.0003"]
    assert list(table["image_size"]) == ["64", "96"]


def test_no_config_field_is_named_like_a_column_of_the_table() -> None:
    assert not set(COLUMNS) & {name for _, name, _ in RunConfig.fields()}


def test_no_runs_make_an_empty_table() -> None:
    table = runs_table([])
    assert len(table) == 0
    assert list(table.columns) == [*COLUMNS, "arch", "strategy", "dataset"]
    assert differing_settings([]) == ["arch", "strategy", "dataset"]


def test_changes_name_each_setting_that_is_not_the_default() -> None:
    config = RunConfig.from_flat({"lr": 3e-4, "augment": ["hflip"], "amsgrad": False})
    assert changes(config) == [
        ("Augmentation", "Mirror (hflip)", "none"),
        ("AMSGrad", "off", "on"),
        ("Learning rate", "0.0003", "0.001"),
    ]
    assert changes(RunConfig()) == []


def test_facts_tell_where_the_weights_come_from(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    known = dict(facts(run, open_log(run.events_file)))
    assert known["Folder"] == str(run.path)
    assert known["Parameters"] == "3,714,915, of which 3,714,915 are trained"
    assert known["Start"] == "random weights, nothing loaded"
    log = open_log(run.events_file)
    assert log.started
    log.started["lineage"] = {
        "source": "imagenet",
        "file": "/w.pt",
        "sha256": "ab" * 32,
        "matched": 176,
        "unmatched": ["head.weight", "head.bias"],
    }
    known = dict(facts(run, log))
    assert known["Encoder weights"] == "imagenet"
    assert known["Weights sha256"] == "ab" * 32
    assert known["Weights loaded"] == (
        "176 tensors into the encoder, 2 others of the file left out"
    )


def test_facts_of_a_run_that_has_not_started_are_its_folder(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, config_for())
    assert facts(run, open_log(run.events_file)) == [("Folder", str(run.path))]


def test_the_time_a_run_was_made_is_read_from_its_id(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert abs(created(run.id) - run.config_file.stat().st_mtime) < 5
    assert created("no-run") == 0.0


def test_what_follows_from_another_setting_tells_nothing() -> None:
    """Beside a run from scratch a fine-tuned one has weights, a prefix, and an encoder's rate."""
    scratch = settings_of(RunConfig.from_flat({}))
    tuned = RunConfig.from_flat({"strategy": "pretrained", "weights": "imagenet"})
    assert telling_fields([scratch, settings_of(tuned)]) == ["strategy", "weights"]
    other = tuned.with_values(weights="run:x", encoder_lr_factor=0.1)
    found = telling_fields([scratch, settings_of(other)])
    assert found == ["strategy", "weights", "encoder_lr_factor"]
    assert telling_fields([settings_of(tuned), settings_of(other)]) == found[1:]
    unet = settings_of(RunConfig.from_flat({"arch": "unet"}))
    assert telling_fields([scratch, unet]) == ["arch"]  # its width and upsampling are the usual
    assert telling_fields([]) == telling_fields([scratch, scratch]) == []
