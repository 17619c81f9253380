"""Fills an encoder with ImageNet weights, those of an earlier run, or those of a file.

Every key of the encoder must be in the file, in its shape; the decoder keeps its random weights.
The lineage in the run's log records the file, its sha256 and the keys that were loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from segengine.config import ModelConfig
from segengine.errors import UserError
from segengine.files import sha256_of
from segengine.models import imagenet_file
from segengine.models.base import SegmentationModel
from segengine.run.lineage import Lineage, chain
from segengine.run.weights_source import weights_file
from segengine.weights.checkpoint import FORMAT, best_weights, load_tensors
from segengine.weights.identify import encoder_name_of
from segengine.weights.key_names import encoder_part

_WRAPPERS = ("state_dict", "model_state_dict", "model")  # keys of a state dict in published files


def load_encoder(model: SegmentationModel, config: ModelConfig, runs_dir: Path) -> Lineage:
    """Fill the encoder with the config's weights, and return their lineage.

    Args:
        runs_dir: the runs folder that `run:<id>` weights are taken from.

    Raises:
        UserError: the weights are missing, unreadable or do not fit; the model is then unchanged.
    """
    imagenet = config.weights == "imagenet"
    path = imagenet_file(config) if imagenet else weights_file(config, runs_dir)
    content = load_tensors(path)
    tensors, unmatched = _fitting_part(content, model, config)
    # Not the encoder's own load_state_dict: those of SMP change what they are given.
    nn.Module.load_state_dict(model.encoder, tensors, strict=True)
    sha256 = sha256_of(path)
    is_checkpoint = content.get("format") == FORMAT
    return {
        "source": config.weights,
        "file": str(path),
        "sha256": sha256,
        "matched": len(tensors),
        "matched_keys": list(tensors),
        "unmatched": unmatched,
        "chain": chain(content, path, sha256) if is_checkpoint else [],
    }


def _fitting_part(
    content: dict[str, Any], model: SegmentationModel, config: ModelConfig
) -> tuple[dict[str, Tensor], list[str]]:
    """(all tensors of the encoder, by its own names; the other keys of the file)."""
    given = _state_dict(content)
    wanted = model.encoder.state_dict()
    inside, others = encoder_part(given, wanted, tuple(model.unused_keys))
    # Older files lack batch norm's counter of batches, which nothing here uses.
    for key, value in wanted.items():
        if key.endswith("num_batches_tracked"):
            inside.setdefault(key, value)
    if problem := _misfit(inside, wanted):
        raise UserError(_refusal(problem, given, config), field="weights")
    return {key: inside[key] for key in wanted}, others


def _state_dict(content: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors of a file; of SegLab's checkpoints, the weights that were validated."""
    state: dict[str, Any] = content
    if content.get("format") == FORMAT:
        state = best_weights(content)
    for wrapper in _WRAPPERS:
        if isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    return {key: value for key, value in state.items() if isinstance(value, Tensor)}


def _misfit(given: dict[str, Tensor], wanted: dict[str, Tensor]) -> str:
    """Why the weights do not fill the encoder: the first wrong key or shape; "" where they do."""
    missing = [key for key in wanted if key not in given]
    if missing:
        return (
            f"{len(missing)} of its {len(wanted)} keys are missing, first '{missing[0]}'. "
            "Give weights of the same model."
        )
    for key, value in wanted.items():
        if given[key].shape != value.shape:
            return (
                f"'{key}' is {tuple(given[key].shape)} in the file, but the model needs "
                f"{tuple(value.shape)}. Give weights of the same size and stem."
            )
    extra = [key for key in given if key not in wanted]
    if extra:
        return (
            f"the file has {len(extra)} keys that the encoder lacks, first '{extra[0]}'. "
            "Give weights of the same model."
        )
    return ""


def _refusal(problem: str, given: dict[str, Tensor], config: ModelConfig) -> str:
    name = encoder_name_of(given)
    if name:
        return (
            f"weights '{config.weights}' are of the encoder {name}, but the model has the encoder "
            f"{config.encoder_name}: give weights of that encoder, or choose a model with {name}."
        )
    return f"weights '{config.weights}' do not fit the encoder of {config.arch}: {problem}"
