"""What the page of a run says, from the header to the commands."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dashboard.masks.models import Models
from dashboard.run.evaluating import in_work, problem_of, progress_of, splits_of, target_of
from dashboard.run.header import ending, facts_line, header_html
from dashboard.run.mask_strip import legend_html, strip, strip_html
from dashboard.run.reproduce import commands
from dashboard.run.scores import score_text
from dashboard.run.settings import all_settings, changed_settings, started_from
from dashboard.shared.confusion import confusion_figure, shares
from dashboard.shared.fact_table import Link
from dashboard.shared.selection import ChosenRun
from segengine.config import RunConfig
from segengine.datasets.base import ClassInfo
from segengine.launchers.evaluations import BackgroundEvaluation, Target
from segengine.results.details.class_scores import score_tables
from segengine.results.masks.sets import classes_of, mask_set
from segengine.results.runlog import open_log
from segengine.results.table import read_row
from segengine.run.notes import change_notes
from segengine.run.rundir import RunDir
from tests.made_runs import alive, config_for, make_run
from tests.tiny import write_pets


def chosen(run: RunDir, label: str = "U-Net scratch 3fa9") -> ChosenRun:
    return ChosenRun(run, "#0072B2", label, "Oxford-IIIT Pet, 64 px")


def test_the_header_says_state_and_best_score_and_names_are_text(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    row = read_row(run)
    html = header_html(chosen(run, "<b>mine</b>"), row)
    assert "&lt;b&gt;mine" in html and "<b>mine" not in html and "finished" in html
    line = facts_line(chosen(run), row)
    best = open_log(run.events_file).best()
    assert best
    score = f"{best.scores['miou']:.3f}"
    assert f"best mIoU {score} (epoch {best.epoch}, own split, 64x64)" in line
    assert line.startswith("Oxford-IIIT Pet, 64 px · epoch 6 of 6 · ") and line.endswith(run.id)
    assert "head-track" not in html  # it is done
    working = make_run(tmp_path, epochs_done=2, end=None)
    assert "head-track" in header_html(chosen(working), read_row(alive(working)))


@pytest.mark.parametrize(
    ("end", "kind", "said"),
    [
        ("run_failed", "error", "Loss became NaN at step 17."),
        ("run_stopped", "info", "Stopped on request."),
        (None, "error", "Resume goes on from its last checkpoint."),
        ("run_finished", None, ""),
    ],
)
def test_how_a_run_ended(tmp_path: Path, end: str | None, kind: str | None, said: str) -> None:
    run = make_run(tmp_path, epochs_done=2, end=end)
    run.output_file.write_text("Killed\n")
    found = ending(read_row(run))
    assert (found and found.kind) == kind
    if found:
        assert said in found.sentence
        assert found.output == ("Killed" if end is None else "")


def test_scores_are_those_of_the_log_with_their_mean(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    log = open_log(run.events_file)
    best = log.best()
    (table,) = score_tables(run, log)
    text = score_text(table, {"pet": "#D55E00"}, run.id)
    assert best and text["heads"][:3] == ["Class", "IoU", "F1 (Dice)"]
    assert [line["name"] for line in text["rows"]] == ["pet", "background", "border"]
    ious = [line["cells"][0] for line in text["rows"]]
    assert ious == [f"{value:.3f}" for value in best.scores["iou"]]
    assert text["mean"][0] == f"{best.scores['miou']:.3f}" and text["rows"][0]["color"] == "#D55E00"
    assert text["notes"][0].startswith(f"Pixel accuracy {best.scores['pixel_accuracy']:.3f}")
    assert text["csv"].splitlines()[0].startswith("class,iou,dice,precision,recall")


def test_rows_of_a_confusion_matrix_are_shares_of_the_true_class() -> None:
    counts = np.array([[30, 10, 0], [5, 15, 0], [0, 0, 0]])
    assert shares(counts)[:2].tolist() == [[0.75, 0.25, 0], [0.25, 0.75, 0]]
    assert np.isnan(shares(counts)[2]).all()
    (heat,) = confusion_figure(counts, ["pet", "<i>ground", "border"], "light").data
    assert heat.text[0].tolist() == ["75.0 %", "25.0 %", "0.0 %"] and heat.text[2][0] == ""
    assert heat.customdata[0, 1].tolist() == ["10 pixels, ", "pet", "&lt;i&gt;ground"]
    many = confusion_figure(np.eye(19, dtype=int), [f"class {n}" for n in range(19)], "dark")
    assert many.data[0].texttemplate is None


def test_settings_changed_and_all_and_where_the_weights_come_from(tmp_path: Path) -> None:
    first = make_run(tmp_path, seed=4)
    change_notes(first, name="streets")
    config = config_for(strategy="pretrained", weights=f"run:{first.id}", seed=7)
    changed = {title: value for title, value, _ in changed_settings(config)}
    assert changed["Seed"] == "7" and changed["Strategy"] == "Pretrained"
    titles = [title for title, _ in all_settings(config)]
    assert titles == ["Data", "Model", "Optimization", "Training"]
    assert not any(title == "Momentum" for _, pairs in all_settings(config) for title, _ in pairs)
    run = make_run(tmp_path, strategy="pretrained", weights=f"run:{first.id}")
    lines = [json.loads(line) for line in run.events_file.read_text().splitlines()]
    lineage = {"source": f"run:{first.id}", "file": "best.pt", "sha256": "0" * 64}
    lines[0]["lineage"] = {**lineage, "matched": 9, "unmatched": [], "chain": []}
    run.events_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run.write_sweep("20261127-071817-sweep-14a4", "lr 0.001")
    told = dict(started_from(run, open_log(run.events_file)))  # type: ignore[arg-type]
    assert told["Encoder weights"] == Link("run streets", f"/run?id={first.id}")
    assert told["Sweep"] == Link(
        "Sweep 2026-11-27 07:18 14a4", "/sweep?id=20261127-071817-sweep-14a4"
    )
    assert told["Setting there"] == "learning rate 0.001"


def test_the_commands_train_the_same_again(tmp_path: Path) -> None:
    run = make_run(tmp_path, arch="unet", base_width=8)
    lines = dict(commands(run, run.config(), finished=True))
    words = shlex.split(lines["Train the same again"])
    assert words[2:4] == ["segengine", "train"] and words[-2:] == ["--runs-dir", str(tmp_path)]
    assert {"--arch", "unet", "--base-width", "8"} <= set(words)
    assert not any("resume" in line for line in lines.values())
    unread = commands(run, None, finished=False)
    assert any(f"resume {run.id}" in line for _, line in unread)
    assert not any("train" in line.split() for _, line in unread)


def test_an_evaluation_is_of_what_was_entered(tmp_path: Path) -> None:
    root = write_pets(tmp_path / "pets", train=10, val=3)
    splits, problem = splits_of(RunConfig.from_flat({"root": str(root), "val_limit": 1}))
    assert (list(splits), problem) == (["val", "test", "train", "all"], "")
    assert splits["test"].startswith("Test: 3 images") and splits["all"] == "All 13 images"
    assert (
        splits_of(None)[1]
        and "No Oxford-IIIT Pet"
        in splits_of(RunConfig.from_flat({"root": str(tmp_path / "none")}))[1]
    )
    entries = {"part": "val", "size": "native", "weights": "last", "limit": "1,000"}
    own = target_of({**entries, "dataset": "folder", "root": " "})
    assert (own.dataset, own.root, own.limit) == ("", "", "1000")
    other = target_of({**entries, "dataset": "folder", "root": str(root), "limit": ""})
    assert (other.dataset, other.root, other.limit) == ("folder", str(root), "")


def test_evaluations_at_work_say_how_far_they_are() -> None:
    target = Target(split="test", limit="20", size="native", weights="last")
    running = BackgroundEvaluation("k", target, "running", 0.0, "Evaluating", 5, 20)
    assert progress_of(running) == (
        0.25,
        "Test, 20 images, native size, last weights: evaluating, 5 of 20",
    )
    failed = BackgroundEvaluation("k", target, "failed", 0.0, problem="No root data.")
    assert problem_of(failed).endswith("last weights: No root data.")
    done = BackgroundEvaluation("k", target, "done", 0.0)
    assert in_work([running, failed, done]) == [running, failed]


def test_the_strip_shows_best_middle_and_worst_of_real_pets(
    tmp_path: Path, real_pets: Path
) -> None:
    run = make_run(tmp_path, root=real_pets, val_limit=12)
    log = open_log(run.events_file)
    masks = mask_set(run, log)
    assert masks
    models = Models((masks,), (run.config().data,), classes_of(log), 255)
    images, problem = strip(models)
    assert problem == "" and len(images) == 3
    mious = [image.pick.miou for image in images]
    assert mious == sorted(mious, reverse=True)
    html = strip_html(run.id, images)
    assert html.count("/api/masks/thumbnail?") == 6 and html.count('alt="Ground truth"') == 3
    moved = run.config().data.model_copy(update={"root": str(tmp_path / "gone")})
    images, problem = strip(replace(models, configs=(moved,)))
    assert problem and len(images) == 3 and not images[0].truth
    legend = legend_html([ClassInfo("<b>", "#112233"), ClassInfo("ground", "#445566")], 1)
    assert "&lt;b&gt;" in legend and "#112233" in legend and "#445566" not in legend
