"""`evaluate` and `predict`: what the best weights of a run can do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast, get_args

import tyro

from segengine.cli import tables
from segengine.cli.flags import RUNS, RunId
from segengine.config import STORED, DataConfig, RunConfig
from segengine.datasets import Split
from segengine.errors import UserError
from segengine.run.rundir import RunDir
from segengine.run.terminal import Terminal


def evaluate_run(
    run: RunId,
    dataset: str = "",
    root: str = "",
    split: str = "val",
    val_limit: Annotated[str, tyro.conf.arg(metavar="N")] = "",
    runs_dir: Path = RUNS,
) -> int:
    """Score the best weights of a run on a split of a dataset.

    The scores are printed, and written to the run folder as JSON and CSV.

    Args:
        run: Id of the run.
        dataset: Name of the dataset; left out, the run's own.
        root: Folder that holds the dataset; left out, the run's own.
        split: train, val or test.
        val_limit: Use only N images of the split (0: all); left out, as in training.
        runs_dir: Folder that holds the runs.
    """
    opened = RunDir.open(runs_dir, run)
    if split not in get_args(Split):
        raise UserError(f"split '{split}' was given: choose train, val or test.", field="split")
    limit = "train_limit" if split == "train" else "val_limit"
    flags = {"dataset": dataset, "root": root, limit: val_limit}
    config = _with_data(opened.config(), {name: value for name, value in flags.items() if value})
    from segengine.inference import evaluate as scorer  # imports torch, after the quick checks

    result = scorer.evaluate(opened, config, Terminal().progress, cast("Split", split))
    print(tables.scores(result["classes"], result))
    print(f"Written to {opened.evaluation(config.data.dataset, split)} and the tables beside it")
    return 0


def _with_data(config: RunConfig, changes: Mapping[str, str]) -> RunConfig:
    """The config with other data; fields without a meaning for that dataset get their defaults."""
    values = {**config.flat(), **changes}
    for name in DataConfig.meaningless(values):
        values[name] = DataConfig.model_fields[name].default
    return RunConfig.from_flat(values, STORED).resolved()


def predict_files(
    run: RunId,
    images: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE")],
    out: Path,
    runs_dir: Path = RUNS,
) -> int:
    """Predict masks of your own images with the best weights of a run.

    Args:
        run: Id of the run.
        images: Image files.
        out: Folder for the index masks (PNG, with the classes' colors as palette).
        runs_dir: Folder that holds the runs.
    """
    opened = RunDir.open(runs_dir, run)
    if not images:
        raise UserError("Give at least one image to predict.")
    from segengine.inference.predict import predict_images  # imports torch, after the quick checks

    for path in predict_images(opened, images, out):
        print(path)
    return 0
