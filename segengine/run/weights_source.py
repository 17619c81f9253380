"""The file of a run's first weights: what `run:<id>` or a path stands for. No torch."""

from __future__ import annotations

import os
from pathlib import Path

from segengine.config import ModelConfig
from segengine.errors import UserError
from segengine.files.typed_paths import looking_at, shortened, typed_path
from segengine.run.rundir import RunDir
from segengine.run.weights_container import check_container


def weights_file(config: ModelConfig, runs_dir: Path) -> Path:
    """The file that `run:<id>` or a path stands for (not for "imagenet").

    Raises:
        UserError: there is none, it is not a whole checkpoint, or the run has another encoder.
    """
    of_run = config.weights.startswith("run:")
    path = _best_of_run(config, runs_dir) if of_run else _given_file(config.weights)
    check_container(path)
    return path


def _best_of_run(config: ModelConfig, runs_dir: Path) -> Path:
    try:
        source = RunDir.open(runs_dir, config.weights.removeprefix("run:"))
        theirs, ours = source.config().model.encoder_name, config.encoder_name
    except UserError as error:
        raise UserError(f"weights {config.weights}: {error}", field="weights") from None
    if theirs != ours:
        raise UserError(
            f"weights {config.weights} are of the encoder {theirs}, but this run has the "
            f"encoder {ours}: choose a run with that encoder.",
            field="weights",
        )
    if not os.path.isfile(source.best_checkpoint):
        raise UserError(
            f"weights {config.weights}: that run has no checkpoint yet; it saves one at its "
            "first validation.",
            field="weights",
        )
    return source.best_checkpoint


def _given_file(weights: str) -> Path:
    path = typed_path(weights, "weights")
    with looking_at(weights, "weights"):
        is_folder, is_file = path.is_dir(), path.is_file()
    if is_folder:
        raise UserError(
            f"weights {shortened(weights)} is a folder: give a file in it, or run:<id> for a run "
            "of this runs folder.",
            field="weights",
        )
    if not is_file:
        raise UserError(
            f"weights {shortened(weights)}: there is no such file; give imagenet, run:<id> or a "
            "checkpoint file.",
            field="weights",
        )
    return path
