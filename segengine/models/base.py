"""What every model is: an encoder, which can be filled and frozen, and a decoder."""

from __future__ import annotations

import contextlib
import hashlib
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segengine.models.normalization import IMAGENET

Features = list[Tensor] | dict[str, Tensor]  # an encoder's feature maps

# Prefixes of the classifiers' keys in published encoder weights; no model here uses them.
CLASSIFIERS = ("fc.", "_fc.", "last_linear.", "classifier.", "head.", "linear.")


class SegmentationModel(nn.Module):
    """Images to logits of the same size: encoder, then decoder, then bilinear upsampling.

    Args:
        encoder: images to features. Its parameters have their published names, so that published
            weights load without renaming.
        decoder: features to logits (N, classes, h, w) at any resolution.
        unused_keys: prefixes of keys in the published weights that are no part of the encoder,
            such as the ImageNet classifier.
        aux: an auxiliary decoder, used in training only.

    Attributes:
        frozen: whether the encoder is frozen.
        normalization: how its images are normalized.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        unused_keys: tuple[str, ...] = (),
        aux: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.aux = aux
        self.unused_keys = unused_keys
        self.frozen = False
        self.normalization = IMAGENET

    def forward(self, images: Tensor) -> Tensor:
        """Normalized images (N, 3, H, W), float, to logits (N, classes, H, W)."""
        return self.decode(self.encode(images), images.shape[-2:])

    def encode(self, images: Tensor) -> Features:
        """Normalized images (N, 3, H, W) to features, which have no graph where it is frozen."""
        with torch.no_grad() if self.frozen else contextlib.nullcontext():
            features: Features = self.encoder(images)
        return features

    def decode(self, features: Features, size: torch.Size | tuple[int, int]) -> Tensor:
        """Features to logits (N, classes, *size); `size` is (height, width) in pixels."""
        return upsampled(self.decoder(features), size)

    def decode_aux(self, features: Features, size: torch.Size | tuple[int, int]) -> Tensor:
        """Features to logits (N, classes, *size) of the auxiliary decoder, which must be there."""
        assert self.aux is not None
        return upsampled(self.aux(features), size)

    def published_names(self) -> dict[str, str]:
        """Name in published weights -> the encoder's own, where these differ; else empty.

        A name stands for "" where the encoder lacks it.
        """
        return {}

    def freeze_encoder(self) -> None:
        """Keep the whole encoder as it is from now on.

        Its parameters get no gradients, and `train()` leaves it in evaluation mode: batch-norm
        statistics are fixed, dropout and stochastic depth are off.
        """
        self.frozen = True
        for parameter in self.encoder.parameters():
            parameter.requires_grad_(False)
            parameter.grad = None
        self.encoder.eval()

    def train(self, mode: bool = True) -> SegmentationModel:
        """Like `nn.Module.train`, but a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self


def upsampled(maps: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Maps (N, C, h, w) to (N, C, *size), bilinear; the same tensor where they have that size."""
    if maps.shape[-2:] == size:
        return maps
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


class ParameterCount(NamedTuple):
    """Numbers of parameters, without buffers such as batch-norm statistics."""

    total: int
    trainable: int


def count_parameters(module: nn.Module) -> ParameterCount:
    """All parameters of a module, and those that are trained."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in module.parameters()]
    trainable = sum(size for size, is_trained in sizes if is_trained)
    return ParameterCount(sum(size for size, _ in sizes), trainable)


def encoder_hash(model: SegmentationModel) -> str:
    """sha256 (hex) of the encoder's whole state: names, types, shapes and values, sorted by name.

    Buffers are included. Device and memory format make no difference.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.encoder.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        values = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(values.view(torch.uint8).numpy().data)
    return digest.hexdigest()
