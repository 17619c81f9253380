"""What can be known to be wrong before a run starts, quickly and without torch."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from segengine.config import InvalidConfig, RunConfig
from segengine.datasets import dataset_classes
from segengine.datasets.splits.roles import role_sizes
from segengine.errors import UserError
from segengine.losses import check_classes
from segengine.models.published import published_imagenet
from segengine.registry import find
from segengine.run.rundir import absolute
from segengine.run.weights_source import weights_file


def preflight(config: RunConfig, runs_dir: Path) -> dict[str, UserError]:
    """Field name -> error, for everything that would make this run fail; empty if it can start.

    The dataset's lists are read, and which classes its masks hold where nothing declares them
    (once: the answer is kept). Other pixels are not: a damaged file shows when the run reads it.
    """
    problems: dict[str, UserError] = {}
    for check in (_check_data, _check_classes, _check_weights, _check_device):
        try:
            check(config, runs_dir)
        except UserError as error:
            problems.setdefault(error.field, error)
    try:
        check_writable(runs_dir)
    except UserError as error:
        problems["runs_dir"] = error
    return problems


def require_startable(config: RunConfig, runs_dir: Path) -> None:
    """Refuse a run that would fail.

    Raises:
        InvalidConfig: with everything that `preflight` finds.
    """
    problems = preflight(config, runs_dir)
    if problems:
        raise InvalidConfig({field: str(error) for field, error in problems.items()})


def check_writable(runs_dir: Path) -> None:
    """Refuse a runs folder in which no run folder could be made.

    Raises:
        UserError: it is one.
    """
    folder = absolute(runs_dir)
    while not os.path.lexists(folder):  # stops at a link to a disk that is not mounted
        folder = folder.parent
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(
            f"Runs cannot be saved in {runs_dir}: {folder} is not a folder you can write to. "
            "Choose another with --runs-dir (or SEGLAB_RUNS for the dashboard).",
            field="runs_dir",
        )


def _check_data(config: RunConfig, runs_dir: Path) -> None:
    sizes = role_sizes(config.data)
    if config.train.batch_size > sizes["train"]:
        raise UserError(
            f"batch_size {config.train.batch_size} is larger than the training set "
            f"({sizes['train']:,} images): choose at most {sizes['train']}.",
            field="batch_size",
        )


def _check_weights(config: RunConfig, runs_dir: Path) -> None:
    if config.model.loads_weights and config.model.weights != "imagenet":
        weights_file(config.model, runs_dir)
    if config.model.weights == "imagenet" and config.model.stem == "small":
        raise UserError(
            "weights imagenet exist for stem paper only: choose it, or give run:<id> or a file.",
            field="weights",
        )
    if config.model.loads_weights and config.model.weights == "imagenet":
        _check_download(config)


def _check_download(config: RunConfig) -> None:
    """ImageNet weights must be here, or the site that has them must answer."""
    published = published_imagenet(config.model)
    if not published.cached and not published.reachable():
        raise UserError(
            f"weights imagenet are not on this machine, and {published.host} does not answer: "
            f"fetch {published.url} where there is a network and give the file, or choose another "
            "source.",
            field="weights",
        )


def _check_classes(config: RunConfig, runs_dir: Path) -> None:
    """The classes must follow from the masks; a loss for two classes needs two."""
    classes = dataset_classes(config.data)
    check_classes(find("losses", config.optim.loss), len(classes))


def _check_device(config: RunConfig, runs_dir: Path) -> None:
    if config.train.device == "cuda" and not shutil.which("nvidia-smi"):
        raise UserError(
            "device cuda was given, but this machine has no NVIDIA GPU (nvidia-smi is missing): "
            "choose auto or cpu.",
            field="device",
        )
    if config.train.compile and (config.train.device == "cpu" or not shutil.which("nvidia-smi")):
        raise UserError(
            "compile was asked for, but it gains nothing without an NVIDIA GPU: leave it out.",
            field="compile",
        )
