"""What the page of a run says of its scores, its images and its disk space."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from segengine.results.details.class_scores import score_tables, scores_csv
from segengine.results.details.disk import disk_use
from segengine.results.details.picks import best_median_worst
from segengine.results.runlog import open_log
from segengine.run.rundir import RunDir
from segengine.statistics.scores import scores
from tests import made_events
from tests.made_runs import make_run
from tests.results.comparison.made import matrices, write

GOOD = matrices(12, 0.8, seed=1)


def tables(run: RunDir) -> dict[str, object]:
    return {table.title: table for table in score_tables(run, open_log(run.events_file))}


def evaluated(run: RunDir, stem: str, **fields: object) -> None:
    place = ("oxford_pets", stem)
    write(run.evaluation_per_image(*place), run.evaluation_confusion(*place), GOOD)
    pooled = GOOD.sum(axis=0)
    head = {"dataset": "oxford_pets", "root": str(run.config().data.root), "images": 12}
    head |= {"split_images": 12, "trained_on": 0, "epoch": 6, "image_size": [64, 64]}
    names = [one["name"] for one in made_events.CLASSES]
    result = {**head, **scores(pooled), "classes": names, "confusion": pooled.tolist(), **fields}
    run.evaluation(*place).write_text(json.dumps(result))


def test_the_validation_and_every_evaluated_split_have_a_table(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    evaluated(run, "test", split="test")
    evaluated(run, "val-native", split="val", scored_at="native")
    found = {table.title: table for table in score_tables(run, open_log(run.events_file))}
    assert list(found) == ["Validation, best epoch 6", "Test", "Validation, native size"]
    test = found["Test"]
    expected = scores(GOOD.sum(axis=0))
    assert test.columns["iou"] == (expected["iou"], expected["miou"])
    assert test.columns["precision"][1] == expected["mean_precision"]
    assert test.images == (12, 12, 12)
    assert test.pixels == tuple(GOOD.sum(axis=(0, 2)))
    name, share = test.largest or ("", 0.0)
    assert share == max(test.pixels) / sum(test.pixels) and name in test.classes
    assert test.over.endswith("none of them trained the run")
    assert "own sizes" in found["Validation, native size"].over
    lines = scores_csv(test).splitlines()
    assert lines[0].startswith("class,iou,dice,") and len(lines) == 6


def test_a_run_without_validation_or_with_a_torn_result_has_fewer_tables(tmp_path: Path) -> None:
    assert tables(make_run(tmp_path, epochs_done=0, end=None)) == {}
    run = make_run(tmp_path, epochs_done=2)
    evaluated(run, "test", split="test")
    file = run.evaluation("oxford_pets", "test")
    file.write_text(file.read_text()[:200])
    assert list(tables(run)) == ["Validation, best epoch 2"]
    evaluated(run, "test", split="test", confusion=[[1, 2], [3, 4]])
    assert list(tables(run)) == ["Validation, best epoch 2"]


def test_the_best_the_median_and_the_worst_image_are_shown() -> None:
    picks = best_median_worst({"a": 0.2, "b": 0.9, "c": 0.5, "d": 0.4})
    assert [(pick.word, pick.name) for pick in picks] == [
        ("Best", "b"),
        ("Median", "d"),
        ("Worst", "a"),
    ]
    assert [pick.word for pick in best_median_worst({"a": 0.2})] == ["Only image"]
    assert best_median_worst({}) == []


def test_a_file_with_two_names_counts_once_on_disk(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.last_checkpoint.parent.mkdir()
    run.last_checkpoint.write_bytes(bytes(1000))
    run.best_checkpoint.hardlink_to(run.last_checkpoint)
    used = disk_use(run)
    assert used["Checkpoints"] == 1000
    assert used["Log"] == run.events_file.stat().st_size
    assert list(used.values()) == sorted(used.values(), reverse=True)


def test_two_classes_have_a_foreground(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    pooled = np.array([[50, 10], [5, 35]])
    evaluated(
        run,
        "val",
        split="val",
        classes=["background", "cat"],
        confusion=pooled.tolist(),
        **scores(pooled),
    )
    table = next(one for one in score_tables(run, open_log(run.events_file)) if one.foreground)
    assert table.foreground == 1
    assert table.columns["iou"][0][1] == pytest.approx(35 / 50)
