"""Models by name, one file per model or family. Importing this package does not import torch.

A model file offers

- `ENTRIES`, a literal read by `segengine.registry`: name -> label and the optional ModelConfig
  fields that it takes,
- `build(config, classes)`, a `SegmentationModel` with random weights (never loaded ones),
- `imagenet_file(config)`, the file of its encoder's published ImageNet weights, downloaded once;
  not needed where the entry says `"imagenet": False`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segengine.config import ModelConfig
from segengine.registry import find

if TYPE_CHECKING:
    from segengine.models.base import SegmentationModel


def build_model(config: ModelConfig, classes: int) -> SegmentationModel:
    """The model that the config names, with random weights; its encoder is frozen where asked for.

    Args:
        classes: channels of the logits, one per class.

    Raises:
        UserError: no model has that name.
    """
    model: SegmentationModel = find("models", config.arch).load().build(config, classes)
    if config.frozen:
        model.freeze_encoder()
    return model


def imagenet_file(config: ModelConfig) -> Path:
    """The file of the encoder's published ImageNet weights; UserError where it cannot be had."""
    path: Path = find("models", config.arch).load().imagenet_file(config)
    return path
