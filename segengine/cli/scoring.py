"""`evaluate` and `predict`: what the best weights of a run can do."""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps as to_json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import tyro

from segengine.cli import tables
from segengine.cli.flags import RUNS, RunId
from segengine.config import STORED, DataConfig, RunConfig
from segengine.datasets import Split
from segengine.errors import UserError
from segengine.run.rundir import RunDir
from segengine.run.terminal import Terminal

if TYPE_CHECKING:
    from segengine.inference.evaluate import Evaluation  # imports torch


def evaluate_run(
    run: RunId,
    dataset: str = "",
    root: str = "",
    split: str = "val",
    limit: Annotated[str, tyro.conf.arg(metavar="N", aliases=["--val-limit"])] = "",
    json: bool = False,
    runs_dir: Path = RUNS,
) -> int:
    """Score the best weights of a run on a split of a dataset.

    The scores are printed, and written to the run folder as JSON and CSV.

    Args:
        run: Id of the run.
        dataset: Name of the dataset; left out, the run's own.
        root: Folder that holds the dataset; left out, the run's own.
        split: train, val or test.
        limit: Use only N images, spread over the split (0: all); left out, all, and as many as in
            training of the run's own validation images.
        json: Print JSON instead of text.
        runs_dir: Folder that holds the runs.
    """
    opened = RunDir.open(runs_dir, run)
    if split not in get_args(Split):
        raise UserError(f"split '{split}' was given: choose train, val or test.", field="split")
    flags = {"dataset": dataset, "root": root}
    config = _with_data(opened.config(), {name: value for name, value in flags.items() if value})
    count = _image_count(limit) if limit else None
    from segengine.inference import evaluate as scorer  # imports torch, after the quick checks

    progress = Terminal().progress
    result, path = scorer.evaluate(opened, config, progress, cast("Split", split), count)
    if json:
        print(to_json(result, indent=2))
        return 0
    print(tables.scores(result["classes"], result))
    print(coverage(result))
    print(f"Written to {path} and the tables beside it")
    return 0


def coverage(result: Evaluation) -> str:
    """What a result is over: how many images of how many, at which size, and seen in training?"""
    images, whole = result["images"], result["split_images"]
    part = f"{images:,} of {whole:,}" if images < whole else f"all {whole:,}"
    noun = "image" if whole == 1 else "images"
    height, width = result["image_size"]
    remedy = " (--limit 0 for all)" if images < whole else ""
    lines = [
        f"Over {part} {result['split']} {noun}{remedy} of {result['dataset']} in {result['root']}, "
        f"at {height}x{width} pixels, with the weights of epoch {result['epoch']}"
    ]
    seen = result["trained_on"]
    if seen is None:
        lines.append(
            "Note: the run's training images are gone, so whether it was trained on some of these "
            "is not known."
        )
    elif seen:
        which = "these images were" if seen == images else f"{seen:,} of these images were"
        lines.append(
            f"Note: {which} used to train the run: the scores do not tell how it does on new ones."
        )
    return "\n".join(lines)


def _image_count(text: str) -> int:
    """The number that --limit was given; UserError where it is none."""
    if not (text.isascii() and text.isdecimal()):
        raise UserError(
            f"limit '{text}' was given: give a whole number of images, 0 for all.", field="limit"
        )
    return int(text)


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
