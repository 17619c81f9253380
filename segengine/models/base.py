"""What every model is: an encoder, which weights can be loaded into and frozen, and a decoder."""

from __future__ import annotations

import contextlib
import hashlib
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Features = list[Tensor] | dict[str, Tensor]

# The classifiers in the published weights of encoders: prefixes of keys that nothing here uses.
CLASSIFIERS = ("fc.", "_fc.", "last_linear.", "classifier.", "head.", "linear.")


class SegmentationModel(nn.Module):
    """Images to logits of the same size: encoder, then decoder, then bilinear upsampling.

    Args:
        encoder: images to features. Its parameter names are the published ones, so that published
            weights load without renaming.
        decoder: features to logits (N, classes, h, w) at any resolution.
        unused_keys: prefixes of keys in the published weights that are no part of the encoder,
            such as the ImageNet classification head.
        aux: a second, auxiliary decoder that only training uses.
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

    def forward(self, images: Tensor) -> Tensor:
        """Normalized images (N, 3, H, W), float, to logits (N, classes, H, W)."""
        return self.decode(self.encode(images), images.shape[-2:])

    def encode(self, images: Tensor) -> Features:
        """Normalized images (N, 3, H, W) to the encoder's features; a frozen one has no graph."""
        with torch.no_grad() if self.frozen else contextlib.nullcontext():
            features: Features = self.encoder(images)
        return features

    def decode(self, features: Features, size: torch.Size | tuple[int, int]) -> Tensor:
        """Features to logits (N, classes, *size)."""
        return _resized(self.decoder(features), size)

    def decode_aux(self, features: Features, size: torch.Size | tuple[int, int]) -> Tensor:
        """Features to logits (N, classes, *size) of the auxiliary decoder, where there is one."""
        assert self.aux is not None
        return _resized(self.aux(features), size)

    def freeze_encoder(self) -> None:
        """From now on nothing in the encoder moves.

        No gradients, and `train()` leaves it in eval mode: batch-norm statistics, dropout and
        stochastic depth stand still as well.
        """
        self.frozen = True
        for parameter in self.encoder.parameters():
            parameter.requires_grad_(False)
            parameter.grad = None
        self.encoder.eval()

    def train(self, mode: bool = True) -> SegmentationModel:
        """Like `nn.Module.train`, but a frozen encoder stays in eval mode."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self


def _resized(logits: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    if logits.shape[-2:] == size:
        return logits
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


class ParameterCount(NamedTuple):
    """Numbers of parameters (buffers such as batch-norm statistics don't count)."""

    total: int
    trainable: int


def count_parameters(module: nn.Module) -> ParameterCount:
    """How many parameters a module has, and how many of them learn."""
    parameters = list(module.parameters())
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    return ParameterCount(sum(p.numel() for p in parameters), trainable)


def encoder_hash(model: SegmentationModel) -> str:
    """sha256 (hex) over the encoder's whole state: names, types, shapes and values, sorted by name.

    Buffers are included. Device and memory format make no difference.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.encoder.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        values = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(values.view(torch.uint8).numpy().data)
    return digest.hexdigest()
