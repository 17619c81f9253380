"""What is said before curves of several runs are compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dashboard.curves.notes import comparison_notes
from segengine.results.runlog import open_log
from tests.made_runs import make_run


def notes_for(tmp_path: Path, *values: dict[str, Any]) -> list[str]:
    runs = [make_run(tmp_path, epochs_done=1, **fields) for fields in values]
    return comparison_notes(runs, [open_log(run.events_file) for run in runs])


def test_runs_that_can_be_compared_need_no_word(tmp_path: Path) -> None:
    assert notes_for(tmp_path, {"lr": 1e-3}, {"lr": 1e-4, "arch": "unet"}) == []


def test_other_data_makes_both_axes_incomparable(tmp_path: Path) -> None:
    (sentence,) = notes_for(tmp_path, {}, {"dataset": "sample_pets"}, {})
    assert sentence == (
        "Different datasets (Oxford-IIIT Pet; Sample pets (synthetic sample)): neither their "
        "losses nor their mIoU can be compared."
    )


def test_another_loss_or_its_weights_make_losses_incomparable(tmp_path: Path) -> None:
    (sentence,) = notes_for(tmp_path, {}, {"loss": "dice"}, {"class_weights": "inverse"})
    assert sentence == (
        "Different losses (Cross entropy; Dice; Cross entropy, class weights: inverse frequency): "
        "their losses cannot be compared, only their mIoU."
    )


def test_another_image_size_is_said(tmp_path: Path) -> None:
    (sentence,) = notes_for(tmp_path, {}, {"image_size": "128"})
    assert sentence == "Different image sizes (64 px; 128 px): each is scored at its own size."


def test_other_class_counts_and_validation_images_are_said(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, epochs_done=1) for _ in range(2)]
    logs = [open_log(run.events_file) for run in runs]
    assert logs[1].started
    logs[1].started["classes"] = logs[1].started["classes"][:2]
    logs[1].started["val_images"] = 1200
    assert [note.partition(":")[0] for note in comparison_notes(runs, logs)] == [
        "Different numbers of classes (3; 2)",
        "Different numbers of validation images (40; 1,200)",
    ]
