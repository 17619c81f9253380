"""Comparisons: what is compared, on which images, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from segengine.errors import UserError
from segengine.results.comparison.entrants import _group_name
from segengine.results.comparison.pairs import most_different, win_words
from segengine.results.comparison.report import heads, report_table, to_json
from segengine.run.rundir import RunDir
from segengine.statistics.scores import miou
from tests.made_runs import make_run
from tests.results.comparison.made import compared, matrices, scored_run, write

GOOD, BAD = matrices(60, 0.85, seed=1), matrices(60, 0.75, seed=2)


def test_the_better_run_leads_and_the_sentence_says_by_how_much(tmp_path: Path) -> None:
    a = scored_run(tmp_path, BAD)
    b = scored_run(tmp_path, GOOD, arch="unet")
    found = compared(a, b)
    assert [line.group.name for line in found.lines] == ["run B", "run A"]
    assert found.lines[0].miou.mean == pytest.approx(miou(GOOD.sum(axis=0)))
    (pair,) = found.pairs
    points = 100 * (miou(GOOD.sum(axis=0)) - miou(BAD.sum(axis=0)))
    assert pair.interval and pair.interval.low > 0
    low, high = (f"{100 * end:.1f}" for end in pair.interval[:2])
    assert pair.sentence == (
        f"run B is better than run A by {points:.1f} points of mIoU (95 % interval {low} to {high} "
        "over images; 60 images, validation split of the dataset, at 64x64, one seed each; the "
        "images that chose the best epoch by mIoU)."
    )
    assert found.differing[0].title == "Model"
    assert found.differing[0].words == ("SegFormer-B0", "U-Net")
    assert win_words(pair).startswith(f"run B on {round(100 * pair.wins[1])} % of the images")
    name, apart = most_different(pair, found.shared.names)[0]
    row = found.shared.names.index(name)
    assert abs(apart) == np.abs(pair.per_image[:, 1] - pair.per_image[:, 0]).max()
    assert apart == pair.per_image[row, 1] - pair.per_image[row, 0]


def test_images_that_do_not_tell_say_so(tmp_path: Path) -> None:
    runs = [scored_run(tmp_path, matrices(60, 0.8, seed), lr=0.001 + seed / 1e4) for seed in (3, 4)]
    (pair,) = compared(*runs).pairs
    assert pair.sentence.startswith("These 60 images do not tell which is better, run ")
    assert "(difference " in pair.sentence


def test_identical_runs_are_called_identical(tmp_path: Path) -> None:
    runs = [scored_run(tmp_path, GOOD, lr=lr) for lr in (0.001, 0.002)]
    (pair,) = compared(*runs).pairs
    assert pair.sentence == "run B and run A are identical on all 60 images." or (
        pair.sentence == "run A and run B are identical on all 60 images."
    )
    assert pair.interval is None and pair.value == 0


def test_few_images_have_a_rough_interval_or_none(tmp_path: Path) -> None:
    def sentence(images: int) -> str:
        folder = tmp_path / str(images)
        a = scored_run(folder, BAD[:images])
        b = scored_run(folder, GOOD[:images], arch="unet")
        return compared(a, b).pairs[0].sentence

    assert "few images, rough" in sentence(20)
    assert "few images" not in sentence(40)
    assert sentence(9).endswith("9 images are too few for an interval: 10 are needed.")


def test_only_shared_images_are_compared_and_it_is_said(tmp_path: Path) -> None:
    names = [f"pet_{index}" for index in range(60)]
    a = scored_run(tmp_path, BAD[:40], names[:40])
    b = scored_run(tmp_path, GOOD[20:], names[20:], arch="unet")
    found = compared(a, b)
    assert found.shared.names == tuple(names[20:40])
    assert found.lines[0].miou.mean == pytest.approx(miou(GOOD[20:40].sum(axis=0)))
    assert (
        "scored on different images (run A 40, run B 40): compared on the 20 shared."
        in (found.shared.remarks[0])
    )


def test_another_truth_is_said(tmp_path: Path) -> None:
    a = scored_run(tmp_path, BAD)
    b = scored_run(tmp_path, 4 * GOOD, arch="unet", image_size=128)
    (remark,) = compared(a, b).shared.remarks
    assert remark.startswith("run B was scored at another size than run A (first of 60 images:")
    assert "compare at native size" in remark


def test_runs_of_other_classes_are_left_out_and_the_rest_is_compared(tmp_path: Path) -> None:
    a, b = scored_run(tmp_path, BAD), scored_run(tmp_path, GOOD, arch="unet")
    other = scored_run(tmp_path, GOOD, dataset="sample_streets", root="")
    found = compared(a, other, b)
    assert [line.group.name for line in found.lines] == ["run C", "run A"]
    assert "run B has other data than run A and is left out" in found.shared.remarks[0]


def test_a_run_without_scores_per_image_gets_the_command_that_makes_them(tmp_path: Path) -> None:
    a, b = scored_run(tmp_path, BAD), make_run(tmp_path, arch="unet", epochs_done=0, end=None)
    found = compared(a, b)
    assert found.shared.missing == {1: f"python -m segengine evaluate {b.id}"}
    assert len(found.lines) == 1 and found.pairs == ()
    nothing = compared(a, b, split="test", size="native", weights="last")
    command = f"evaluate {a.id} --split test --size native --weights last makes them"
    assert nothing.lines == () and command in nothing.shared.remarks[0]


def evaluated(run: RunDir, stem: str, **fields: object) -> None:
    """A result of `evaluate`, with better matrices than those of the validation."""
    place = ("oxford_pets", stem)
    write(run.evaluation_per_image(*place), run.evaluation_confusion(*place), GOOD)
    head = {"dataset": "oxford_pets", "root": str(run.config().data.root), "images": 60}
    head |= {"epoch": 6, "miou": 0.5, **fields}
    run.evaluation(*place).write_text(json.dumps(head))


def test_a_test_split_and_native_scores_are_compared_where_they_were_evaluated(
    tmp_path: Path,
) -> None:
    a, b = scored_run(tmp_path, BAD), scored_run(tmp_path, BAD, arch="unet")
    for run in (a, b):
        evaluated(run, "test", split="test")
        evaluated(run, "val-native", split="val", scored_at="native")
        evaluated(run, "test-20", split="test")  # of a few images only
    test = compared(a, b, split="test")
    assert test.lines[0].miou.mean == pytest.approx(miou(GOOD.sum(axis=0)))
    assert test.over.endswith("one seed each; test images, which chose nothing")
    assert test.lines[0].epochs == (6,)
    native = compared(a, b, size="native")
    assert "at the masks' own sizes" in native.over and native.lines


def test_scores_of_weights_that_were_trained_on_since_do_not_count(tmp_path: Path) -> None:
    a, b = scored_run(tmp_path, BAD), scored_run(tmp_path, BAD, arch="unet")
    evaluated(a, "test", split="test")
    evaluated(b, "test", split="test", epoch=3)
    assert list(compared(a, b, split="test").shared.missing) == [1]


@pytest.mark.parametrize(
    "damage", [b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00v\x00{'descr': (((", b"text"]
)
def test_damaged_matrices_are_missing_ones(tmp_path: Path, damage: bytes) -> None:
    a, b = scored_run(tmp_path, BAD), scored_run(tmp_path, BAD, arch="unet")
    b.confusion_file.write_bytes(damage + bytes(40))
    assert list(compared(a, b).shared.missing) == [1]


def test_seeds_are_groups_compared_by_seed(tmp_path: Path) -> None:
    a = [scored_run(tmp_path, matrices(40, 0.75, seed), seed=seed) for seed in range(3)]
    b = [
        scored_run(tmp_path, matrices(40, 0.85, 9 + seed), seed=seed, arch="unet")
        for seed in range(3)
    ]
    found = compared(*a, *b)
    first, second = found.lines
    assert first.group.name == "run, 3 seeds (" + b[0].id[
        -4:
    ] + ", ...)" and first.group.members == (3, 4, 5)
    assert len(first.miou.values) == 3 and first.miou.sd
    (pair,) = found.pairs
    assert pair.by == "seeds" and pair.seeds and list(pair.seeds.differences) == [0, 1, 2]
    assert pair.value == pytest.approx(first.miou.mean - second.miou.mean)
    assert "over seeds; 40 images" in pair.sentence
    assert "3 seeds cannot show it without that (sign-flip p 0.25, at least 0.25)" in pair.sentence


def test_a_group_is_called_by_what_its_runs_names_have_in_common() -> None:
    assert (
        _group_name(["U-Net scratch, seed 0", "U-Net scratch, seed 1"]) == "U-Net scratch, 2 seeds"
    )
    assert _group_name(["SegFormer-B0 frozen 12ab", "SegFormer-B0 frozen 3fa9"]) == (
        "SegFormer-B0 frozen, 2 seeds"
    )
    assert _group_name(["alpha", "beta", "gamma"]) == "alpha, 3 seeds"
    assert _group_name(["baseline"]) == "baseline"


def test_five_seeds_are_resampled_beside_the_images(tmp_path: Path) -> None:
    runs = [
        scored_run(tmp_path, matrices(40, good, 7 * seed + int(100 * good)), seed=seed, arch=arch)
        for arch, good in (("unet", 0.85), ("segformer_b0", 0.75))
        for seed in range(5)
    ]
    (pair,) = compared(*runs).pairs
    assert pair.by == "seeds and images" and "over seeds and images" in pair.sentence


def test_runs_that_differ_only_in_their_seed_are_compared_one_by_one(tmp_path: Path) -> None:
    runs = [scored_run(tmp_path, matrices(40, 0.8, seed), seed=seed) for seed in range(2)]
    found = compared(*runs)
    assert len(found.lines) == 2 and len(found.pairs) == 1
    assert [one.title for one in found.differing] == ["Seed"]


def test_from_three_runs_on_the_ranking_says_how_stable_it_is(tmp_path: Path) -> None:
    scores = (0.7, 0.8, 0.9)
    runs = [scored_run(tmp_path, matrices(60, good, 3), lr=good / 100) for good in scores]
    found = compared(*runs)
    assert found.ranks is not None and found.ranks.round(2).tolist() == np.eye(3).tolist()
    assert "After Holm's correction over 3 pairs it still does." in found.pairs[0].sentence
    assert compared(*runs[:2]).ranks is None


def test_a_rare_class_is_named(tmp_path: Path) -> None:
    good, bad = GOOD.copy(), BAD.copy()
    for confusion in (good, bad):
        confusion[2:, 2, :] = 0
    found = compared(scored_run(tmp_path, bad), scored_run(tmp_path, good, arch="unet"))
    assert found.rare == (
        "border is in 2 images, fewer than 5: left out of the differences and their intervals.",
    )
    assert found.class_counts[2][0] == 2


def test_one_run_or_nine_settings_are_refused(tmp_path: Path) -> None:
    runs = [scored_run(tmp_path, BAD, lr=(1 + step) / 1000) for step in range(9)]
    with pytest.raises(UserError, match="at least 2 runs"):
        compared(runs[0])
    with pytest.raises(UserError, match="9 runs that differ in more than their seed"):
        compared(*runs)


def test_the_table_of_a_report(tmp_path: Path) -> None:
    a, b = scored_run(tmp_path, BAD), scored_run(tmp_path, GOOD, arch="unet")
    found = compared(a, b)
    table = report_table(found, "csv").splitlines()
    assert table[0].split(",") == heads(found)
    best = f"{miou(GOOD.sum(axis=0)):.3f}"
    assert table[1].startswith(f"run B,1,{best},") and len(table) == 3
    assert f"| run B | 1 | {best} |" in report_table(found, "markdown")
    latex = report_table(found, "latex")
    assert f"run B & 1 & {best} &" in latex and r"worst 5 \%" in latex
    assert json.loads(json.dumps(to_json(found), allow_nan=False))["images"] == 60


def test_two_classes_report_their_foreground(tmp_path: Path) -> None:
    from segengine.results.comparison.leaderboard import _foreground

    matrix = np.array([[50, 10], [5, 35]])
    found = _foreground([matrix], ("background", "pet"))
    expected = {"accuracy": 0.85, "precision": 35 / 45, "recall": 35 / 40}
    expected |= {"F1": 70 / 85, "IoU": 35 / 50}
    assert {name: one.mean for name, one in found.items()} == pytest.approx(expected)
    assert _foreground([matrix], ("pet", "background"))["IoU"].mean == pytest.approx(50 / 65)


def test_other_data_and_the_speed_of_prediction_are_told(tmp_path: Path) -> None:
    a, b = scored_run(tmp_path, BAD), scored_run(tmp_path, GOOD)
    for run, mark, seconds in ((a, "aa", 2.0), (b, "bb", 4.0)):
        lines = [json.loads(line) for line in run.events_file.read_text().splitlines()]
        start = next(place for place, line in enumerate(lines) if line["event"] == "run_started")
        lines[start]["data"] = {"train": "same", "val": mark}
        lines[start]["versions"]["commit"] = mark
        images, end = lines[start]["val_images"], lines[-1]
        progress = {"v": 1, "event": "progress", "phase": "Predicting", "total": images}
        at = lines[-2]["time"]
        lines[-1:] = [
            {**progress, "seq": end["seq"], "time": at, "done": 0},
            {**progress, "seq": end["seq"] + 1, "time": at + seconds, "done": images},
            {**end, "seq": end["seq"] + 2, "time": at + seconds},
        ]
        run.events_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = compared(a, b)
    told = {one.title: one.words for one in found.differing}
    assert told == {
        "Commit of SegLab": ("aa", "bb"),
        "Fingerprint of the validation images": ("aa", "bb"),
    }
    speeds = {line.group.name: line.images_per_second for line in found.lines}
    assert speeds == {"run A": pytest.approx(images / 2), "run B": pytest.approx(images / 4)}
    assert report_table(found, "csv").splitlines()[0].endswith("s per epoch,images per s")


def test_images_that_belong_together_are_drawn_together(tmp_path: Path) -> None:
    runs = [scored_run(tmp_path, BAD), scored_run(tmp_path, GOOD, arch="unet")]
    alone = compared(*runs).pairs[0]
    for run in runs:  # 60 images of 12 animals; the last five stand alone
        lines = run.per_image_file.read_text().splitlines()
        grouped = [f"{line},cat {n % 11 if n < 55 else ''}" for n, line in enumerate(lines[1:])]
        grouped = [line.removesuffix("cat ") for line in grouped]
        run.per_image_file.write_text("\n".join([f"{lines[0]},group", *grouped]) + "\n")
    found = compared(*runs)
    (pair,) = found.pairs
    assert found.over.startswith("60 images in 16 groups") and pair.images.units == 16
    assert pair.value == pytest.approx(alone.value)
    assert pair.interval and alone.interval and pair.interval[:2] != alone.interval[:2]
    assert "over groups of images, few images, rough" in pair.sentence
    few = [scored_run(tmp_path, GOOD[:12]), scored_run(tmp_path, BAD[:12], arch="unet")]
    for run in few:
        lines = run.per_image_file.read_text().splitlines()
        one = [f"{line},one" for line in lines[1:]]
        run.per_image_file.write_text("\n".join([f"{lines[0]},group", *one]) + "\n")
    (pair,) = compared(*few).pairs
    assert "1 group of images is too few for an interval: 10 are needed." in pair.sentence
