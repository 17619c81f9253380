"""Models by name. One file an idea; importing this package does not import torch.

A model file offers

- `ENTRIES`, a literal read by `segengine.registry`: name -> label and the optional
  ModelConfig fields it takes,
- `build(config, classes)`, a `SegmentationModel` with random weights (never loaded ones),
- `imagenet_file(config)`, the file of its encoder's published ImageNet weights, downloaded once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segengine.config import ModelConfig
from segengine.registry import find

if TYPE_CHECKING:
    from segengine.models.base import SegmentationModel


def build_model(config: ModelConfig, classes: int) -> SegmentationModel:
    """The model that the config names, with random weights and `classes` output channels.

    Its encoder is frozen where the config says so.

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
