"""`evaluate` and `predict`: what the best weights of a run can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from json import dumps as to_json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import tyro

from segengine.cli import tables
from segengine.cli.flags import RUNS, RunId
from segengine.config import STORED, DataConfig, RunConfig
from segengine.datasets import SPLITS, ProgressFn
from segengine.datasets.splits.roles import HELD_OUT, descriptions
from segengine.errors import UserError
from segengine.launchers.status_file import StatusFile
from segengine.results.image_matrices import Size, Weights
from segengine.results.scored_on import sized
from segengine.run.rundir import RunDir
from segengine.run.terminal import Terminal, say

if TYPE_CHECKING:  # these import torch
    from segengine.inference.evaluate import Evaluation
    from segengine.inference.evaluation_data import Part

PARTS = (*SPLITS, "all")
SIZES, WEIGHTS = ("training", "native"), ("best", "last")
DID = {  # what the images of a run's own splits did for it
    "train": "trained the model",
    "val": "chose the epoch",
    "test": "chose nothing",
}


def evaluate_run(
    run: RunId,
    dataset: str = "",
    root: str = "",
    split: str = "val",
    limit: Annotated[str, tyro.conf.arg(metavar="N", aliases=["--val-limit"])] = "",
    size: str = "training",
    weights: str = "best",
    json: bool = False,
    status_file: Path | None = None,
    runs_dir: Path = RUNS,
) -> int:
    """Score the weights of a run on a split of a dataset.

    The scores are printed, and written to the run folder as JSON and CSV.

    Args:
        run: Id of the run.
        dataset: Name of the dataset; left out, the run's own.
        root: Folder that holds the dataset; left out, the run's own.
        split: train, val, test, or all for the images of all of them.
        limit: Use only N images, spread over the split (0: all); left out, all, and as many as in
            training of the run's own validation images.
        size: training to score at the size that the model sees, native to score at the size of
            each mask, as papers do.
        weights: best for those of the best validation, last for those of the last epoch.
        json: Print JSON instead of text.
        status_file: Keep the progress, and how it ended, in this file, for whoever watches.
        runs_dir: Folder that holds the runs.
    """
    with StatusFile(status_file) as status:
        opened = RunDir.open(runs_dir, run)
        _require_known("split", split, PARTS)
        _require_known("size", size, SIZES)
        _require_known("weights", weights, WEIGHTS)
        flags = {"dataset": dataset, "root": root}
        data = {name: value for name, value in flags.items() if value}
        config = _with_data(opened.config(), data)
        count = _image_count(limit) if limit else None
        from segengine.inference import evaluate as scorer  # imports torch, after the checks

        result, path = scorer.evaluate(
            opened,
            config,
            _telling(status),
            cast("Part", split),
            count,
            scored_at=cast("Size", size),
            weights=cast("Weights", weights),
        )
        status.finish(path)
    if json:
        say(to_json(result, indent=2))
        return 0
    say(tables.scores(result["classes"], result))
    say(coverage(result, opened.config().data))
    say(role(config.data, opened.config().resolved().data, split))
    say(f"Written to {path} and the tables beside it")
    return 0


def _telling(status: StatusFile) -> ProgressFn:
    """Progress for the terminal, and for whoever watches the file."""
    terminal = Terminal()

    def progress(phase: str, done: int, total: int) -> None:
        terminal.progress(phase, done, total)
        status.progress(phase, done, total)

    return progress


def _require_known(flag: str, word: str, known: Sequence[str]) -> None:
    if word not in known:
        choices = f"{', '.join(known[:-1])} or {known[-1]}"
        raise UserError(f"{flag} '{word}' was given: choose {choices}.", field=flag)


def coverage(result: Evaluation, own: DataConfig) -> str:
    """What a result is over: how many images of how many, at which size, and seen in training?

    Args:
        own: the data that the run was trained and validated on.
    """
    images, whole, split = result["images"], result["split_images"], result["split"]
    kind = "" if split == "all" else f"{split} "
    part = f"{images:,} of {whole:,}" if images < whole else f"all {whole:,}" * (whole > 1) or "the"
    remedy = " (--limit 0 for all)" if images < whole else ""
    size = sized(result["scored_at"], result["image_size"])
    lines = [
        f"Over {part} {kind}image{'' if whole == 1 else 's'}{remedy} of {result['dataset']} in "
        f"{result['root']}, {size}, with the {result['weights']} weights, of epoch "
        f"{result['epoch']}"
    ]
    foreign = (result["dataset"], result["root"]) != (own.dataset, own.root)
    if foreign and whole < result["dataset_images"]:
        lines.append(
            f"Note: there are {result['dataset_images']:,} images in its splits: --split all "
            "scores them all."
        )
    seen = result["trained_on"]
    if seen is None:
        lines.append(
            "Note: the run's training images cannot be opened, so whether it was trained on some "
            "of these is not known."
        )
    elif seen:
        which = "these images were" if seen == images else f"{seen:,} of these images were"
        lines.append(
            f"Note: {which} used to train the run or its encoder: the scores do not tell how it "
            "does on new ones."
        )
    return "\n".join(lines)


def role(data: DataConfig, own: DataConfig, split: str) -> str:
    """What the scored images are, and what they did for the run.

    Args:
        own: the data that the run was trained and validated on.
    """
    what = {**descriptions(data)}.get(split, "images of all splits")  # type: ignore[call-overload]
    foreign = (data.dataset, data.root) != (own.dataset, own.root)
    did = DID["test"] if foreign else DID.get(split, "trained it, chose the epoch, or neither")
    return f"They are {what if what == HELD_OUT else f'the {what}'}; for this run they {did}"


def _image_count(text: str) -> int:
    """The number that --limit was given; UserError where it is none."""
    if not (text.isascii() and text.isdecimal()):
        raise UserError(
            f"limit '{text}' was given: give a whole number of images, 0 for all.", field="limit"
        )
    return int(text)


def _with_data(config: RunConfig, changes: Mapping[str, str]) -> RunConfig:
    """The config with other data; fields without a meaning for that dataset get their defaults.

    Of other data than the run's own, no images were held out: their splits are the dataset's.
    """
    values = {**config.flat(), **changes}
    for name in DataConfig.meaningless(values):
        values[name] = DataConfig.model_fields[name].default
    own, other = config.resolved().data, RunConfig.from_flat(values, STORED).resolved()
    if (other.data.dataset, other.data.root) == (own.dataset, own.root):
        return other
    return RunConfig.from_flat({**other.flat(), "val_split": "official"}, STORED)


def predict_files(
    run: RunId,
    images: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE")],
    out: Path,
    overwrite: bool = False,
    runs_dir: Path = RUNS,
) -> int:
    """Predict masks of your own images with the best weights of a run.

    Args:
        run: Id of the run.
        images: Image files.
        out: Folder for the index masks (PNG, with the classes' colors as palette).
        overwrite: Replace files in that folder that have a mask's name (never the images).
        runs_dir: Folder that holds the runs.
    """
    opened = RunDir.open(runs_dir, run)
    if not images:
        raise UserError("Give at least one image to predict.")
    from segengine.inference.predict import predict_images  # imports torch, after the quick checks

    for path in predict_images(opened, images, out, overwrite=overwrite):
        say(str(path))
    return 0
