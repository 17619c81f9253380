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
from segengine.registry import find
from segengine.run.rundir import absolute
from segengine.run.weights_source import weights_file


def preflight(config: RunConfig, runs_dir: Path) -> dict[str, str]:
    """Field name -> sentence, for everything that would make this run fail; empty if it can start.

    The dataset's lists are read, not its pixels: a damaged file shows when the run reads it, and
    then fails the run.
    """
    problems: dict[str, str] = {}
    for check in (_check_data, _check_weights, _check_loss, _check_device):
        try:
            check(config, runs_dir)
        except UserError as error:
            problems[error.field] = str(error)
    try:
        check_writable(runs_dir)
    except UserError as error:
        problems["runs_dir"] = str(error)
    return problems


def require_startable(config: RunConfig, runs_dir: Path) -> None:
    """Refuse a run that would fail.

    Raises:
        InvalidConfig: with everything that `preflight` finds.
    """
    problems = preflight(config, runs_dir)
    if problems:
        raise InvalidConfig(problems)


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


def _check_loss(config: RunConfig, runs_dir: Path) -> None:
    """A loss for two classes needs data of two classes."""
    loss = find("losses", config.optim.loss)
    if loss.classes:  # else the masks need not be looked at
        check_classes(loss, len(dataset_classes(config.data)))


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
