"""SegFormer B0 to B5 (Xie et al. 2021, arXiv 2105.15203), written from the paper.

Two stems: the paper's, and a finer one for small images (5x5 stride 2, no stochastic depth, fuse
convolution with a bias). The decoder is the paper's all-MLP one, computed in a folded order.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segengine.config import ModelConfig
from segengine.errors import UserError
from segengine.models.base import SegmentationModel, upsampled
from segengine.models.download import from_hub
from segengine.models.mit import MixTransformer, init_mit_weights

ENTRIES = {
    "segformer_b0": {
        "label": "SegFormer-B0",
        "options": ["stem", "drop_path"],
        "encoder": "mit_b0",
        "year": 2021,
        "parameters": 3_714_915,
    },
    "segformer_b1": {
        "label": "SegFormer-B1",
        "options": ["stem", "drop_path"],
        "encoder": "mit_b1",
        "year": 2021,
        "parameters": 13_678_019,
    },
    "segformer_b2": {
        "label": "SegFormer-B2",
        "options": ["stem", "drop_path"],
        "encoder": "mit_b2",
        "year": 2021,
        "parameters": 27_348_931,
    },
    "segformer_b3": {
        "label": "SegFormer-B3",
        "options": ["stem", "drop_path"],
        "encoder": "mit_b3",
        "year": 2021,
        "parameters": 47_224_771,
    },
    "segformer_b4": {
        "label": "SegFormer-B4",
        "options": ["stem", "drop_path"],
        "encoder": "mit_b4",
        "year": 2021,
        "parameters": 63_995_331,
    },
    "segformer_b5": {
        "label": "SegFormer-B5",
        "options": ["stem", "drop_path"],
        "encoder": "mit_b5",
        "year": 2021,
        "parameters": 84_595_651,
    },
}


class Variant(NamedTuple):
    """What differs from B0 to B5."""

    widths: tuple[int, int, int, int]  # channels per stage
    depths: tuple[int, int, int, int]  # blocks per stage
    decoder_channels: int


class Stem(NamedTuple):
    """The first patch embedding, and what goes with it."""

    kernel: int  # pixels
    stride: int  # pixels
    stochastic_depth: bool
    fuse_bias: bool  # whether the decoder's fuse convolution has a bias


WIDE = (64, 128, 320, 512)
VARIANTS = {
    "segformer_b0": Variant((32, 64, 160, 256), (2, 2, 2, 2), 256),
    "segformer_b1": Variant(WIDE, (2, 2, 2, 2), 256),
    "segformer_b2": Variant(WIDE, (3, 4, 6, 3), 768),
    "segformer_b3": Variant(WIDE, (3, 4, 18, 3), 768),
    "segformer_b4": Variant(WIDE, (3, 8, 27, 3), 768),
    "segformer_b5": Variant(WIDE, (3, 6, 40, 3), 768),
}
STEMS = {
    "paper": Stem(kernel=7, stride=4, stochastic_depth=True, fuse_bias=False),
    "small": Stem(kernel=5, stride=2, stochastic_depth=False, fuse_bias=True),
}


def build(config: ModelConfig, classes: int) -> SegmentationModel:
    """SegFormer of the config's variant and stem, with random weights."""
    (widths, depths, channels), stem = VARIANTS[config.arch], STEMS[config.stem]
    drop_path = config.drop_path if stem.stochastic_depth else 0.0
    encoder = MixTransformer(widths, depths, stem.kernel, stem.stride, drop_path)
    decoder = SegFormerDecoder(widths, channels, classes, stem.fuse_bias)
    return SegmentationModel(encoder, decoder, unused_keys=("head.",))


def imagenet_file(config: ModelConfig) -> Path:
    """MiT weights as segmentation_models_pytorch publishes them (NVIDIA: non-commercial use).

    Raises:
        UserError: they cannot be downloaded, or the stem is the small one.
    """
    if config.stem != "paper":
        raise UserError(
            f"ImageNet weights exist for the paper's stem only, but stem '{config.stem}' was "
            "given: choose stem paper, or weights from a run with the small stem.",
            field="weights",
        )
    from segmentation_models_pytorch.encoders import encoders  # slow to import

    encoder = encoders[config.arch.replace("segformer", "mit")]
    settings = encoder["pretrained_settings"]["imagenet"]
    return from_hub(settings["repo_id"], settings["revision"])


class SegFormerDecoder(nn.Module):
    """The all-MLP decoder: one linear layer per level, upsampling, concatenation, fuse, classify.

    The linears and the fuse convolution act on channels, bilinear upsampling on positions, so their
    order is free. Each level's linear and its slice of the fuse convolution are multiplied into one
    small matrix, applied before upsampling; the levels are then added. Same result as the plain
    order, without the four times wider concatenation.

    The parameters are the plain decoder's; `fuse` takes the levels coarsest first, as published.

    Args:
        widths: channels of the levels, finest first.
        channels: channels of each level after its linear layer, and of their fusion.
        classes: channels of the logits.
        fuse_bias: whether the fuse convolution has a bias.
    """

    def __init__(
        self, widths: tuple[int, ...], channels: int, classes: int, fuse_bias: bool
    ) -> None:
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(width, channels) for width in widths)
        self.fuse = nn.Conv2d(len(widths) * channels, channels, 1, bias=fuse_bias)
        self.norm = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout2d(0.1, inplace=True)
        self.classifier = nn.Conv2d(channels, classes, 1)
        self.apply(init_mit_weights)
        nn.init.normal_(self.classifier.weight, std=0.01)  # small first logits, as official

    def forward(self, features: list[Tensor]) -> Tensor:
        """Token maps (N, h, w, C), finest first, to logits (N, classes, h, w) of the finest."""
        fused = self.dropout(self.norm(self._fused(features)))
        # Dropping channels before or after ReLU is the same; before it, both work in place.
        logits: Tensor = self.classifier(F.relu(fused, inplace=True))
        return logits

    def _fused(self, features: list[Tensor]) -> Tensor:
        """Linears, upsampling, concatenation and fuse convolution: (N, channels, h, w)."""
        slices = self.fuse.weight.flatten(1).chunk(len(features), dim=1)[::-1]  # finest first
        matrices, offsets = [], []
        for fuse_slice, linear in zip(slices, self.linears, strict=True):
            assert isinstance(linear, nn.Linear)
            matrices.append(fuse_slice @ linear.weight)  # (channels, width)
            offsets.append(fuse_slice @ linear.bias)
        if self.fuse.bias is not None:
            offsets.append(self.fuse.bias)
        # Upsampling does not change a constant: all offsets are added once, at the finest level.
        finest = F.linear(features[0], matrices[0], torch.stack(offsets).sum(0)).permute(0, 3, 1, 2)
        levels = [
            upsampled(F.linear(tokens, matrix).permute(0, 3, 1, 2), finest.shape[-2:])
            for tokens, matrix in zip(features[1:], matrices[1:], strict=True)
        ]
        fused = finest + levels[0]  # a new tensor: in place, autograd would copy the view
        for level in levels[1:]:
            fused += level
        return fused
