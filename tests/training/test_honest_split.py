"""A part of the training images chooses, the official test list is scored once, at the end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from segengine.cli import tables
from segengine.inference.evaluate import evaluate
from segengine.results.runlog import open_log
from segengine.results.scored_on import test_words as words_of_test
from segengine.results.scored_on import validation_words
from segengine.results.status import read_status
from segengine.results.table import read_row
from segengine.run.rundir import RunDir
from tests import tiny

TEST = 5


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"), train=9, val=TEST)


@pytest.fixture(scope="module")
def run(pets: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    config = tiny.config(pets, arch="unet", base_width=4, val_split="honest", val_limit=1)
    return tiny.train(tmp_path_factory.mktemp("runs"), config)


def test_the_test_split_is_scored_once_whole_with_the_best_weights(run: RunDir) -> None:
    result = json.loads(run.evaluation("oxford_pets", "test").read_text())
    (finished,) = tiny.events(run, "run_finished")
    assert result["images"] == TEST == finished["test"]["images"]  # val_limit is no test_limit
    assert result["epoch"] == finished["best_epoch"]
    assert finished["test"]["miou"] == result["miou"] == read_status(run).test_miou
    again, _ = evaluate(run, run.config(), tiny.no_progress, "test")
    assert again["confusion"] == result["confusion"]


def test_no_image_chose_and_is_scored(run: RunDir) -> None:
    (started,) = tiny.events(run, "run_started")
    assert (started["train_images"], started["val_images"], started["test_images"]) == (7, 1, TEST)
    assert all(name.startswith("trainval_") for name in started["film"])
    with run.evaluation_per_image("oxford_pets", "test").open() as file:
        assert all(line.startswith("test_") for line in file.readlines()[1:])


def test_every_number_says_what_it_is_over(run: RunDir) -> None:
    log = open_log(run.events_file)
    assert validation_words(log) == (
        "1 image held out of the training images, at 32x32; it chose the epoch by mIoU"
    )
    assert words_of_test(log) == (
        f"{TEST} images of the official test list, at 32x32; they chose nothing"
    )
    shown = tables.one_run(run)
    assert validation_words(log) in shown and words_of_test(log) in shown
    assert "held out" in tables.runs([read_row(run)])


def test_the_courses_habit_scores_no_second_split_and_says_what_chose(
    pets: Path, tmp_path: Path
) -> None:
    run = tiny.train(tmp_path, tiny.config(pets, arch="unet", base_width=4, epochs=1))
    assert "test" not in tiny.events(run, "run_finished")[0]
    assert not run.evaluation("oxford_pets", "test").exists()
    assert validation_words(open_log(run.events_file)) == (
        f"{TEST} images of the official test list, at 32x32; they chose the epoch by mIoU"
    )


def test_a_stop_while_the_test_split_is_scored_loses_nothing(pets: Path, tmp_path: Path) -> None:
    config = tiny.decoded(
        tiny.config(pets, arch="unet", base_width=4, val_split="honest", epochs=1)
    )
    whole = tiny.train(tmp_path / "whole", config)
    chances = tiny.StopsAt()
    tiny.train(tmp_path / "counted", config, chances)
    run = tiny.train(tmp_path / "stopped", config, tiny.StopsAt(chances.seen))
    assert tiny.events(run)[-1]["event"] == "run_stopped"
    tiny.go_on(run)
    first, second = (tiny.events(trained, "run_finished")[0]["test"] for trained in (run, whole))
    assert first == second


def test_a_damaged_test_image_is_said_before_the_training(tmp_path: Path) -> None:
    root = tiny.write_pets(tmp_path / "data")
    tiny.image_file(root, "test_1").write_bytes(b"no picture")
    config = tiny.config(root, val_split="honest")
    run = tiny.train(tmp_path / "runs", config, code=1)
    assert [
        event["event"]
        for event in tiny.events(run)
        if event["event"] not in ("progress", "resources")
    ] == ["run_failed"]
