"""What needs torch to be known, and can be known before any data is read."""

from __future__ import annotations

import torch

from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.models import build_model


def dry_run(config: RunConfig) -> None:
    """Put one batch through the model on torch's meta device, which takes no memory.

    Raises:
        UserError: the model cannot train on batches of this size.
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
