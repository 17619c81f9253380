"""DeepLabV3+, U-Net, U-Net++ and FPN with any encoder of segmentation_models_pytorch (SMP).

Each of SMP's models is split into encoder and decoder, so that freezing, loading of weights and the
feature cache work as for the other models.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import torch
from segmentation_models_pytorch.encoders import encoders
from torch import Tensor, nn

from segengine.config import ModelConfig
from segengine.config.encoders import MIT, is_timms
from segengine.models import timm_encoders
from segengine.models.base import CLASSIFIERS, Features, SegmentationModel
from segengine.models.download import from_hub
from segengine.models.normalization import Normalization

ENTRIES = {
    "deeplabv3plus": {
        "label": "DeepLabV3+",
        "options": ["encoder"],
        "divisor": 16,
        "min_batch": 2,
        "year": 2018,
        "parameters": 22_437_971,
    },
    "smp_unet": {
        "label": "U-Net with a chosen encoder",
        "short": "U-Net",
        "options": ["encoder"],
        "year": 2015,
        "parameters": 24_436_659,
    },
    "unetplusplus": {
        "label": "U-Net++",
        "options": ["encoder"],
        "divisor": 32,
        "year": 2018,
        "parameters": 26_078_899,
    },
    "fpn": {
        "label": "FPN",
        "options": ["encoder"],
        "divisor": 32,
        "year": 2016,
        "parameters": 23_155_651,
    },
}

# Model -> SMP's class, and the levels that its decoder reads: level n has sides of size / 2^n.
_MODELS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "deeplabv3plus": (smp.DeepLabV3Plus, (2, 5)),  # Chen et al. 2018, arXiv 1802.02611
    "smp_unet": (smp.Unet, (1, 2, 3, 4, 5)),  # Ronneberger et al. 2015, arXiv 1505.04597
    "unetplusplus": (smp.UnetPlusPlus, (1, 2, 3, 4, 5)),  # Zhou et al. 2018, arXiv 1807.10165
    "fpn": (smp.FPN, (2, 3, 4, 5)),  # Kirillov et al. 2019, arXiv 1901.02446
}
ENCODER_LEVELS = 6  # of SMP's encoders; level 0 is the image


def build(config: ModelConfig, classes: int) -> SegmentationModel:
    """SMP's model with the config's encoder, with random weights."""
    model_class, levels = _MODELS[config.arch]
    # SMP's MiT reads values of a tensor while it is built, which the meta device does not allow.
    device = torch.get_default_device()
    with torch.device("cpu" if config.encoder in MIT else device):
        # By default SMP downloads ImageNet weights.
        whole = model_class(config.encoder, encoder_weights=None, classes=classes)
    return SMPModel(whole.to(device), levels, config.encoder)


def imagenet_file(config: ModelConfig) -> Path:
    """The encoder's ImageNet weights as SMP or timm publishes them; UserError without network."""
    if is_timms(config.encoder):
        return timm_encoders.imagenet_file(config.encoder)
    settings = encoders[config.encoder]["pretrained_settings"]["imagenet"]
    return from_hub(settings["repo_id"], settings["revision"])


class SMPModel(SegmentationModel):
    """One of SMP's models, split into encoder and decoder.

    Args:
        whole: the model.
        levels: the levels that its decoder reads; `encode` gives no others.
        encoder_name: SMP's name of the encoder.
    """

    def __init__(
        self, whole: smp.base.SegmentationModel, levels: tuple[int, ...], encoder_name: str
    ) -> None:
        decoder = SMPDecoder(whole.decoder, whole.segmentation_head)
        super().__init__(whole.encoder, decoder, unused_keys=CLASSIFIERS)
        # A level without channels is left out: transformers have none at half the image's size.
        self.levels = tuple(level for level in levels if whole.encoder.out_channels[level])

        self.encoder_name = encoder_name
        self.normalization = Normalization.of_encoder(encoder_name)

    def published_names(self) -> dict[str, str]:
        """Of timm's encoders: name in timm's file -> the encoder's own; "" where it lacks it."""
        if not is_timms(self.encoder_name):
            return {}
        return timm_encoders.published_names(self.encoder_name, self.encoder.state_dict())

    def encode(self, images: Tensor) -> Features:
        """Normalized images (N, 3, H, W) to the maps that the decoder reads, finest first."""
        features = super().encode(images)
        assert isinstance(features, list)
        return [features[level] for level in self.levels]

    def decode(self, features: Features, size: torch.Size | tuple[int, int]) -> Tensor:
        """Features to logits (N, classes, *size)."""
        assert isinstance(features, list)
        maps = dict(zip(self.levels, features, strict=True))
        # SMP's decoders take all levels; of a map that they do not read, the size is enough.
        height, width = size
        for level in set(range(ENCODER_LEVELS)).difference(maps):
            sides = (height >> level, width >> level)
            maps[level] = features[0].new_empty(len(features[0]), 0, *sides)
        return super().decode([maps[level] for level in range(ENCODER_LEVELS)], size)


class SMPDecoder(nn.Module):
    """SMP's decoder and its segmentation head, which upsamples to the images' size."""

    def __init__(self, decoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder
        self.head = head

    def forward(self, features: list[Tensor]) -> Tensor:
        """Maps (N, C, h, w) of all levels, finest first, to logits (N, classes, H, W)."""
        logits: Tensor = self.head(self.decoder(features))
        return logits
