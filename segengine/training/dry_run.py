"""The checks that need torch or the network, made before a run folder exists."""

from __future__ import annotations

from pathlib import Path

import torch

from segengine.config import InvalidConfig, RunConfig
from segengine.datasets import open_dataset, prepare_dataset
from segengine.datasets.base import Progress
from segengine.datasets.check import require_sound
from segengine.device import pick_device
from segengine.errors import UserError
from segengine.launchers.preflight import preflight
from segengine.models import build_model
from segengine.weights.load_encoder import check_weights


def require_ready(config: RunConfig, runs_dir: Path, progress: Progress) -> None:
    """Do all that can fail before training: look, get the data and the weights, and check both.

    Raises:
        UserError: the run would fail; the sentence says why.
    """
    problems = preflight(config, runs_dir)
    if problems:
        raise InvalidConfig(problems)
    pick_device(config.train.device)
    check_step(config)
    prepare_dataset(config.data, progress)
    require_sound(config.data, progress)
    if config.model.strategy != "scratch":
        check_weights(config.model, len(open_dataset(config.data, "val").classes), runs_dir)


def check_step(config: RunConfig) -> None:
    """UserError where the model cannot train on batches of this size; no memory is taken."""
    batch, (height, width) = config.train.batch_size, config.data.height_width
    with torch.device("meta"):
        model = build_model(config.model, 2)
        if config.model.strategy == "frozen":
            model.freeze_encoder()
        try:
            model.train()(torch.empty(batch, 3, height, width))
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise UserError(str(error), field="image_size") from None
            raise UserError(
                f"batch_size 1 is too small for {config.model.arch} at {height}x{width} pixels: "
                "its batch norm would see one value a channel, which has no spread. Choose 2 or "
                "more images, or larger ones.",
                field="batch_size",
            ) from None
