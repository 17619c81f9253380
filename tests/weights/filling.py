"""Models whose encoders are filled from files of a test."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segengine.config import ModelConfig
from segengine.models import build_model
from segengine.models.base import SegmentationModel
from segengine.weights.load_encoder import load_encoder

Weights = dict[str, Tensor]


def started_from(weights: Path | str, **values: Any) -> ModelConfig:
    return ModelConfig(strategy="pretrained", weights=str(weights), **values)


def fresh(config: ModelConfig, classes: int = 3) -> SegmentationModel:
    torch.manual_seed(0)
    return build_model(config, classes)


def filled(config: ModelConfig, runs_dir: Path) -> tuple[SegmentationModel, dict[str, Any]]:
    """(a fresh model with its encoder filled, the lineage)."""
    model = fresh(config)
    return model, load_encoder(model, config, runs_dir)


def fill_nothing(config: ModelConfig, runs_dir: Path) -> None:
    """Try to fill a model that takes no memory."""
    with torch.device("meta"):
        model = build_model(config, 3)
    load_encoder(model, config, runs_dir)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def saved(tmp_path: Path, weights: object, name: str = "weights.pt") -> Path:
    torch.save(weights, tmp_path / name)
    return tmp_path / name
