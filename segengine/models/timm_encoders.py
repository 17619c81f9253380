"""timm's encoders, as SMP wraps them ("tu-" and timm's name): their published names and weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import timm
import torch
from timm.models import get_pretrained_cfg

from segengine.models.download import from_hub

WRAPPER = "model."  # what SMP puts before timm's names


def published_names(encoder: str, own_names: Iterable[str]) -> dict[str, str]:
    """Name in timm's published file -> the encoder's name; "" for what the encoder lacks.

    Inside an encoder timm joins some names by underscores ("stages.0" becomes "stages_0"), and it
    leaves out the classifier and what belongs to it.

    Args:
        encoder: the encoder's name, such as "tu-convnext_tiny".
        own_names: the encoder's own names.
    """
    own = {_folded(name.removeprefix(WRAPPER)): name for name in own_names}
    with torch.device("meta"):  # takes no memory
        whole = timm.create_model(encoder.removeprefix("tu-"), pretrained=False)
    return {name: own.get(_folded(name), "") for name in whole.state_dict()}


def _folded(name: str) -> str:
    return name.replace("_", ".")


def imagenet_file(encoder: str) -> Path:
    """The file that timm publishes; UserError where it cannot be had."""
    settings = get_pretrained_cfg(encoder.removeprefix("tu-"))
    assert settings and settings.hf_hub_id, encoder  # a test holds this for every name offered
    return from_hub(settings.hf_hub_id, "main")
