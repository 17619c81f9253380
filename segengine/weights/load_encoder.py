"""Fills an encoder with ImageNet weights, those of an earlier run, or those of a file.

Every key of the encoder must be in the file, in its shape and finite; the decoder keeps its random
weights. Where a file holds several whole encoders that differ (a student and its teacher), a person
chooses: none is taken by chance. The lineage in the run's log records the file, its sha256, the
prefix and the keys that were loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from segengine.config import ModelConfig
from segengine.errors import UserError
from segengine.files import sha256_of
from segengine.models import imagenet_file
from segengine.models.base import SegmentationModel
from segengine.models.normalization import Normalization
from segengine.run.lineage import Lineage, chain
from segengine.run.weights_source import weights_file
from segengine.weights.checkpoint import FORMAT, load_checkpoint
from segengine.weights.contents import named_tensors, top_in_words
from segengine.weights.identify import encoder_name_of
from segengine.weights.integrity import parts_of
from segengine.weights.key_names import FoundEncoder, find_encoders
from segengine.weights.layouts import layouts
from segengine.weights.tensor_file import load_tensors

COUNTER = "num_batches_tracked"  # batch norm's, which older files lack and nothing here uses


def load_encoder(model: SegmentationModel, config: ModelConfig, runs_dir: Path) -> Lineage:
    """Fill the encoder with the config's weights, and return their lineage.

    Args:
        runs_dir: the runs folder that `run:<id>` weights are taken from.

    Raises:
        UserError: the weights are missing, unreadable, not finite or do not fit, or there are
            several to choose from; the model is then unchanged.
    """
    imagenet = config.weights == "imagenet"
    path = imagenet_file(config) if imagenet else weights_file(config, runs_dir)
    content = _content(path, config)
    is_checkpoint = content.get("format") == FORMAT
    with parts_of(path) if is_checkpoint else nullcontext():
        ancestors = chain(content, path, sha256_of(path)) if is_checkpoint else []
        normalization = Normalization.of_checkpoint(content) if is_checkpoint else None
        found = _the_encoder(content, model, config)
    own = model.encoder.state_dict()
    tensors = {name: found.tensor(name) if name in found.parts else own[name] for name in own}
    _check_finite(tensors, config)
    # Not the encoder's own load_state_dict: those of SMP change what they are given.
    nn.Module.load_state_dict(model.encoder, tensors, strict=True)
    if normalization:  # what the lender was trained with, not what its encoder was published with
        model.normalization = normalization
    return {
        "source": config.weights,
        "file": str(path),
        "sha256": sha256_of(path),
        "prefix": found.prefix,
        "names": found.library,
        "matched": len(tensors),
        "matched_keys": list(tensors),
        "unmatched": found.others,
        "chain": ancestors,
    }


def _content(path: Path, config: ModelConfig) -> dict[str, Any]:
    """What the file holds; our own checkpoints are compared with their run's log.

    Raises:
        UserError: it cannot be read, or is not what the log says.
    """
    is_run = config.weights.startswith("run:")
    content = {} if is_run else load_tensors(path)
    if not is_run and content.get("format") != FORMAT:
        return content
    try:
        return load_checkpoint(path)
    except UserError as error:
        raise UserError(f"weights {config.weights}: {error}", field="weights") from None


def _the_encoder(
    content: dict[str, Any], model: SegmentationModel, config: ModelConfig
) -> FoundEncoder:
    """The one encoder in the file that fits.

    Raises:
        UserError: none does, or several do whose numbers differ.
    """
    tensors = named_tensors(content)
    own = model.encoder.state_dict()
    wanted = {name: value.shape for name, value in own.items() if not name.endswith(COUNTER)}
    known = layouts(own, tuple(model.unused_keys), model.published_names())
    found = find_encoders(tensors, wanted, known, config.weights_prefix)
    fitting = _differing([one for one in found if not one.problem])
    if len(fitting) > 1:
        raise UserError(_question(fitting, config), field="weights")
    if fitting:
        return fitting[0]
    if config.weights_prefix and not found:
        raise UserError(
            f"weights_prefix '{config.weights_prefix}' is given, but under it weights "
            f"'{config.weights}' hold nothing of the encoder {config.encoder_name}. "
            f"{_top(content)} Leave it out, or give the prefix as it stands in the file.",
            field="weights_prefix",
        )
    raise UserError(_refusal(found[:1], content, tensors, config), field="weights")


def _differing(fitting: Sequence[FoundEncoder]) -> list[FoundEncoder]:
    """Without those that hold the same numbers as one before them."""
    kept: list[FoundEncoder] = []
    for one in fitting:
        if not any(one.equals(other) for other in kept):
            kept.append(one)
    return kept


def _question(fitting: Sequence[FoundEncoder], config: ModelConfig) -> str:
    """Which of the encoders is meant."""
    prefixes = sorted(one.shown_prefix for one in fitting)
    names = ", ".join(f"'{prefix}'" for prefix in prefixes[:5])
    return (
        f"weights '{config.weights}' hold {len(fitting)} whole encoders that differ, under "
        f"{names}: choose one with weights_prefix (--weights-prefix {prefixes[0]})."
    )


def _check_finite(tensors: dict[str, Tensor], config: ModelConfig) -> None:
    """UserError where a value that would be loaded is NaN or infinite."""
    broken = [name for name, value in tensors.items() if not value.isfinite().all()]
    if broken:
        first = tensors[broken[0]]
        count = int((~first.isfinite()).sum())
        raise UserError(
            f"weights '{config.weights}' hold NaN or infinite values in {len(broken)} of the "
            f"encoder's {len(tensors)} keys, first '{broken[0]}' ({count:,} of {first.numel():,} "
            "values): their training diverged or the file is damaged. Give other weights.",
            field="weights",
        )


def _refusal(
    nearest: Sequence[FoundEncoder],
    content: dict[str, Any],
    tensors: dict[str, Tensor],
    config: ModelConfig,
) -> str:
    """Why nothing in the file fills the encoder, and what the file holds."""
    name = encoder_name_of(tensors)
    if name and name != config.encoder_name:
        return (
            f"weights '{config.weights}' are of the encoder {name}, but the model has the encoder "
            f"{config.encoder_name}: give weights of that encoder, or choose a model with {name}."
        )
    if not tensors:
        return f"weights '{config.weights}' hold no tensors. {_top(content)} Give other weights."
    begin = f"weights '{config.weights}' do not fit the encoder of {config.arch}"
    if not nearest or not nearest[0].matches:
        return (
            f"{begin}: all {len(tensors)} of their names are unknown to it. {_top(content)} Give "
            "weights of the same model in the names of its library (SMP, timm, torchvision, "
            "transformers, mmsegmentation or EfficientNet-PyTorch)."
        )
    one = nearest[0]
    return (
        f"{begin}: {one.problem}. {_top(content)} Nearest are {one.matches} keys in the names "
        f"of {one.library}, under '{one.shown_prefix}'. Give weights of the same model."
    )


def _top(content: dict[str, Any]) -> str:
    return f"The file holds {top_in_words(content)}."
