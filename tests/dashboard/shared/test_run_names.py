"""What a run and its data are called."""

from __future__ import annotations

import json
from pathlib import Path

from dashboard.shared.run_names import creation_time, data_of, label_of, row_label, short_name
from segengine.config import RunConfig
from segengine.results.table import read_row
from segengine.run.rundir import RunDir
from tests.made_runs import config_for

RUN_ID = "20261121-142501-unet-frozen-3fa9"


def test_a_run_has_a_short_name_and_a_time_by_its_id() -> None:
    assert short_name(RUN_ID) == "U-Net frozen 3fa9"
    assert short_name("20261121-142501-a_newer_one-scratch-3fa9") == "a_newer_one scratch 3fa9"
    assert creation_time(RUN_ID) == "2026-11-21 14:25"


def test_a_run_is_called_by_its_name_where_it_has_one(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, config_for())
    assert label_of(run) == f"SegFormer-B0 scratch {run.id[-4:]}"
    for name in ("", "  ", None):
        run.notes_file.write_text(json.dumps({"name": name}))
        assert label_of(run) == short_name(run.id)
    run.notes_file.write_text('{"name": "baseline "}')
    assert label_of(run) == "baseline"


def test_a_chosen_encoder_is_named_as_long_as_the_config_can_be_read(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path, config_for(arch="smp_unet", encoder="resnet18"))
    assert label_of(run) == row_label(read_row(run)) == f"U-Net resnet18 scratch {run.id[-4:]}"
    run.config_file.unlink()
    assert label_of(run) == short_name(run.id) == f"U-Net scratch {run.id[-4:]}"


def test_a_run_says_what_it_learns_from_and_by_which_loss(tmp_path: Path) -> None:
    values = {"dataset": "folder", "root": "/data/leaves", "image_size": "96x64", "loss": "dice"}
    own = RunDir.create(tmp_path, RunConfig.from_flat(values))
    assert data_of(own) == "Folder leaves, 96x64 px, Dice loss"
    pets = RunDir.create(tmp_path, config_for())
    assert data_of(pets) == "Oxford-IIIT Pet, 64 px"
    pets.config_file.write_text("{}x")
    assert data_of(pets) == ""
