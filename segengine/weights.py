"""Filling an encoder: from ImageNet, from an earlier run or from a file. Strict, and on record.

Every key and shape of the encoder must be there; the decoder is always fresh. What was loaded, from
where and with which sha256 goes into the log as the run's lineage.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segengine.checkpoint import FORMAT, load_tensors, sha256_of
from segengine.config import ModelConfig
from segengine.errors import UserError
from segengine.models import build_model
from segengine.models.base import SegmentationModel
from segengine.preflight import weights_file
from segengine.registry import find

_OURS = "encoder."


def load_encoder(model: SegmentationModel, config: ModelConfig, runs_dir: Path) -> dict[str, Any]:
    """Fill the encoder as the config says and return the lineage.

    Returns:
        {source, file, sha256, matched (count), matched_keys, unmatched (keys of the file that are
        not the encoder's)}.

    Raises:
        UserError: the weights are missing, unreadable, or don't fit; the model is then unchanged.
    """
    path = _file(config, runs_dir)
    tensors, unmatched = _fitting_part(load_tensors(path), model, config)
    model.encoder.load_state_dict(tensors, strict=True)
    return {
        "source": config.weights,
        "file": str(path),
        "sha256": sha256_of(path),
        "matched": len(tensors),
        "matched_keys": list(tensors),
        "unmatched": unmatched,
    }


def check_weights(config: ModelConfig, classes: int, runs_dir: Path) -> None:
    """UserError where `load_encoder` would fail; downloads published weights, builds no model."""
    with torch.device("meta"):
        model = build_model(config, classes)
    _fitting_part(load_tensors(_file(config, runs_dir)), model, config)


def _file(config: ModelConfig, runs_dir: Path) -> Path:
    if config.weights != "imagenet":
        return weights_file(config, runs_dir)
    path: Path = find("models", config.arch).load().imagenet_file(config)
    return path


def _fitting_part(
    given: dict[str, Any], model: SegmentationModel, config: ModelConfig
) -> tuple[dict[str, Tensor], list[str]]:
    """(the encoder's tensors under its own names, complete; the other keys of the file)."""
    tensors, unmatched = _encoder_part(given, model)
    wanted = model.encoder.state_dict()
    # Files from before batch norm counted its batches lack this one; it plays no part here.
    for key, value in wanted.items():
        if key.endswith("num_batches_tracked"):
            tensors.setdefault(key, value)
    _check_fit(tensors, wanted, config)
    return tensors, unmatched


def _encoder_part(
    given: dict[str, Any], model: SegmentationModel
) -> tuple[dict[str, Tensor], list[str]]:
    """(the encoder's tensors under the encoder's own names, the other keys of the file)."""
    state = given["model"] if given.get("format") == FORMAT else given
    for wrapper in ("state_dict", "model"):  # how published files are often wrapped
        if isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    tensors = {key: value for key, value in state.items() if isinstance(value, Tensor)}
    if any(key.startswith(_OURS) for key in tensors):
        inside = {key.removeprefix(_OURS): tensors[key] for key in tensors if key.startswith(_OURS)}
        return inside, [key for key in tensors if not key.startswith(_OURS)]
    unused = tuple(model.unused_keys)
    inside = {key: value for key, value in tensors.items() if not key.startswith(unused)}
    return inside, [key for key in tensors if key not in inside]


def _check_fit(given: dict[str, Tensor], wanted: dict[str, Tensor], config: ModelConfig) -> None:
    """Every key of the encoder, with its shape, and no key besides."""
    where = f"weights '{config.weights}' do not fit the encoder of {config.arch}"
    missing = [key for key in wanted if key not in given]
    if missing:
        raise UserError(
            f"{where}: {len(missing)} of its {len(wanted)} keys are missing, first '{missing[0]}'. "
            "Give weights of the same model.",
            field="weights",
        )
    for key, value in wanted.items():
        if given[key].shape != value.shape:
            raise UserError(
                f"{where}: '{key}' is {tuple(given[key].shape)} in the file, but the model needs "
                f"{tuple(value.shape)}. Give weights of the same size and stem.",
                field="weights",
            )
    extra = [key for key in given if key not in wanted]
    if extra:
        raise UserError(
            f"{where}: the file has {len(extra)} keys that the encoder lacks, first '{extra[0]}'. "
            "Give weights of the same model.",
            field="weights",
        )
