"""Identifies the encoder that a file's weights are of, for errors where it is not the model's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

import torch
from torch import Tensor, nn

from segengine.config import ModelConfig, encoders
from segengine.models import build_model
from segengine.models.base import CLASSIFIERS
from segengine.weights.key_names import find_encoders
from segengine.weights.layouts import layouts

_SMALL = ", small stem"


def encoder_name_of(tensors: Mapping[str, Tensor]) -> str:
    """The encoder's name, as `ModelConfig.encoder_name` gives it; "" where no known one fits.

    Names and shapes are compared with those of the known encoders, built on the meta device.
    """
    for family in _families(tensors):
        closest = 0.0
        for name in family:
            wanted = _shapes(name)
            found = find_encoders(tensors, wanted, layouts(wanted, CLASSIFIERS, {}))
            if found and not found[0].problem:
                return name
            names = set(filter(_is_compared, found[0].parts if found else ()))
            common = len(names & wanted.keys()) / len(names | wanted.keys())
            closest = max(closest, common)
            if common < 0.02:
                break  # of another family: no other encoder of this one needs to be built
        if closest > 0.9:
            break  # of this family, but none of its encoders
    return ""


def _families(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, ...]]:
    """The names of the known encoders, grouped by the names of their layers."""
    yield tuple(name + stem for stem in ("", _SMALL) for name in encoders.MIT)
    unet = [value for key, value in tensors.items() if key.endswith("levels.0.0.weight")]
    if unet and 4 <= len(unet[0]) <= 256:
        yield (f"unet, base width {len(unet[0])}",)
    yield from (family for family in encoders.FAMILIES if family is not encoders.MIT)


@cache
def _shapes(name: str) -> dict[str, torch.Size]:
    with torch.device("meta"):
        state = _encoder(name).state_dict()
    return {key: value.shape for key, value in state.items() if _is_compared(key)}


def _encoder(name: str) -> nn.Module:
    """The encoder of that name, with random weights."""
    if match := re.fullmatch(r"unet, base width (\d+)", name):
        return build_model(ModelConfig(arch="unet", base_width=int(match[1])), 2).encoder
    if name.startswith("mit_"):
        arch = name.removesuffix(_SMALL).replace("mit", "segformer")
        stem = "small" if name.endswith(_SMALL) else "paper"
        return build_model(ModelConfig(arch=arch, stem=stem), 2).encoder
    from segmentation_models_pytorch.encoders import get_encoder  # slow to import

    encoder: nn.Module = get_encoder(name, weights=None)
    return encoder


def _is_compared(key: str) -> bool:
    return not key.endswith("num_batches_tracked")  # older files lack it
