"""Copies of training images that validate or test: the run is trained, and says so everywhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dashboard.curves.notes import comparison_notes
from segengine.cli import tables
from segengine.datasets.splits.leaks import count_seen
from segengine.results.runlog import open_log
from tests import tiny


def test_official_lists_with_copies_are_counted_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pets = tiny.write_pets(tmp_path / "pets", train=5, val=4)  # other counts, other pictures
    for copied, over in (("trainval_0", "test_1"), ("trainval_2", "test_3")):
        shutil.copy(tiny.image_file(pets, copied), tiny.image_file(pets, over))
    run = tiny.train(tmp_path / "runs", tiny.config(pets, arch="unet", base_width=4, epochs=1))
    (started,) = tiny.events(run, "run_started")
    assert started["seen_in_training"] == {"val": 2}
    words = (
        "2 of 4 validation images are training images too, byte for byte: the scores flatter the "
        "run."
    )
    assert f"Note: {words}" in capsys.readouterr().err
    assert f"Overlap: {words}" in tables.one_run(run)
    (note,) = comparison_notes([run], [open_log(run.events_file)])
    assert note.endswith(f": {words}")


def test_held_out_copies_of_training_images_are_counted(tmp_path: Path) -> None:
    """One picture in every training file: whichever are drawn to validate, they were seen."""
    pets = tiny.write_pets(tmp_path / "pets", train=6, val=2)
    first = tiny.image_file(pets, "trainval_0")
    for index in range(1, 6):
        shutil.copy(first, tiny.image_file(pets, f"trainval_{index}"))
    shutil.copy(first, tiny.image_file(pets, "test_1"))
    config = tiny.config(pets, arch="unet", base_width=4, epochs=1, val_split="honest")
    run = tiny.train(tmp_path / "runs", config.with_values(val_share=0.34))
    (started,) = tiny.events(run, "run_started")
    assert started["seen_in_training"] == {"val": 2, "test": 1}
    assert "2 of 2 validation images and 1 of 2 test images are" in tables.one_run(run)


def test_where_nothing_is_shared_nothing_is_said(tmp_path: Path) -> None:
    pets = tiny.write_pets(tmp_path / "pets", train=3, val=2)
    run = tiny.train(tmp_path / "runs", tiny.config(pets, arch="unet", base_width=4, epochs=1))
    assert tiny.events(run, "run_started")[0]["seen_in_training"] == {}
    assert "Overlap" not in tables.one_run(run)


def test_a_file_that_is_in_both_is_seen_and_so_is_each_of_its_copies(tmp_path: Path) -> None:
    for name, content in {"a": "1", "b": "1", "c": "2", "d": "1", "e": "22"}.items():
        (tmp_path / name).write_text(content)
    a, b, c, d, e = (tmp_path / name for name in "abcde")
    assert count_seen({a}, [a, b, c, d, e]) == 3
    assert count_seen({c, e}, [a, b, d]) == 0
