"""The dry run: the checks of a config that need torch but no data."""

from __future__ import annotations

import torch

from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.models import build_model


def dry_run(config: RunConfig) -> None:
    """Run one batch through the model on torch's meta device, which takes no memory.

    Raises:
        UserError: the images are too small for the model, or the batch for its batch norm.
    """
    batch_size, (height, width) = config.train.batch_size, config.data.height_width
    with torch.device("meta"):
        model = build_model(config.model, classes=2)
        try:
            model.train()(torch.empty(batch_size, 3, height, width))
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise UserError(str(error), field="image_size") from None
            raise UserError(
                f"batch_size {batch_size} is too small for {config.model.arch} at {height}x{width} "
                "pixels: its batch norm would see one value per channel, which has no spread. "
                "Choose 2 or more images, or larger ones.",
                field="batch_size",
            ) from None
