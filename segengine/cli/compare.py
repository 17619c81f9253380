"""`compare`: what differs between runs, which leads, and whether the difference is real."""

from __future__ import annotations

from json import dumps as to_json
from pathlib import Path
from typing import Annotated, cast

import tyro

from segengine.cli.flags import RUNS
from segengine.cli.tables import columns
from segengine.errors import UserError
from segengine.results.comparison.compare import Comparison, compare, entrants_of
from segengine.results.comparison.pairs import win_words
from segengine.results.comparison.report import (
    Kind,
    cells,
    heads,
    report_table,
)
from segengine.results.comparison.report import to_json as as_json
from segengine.results.image_matrices import Size, Split, Weights
from segengine.results.runlog import open_log
from segengine.results.table import read_row
from segengine.run.rundir import RunDir
from segengine.run.terminal import say

CHOICES = {
    "split": ("val", "test"),
    "size": ("training", "native"),
    "weights": ("best", "last"),
    "table": ("csv", "markdown", "latex"),
}
_SHOWN = 10  # columns of the leaderboard that fit a terminal


def compare_runs(
    runs: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    split: str = "val",
    size: str = "training",
    weights: str = "best",
    table: str = "",
    json: bool = False,
    seed: int = 0,
    runs_dir: Path = RUNS,
) -> int:
    """Compare 2 to 8 runs, or groups of seeds, on the images that they share.

    Args:
        runs: Ids of the runs; those that differ only in their seed are one group.
        split: val, or test where `evaluate --split test` (or the end of the run) has scored it.
        size: training for the size that the models see, native for that of each mask.
        weights: best for those of the best validation, last for those of the last epoch.
        table: Print only the leaderboard, as csv, markdown or latex.
        json: Print JSON instead of text.
        seed: Of the bootstrap's draws.
        runs_dir: Folder that holds the runs.
    """
    given = {"split": split, "size": size, "weights": weights}
    if table:
        given["table"] = table
    for flag, word in given.items():
        if word not in CHOICES[flag]:
            known = ", ".join(CHOICES[flag][:-1])
            raise UserError(
                f"{flag} '{word}' was given: choose {known} or {CHOICES[flag][-1]}.", field=flag
            )
    opened = [RunDir.open(runs_dir, run) for run in dict.fromkeys(runs)]
    logs = [open_log(run.events_file) for run in opened]
    rows = [read_row(run, log) for run, log in zip(opened, logs, strict=True)]
    names = [_name(run) for run in opened]
    comparison = compare(
        entrants_of(rows, logs, names),
        cast("Split", split),
        cast("Size", size),
        cast("Weights", weights),
        seed,
    )
    if json:
        say(to_json(as_json(comparison), indent=2))
    elif table:
        say(report_table(comparison, cast("Kind", table)).rstrip("\n"))
    else:
        say(text(comparison))
    return 0 if comparison.lines else 1


def text(comparison: Comparison) -> str:
    """The whole comparison for a terminal, one block per topic."""
    blocks = [_different(comparison)]
    blocks += comparison.shared.remarks
    if comparison.lines:
        boundary = f"Boundary IoU: {comparison.boundary}"
        over = f"Leaderboard, over {comparison.over}"
        blocks.append(f"{over}\n{_leaderboard(comparison)}\n{boundary}")
    if comparison.pairs:
        sentences = "\n".join(f"{pair.sentence} {win_words(pair)}." for pair in comparison.pairs)
        blocks.append(f"Is the difference real?\n{sentences}")
    blocks += comparison.rare
    if comparison.ranks is not None:
        head = f"Share of {comparison.resamples:,} resamples of the images, with these seeds"
        blocks.append(f"{head}\n{_ranks(comparison)}")
    if comparison.lines:
        blocks.append(f"Classes\n{_classes(comparison)}")
    if comparison.resamples:
        blocks.append(
            f"Intervals: paired bootstrap over {comparison.shared.units}, "
            f"{comparison.resamples:,} resamples, seed {comparison.seed}. Points are hundredths "
            "of mIoU."
        )
    return "\n\n".join(blocks)


def _name(run: RunDir) -> str:
    """What a person called it, else its id without the day."""
    try:
        name = run.notes().get("name", "").strip()
    except UserError:
        name = ""
    return name or run.id.split("-", 2)[2]


def _different(comparison: Comparison) -> str:
    if not comparison.differing:
        return "The runs differ in nothing that was recorded."
    rows = [["DIFFERENT", *(group.name for group in comparison.groups)]]
    rows += [
        [one.title, *(word or "-" for word in one.by_group(comparison.groups))]
        for one in comparison.differing
    ]
    return columns(rows)


def _leaderboard(comparison: Comparison) -> str:
    head = [title.upper() if title == "run" else title for title in heads(comparison)[:_SHOWN]]
    return columns([head, *(cells(line)[:_SHOWN] for line in comparison.lines)])


def _ranks(comparison: Comparison) -> str:
    assert comparison.ranks is not None
    head = ["in which it is", *(f"{rank}." for rank in range(1, len(comparison.lines) + 1))]
    rows = [
        [line.group.name, *(f"{share:.1%}" for share in shares)]
        for line, shares in zip(comparison.lines, comparison.ranks, strict=True)
    ]
    return columns([head, *rows])


def _classes(comparison: Comparison) -> str:
    names = [line.group.name for line in comparison.lines]
    rows = [["IoU", "images", "pixels", *names]]
    for label, name in enumerate(comparison.shared.classes):
        images, pixels = comparison.class_counts[label]
        ious = [line.iou[label] for line in comparison.lines]
        words = ["-" if iou != iou else f"{iou:.3f}" for iou in ious]
        rows.append([name, f"{images:,}", f"{pixels:,}", *words])
    return columns(rows)
