"""Where a run's first weights lie: the file that `run:<id>` or a path stands for. No torch."""

from __future__ import annotations

import zipfile
from pathlib import Path

from segengine.config import ModelConfig
from segengine.errors import UserError
from segengine.run.rundir import RunDir


def weights_file(config: ModelConfig, runs_dir: Path) -> Path:
    """The file that `run:<id>` or a path stands for (not for "imagenet").

    Raises:
        UserError: there is none, or it is not a whole checkpoint.
    """
    if config.weights.startswith("run:"):
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
        path = source.best_checkpoint
        if not path.is_file():
            raise UserError(
                f"weights {config.weights}: that run has no checkpoint yet; it saves one at its "
                "first validation.",
                field="weights",
            )
    else:
        path = Path(config.weights).expanduser()
        if path.is_dir():
            raise UserError(
                f"weights '{config.weights}' is a folder: give a file in it, or run:<id> for a run "
                "of this runs folder.",
                field="weights",
            )
        if not path.is_file():
            raise UserError(
                f"weights '{config.weights}': there is no such file; give imagenet, run:<id> or a "
                "checkpoint file.",
                field="weights",
            )
    check_container(path)
    return path


def check_container(path: Path) -> None:
    """UserError where a file is neither safetensors nor a whole PyTorch checkpoint (a zip)."""
    if path.suffix != ".safetensors" and not zipfile.is_zipfile(path):
        raise UserError(
            f"{path} is not a whole PyTorch checkpoint: it is truncated, or something else. Give a "
            ".pt/.pth file saved by PyTorch 1.6 or newer, or .safetensors.",
            field="weights",
        )
