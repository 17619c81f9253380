"""Filling an encoder: from ImageNet, from an earlier run or from a file. Strict, and on record.

Every key and shape of the encoder must be there; the decoder is always fresh. What was loaded, from
where and with which sha256 goes into the log as the run's lineage.
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
from segengine.weights.identify import encoder_of
from segengine.weights.key_names import encoder_part

_WRAPPERS = ("state_dict", "model_state_dict", "model")  # how published files are often wrapped


def load_encoder(model: SegmentationModel, config: ModelConfig, runs_dir: Path) -> Lineage:
    """Fill the encoder as the config says and return the lineage.

    Raises:
        UserError: the weights are missing, unreadable, or don't fit; the model is then unchanged.
    """
    imagenet = config.weights == "imagenet"
    path = imagenet_file(config) if imagenet else weights_file(config, runs_dir)
    content = load_tensors(path)
    tensors, unmatched = _fitting_part(content, model, config)
    # Not the encoder's own load_state_dict: SMP's change what they are given.
    nn.Module.load_state_dict(model.encoder, tensors, strict=True)
    sha256 = sha256_of(path)
    ours = content.get("format") == FORMAT
    return {
        "source": config.weights,
        "file": str(path),
        "sha256": sha256,
        "matched": len(tensors),
        "matched_keys": list(tensors),
        "unmatched": unmatched,
        "chain": chain(content, path, sha256) if ours else [],
    }


def _fitting_part(
    content: dict[str, Any], model: SegmentationModel, config: ModelConfig
) -> tuple[dict[str, Tensor], list[str]]:
    """(the encoder's tensors under its own names, complete; the other keys of the file)."""
    given = _state_dict(content)
    wanted = model.encoder.state_dict()
    inside, others = encoder_part(given, wanted, tuple(model.unused_keys))
    # Files from before batch norm counted its batches lack this one; it plays no part here.
    for key, value in wanted.items():
        if key.endswith("num_batches_tracked"):
            inside.setdefault(key, value)
    if problem := _misfit(inside, wanted):
        raise UserError(_refusal(problem, given, config), field="weights")
    return {key: inside[key] for key in wanted}, others


def _state_dict(content: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors of a file; of our checkpoints, the weights that validated."""
    state: dict[str, Any] = content
    if content.get("format") == FORMAT:
        state = best_weights(content)
    for wrapper in _WRAPPERS:
        if isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    return {key: value for key, value in state.items() if isinstance(value, Tensor)}


def _misfit(given: dict[str, Tensor], wanted: dict[str, Tensor]) -> str:
    """What keeps the weights from filling the encoder, by key and by shape; "" if nothing does."""
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
    name = encoder_of(given)
    if name:
        return (
            f"weights '{config.weights}' are of the encoder {name}, but the model has the encoder "
            f"{config.encoder_name}: give weights of that encoder, or choose a model with {name}."
        )
    return f"weights '{config.weights}' do not fit the encoder of {config.arch}: {problem}"
