"""`check` and `sample-data`: reading a dataset whole, and drawing one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from segengine.cli import check_report
from segengine.cli.flags import RUNS, config_of, with_flags
from segengine.config import RunConfig
from segengine.datasets.check import check_dataset
from segengine.datasets.sample_pets import write_sample_pets
from segengine.datasets.sample_streets import write_sample_streets
from segengine.run.terminal import Terminal, say

CHECK_FIELDS = (
    "dataset",
    "root",
    "binary",
    "val_share",
    "split_seed",
    "workers",
)  # that `check` takes


def check_command(base: RunConfig) -> Callable[..., int]:
    """The command `check`, whose flags have `base` as their defaults."""

    def check(flags: Any, json: bool = False, runs_dir: Path = RUNS) -> int:
        """Read a whole dataset and list every problem; the exit code is 1 if there are any.

        Args:
            flags: The data.
            json: Print JSON instead of text.
            runs_dir: Not used; every command takes it.
        """
        report = check_dataset(config_of(flags).data, Terminal().progress)
        say(check_report.as_json(report) if json else check_report.as_text(report))
        return 1 if report.problems else 0

    return with_flags(check, base, CHECK_FIELDS)


def sample_data(
    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")],
    kind: Literal["pets", "streets"] = "pets",
    train: int | None = None,
    val: int | None = None,
    seed: int = 0,
    runs_dir: Path = RUNS,
) -> int:
    """Draw a synthetic sample: pets or streets, in the layout of the official dataset.

    Args:
        folder: Folder in which `oxford-iiit-pet/` or `cityscapes/` is made.
        kind: pets (as Oxford-IIIT Pet) or streets (as Cityscapes).
        train: Number of training images; left out, 200 pets or 240 streets.
        val: Number of validation images; left out, 80 pets or 60 streets.
        seed: Seed of the drawings.
        runs_dir: Not used; every command takes it.
    """
    terminal = Terminal()
    splits = {"train": train, "val": val}
    counts = {split: count for split, count in splits.items() if count is not None}

    def progress(done: int, total: int) -> None:
        terminal.progress("Drawing", done, total)

    if kind == "streets":
        root = write_sample_streets(folder / "cityscapes", seed=seed, progress=progress, **counts)
    else:
        root = write_sample_pets(folder, seed=seed, progress=progress, **counts)
    say(f"{root} (synthetic sample, drawn by SegLab)")
    return 0
