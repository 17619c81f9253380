"""What every model is: an encoder, which weights can be loaded into and frozen, and a decoder."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SegmentationModel(nn.Module):
    """Images to logits of the same size: encoder, then decoder, then bilinear upsampling.

    Args:
        encoder: images to features, in whatever form the decoder takes. Its parameter names are the
            published ones, so that published weights load without renaming.
        decoder: features to logits (N, classes, h, w) at any resolution.
        unused_keys: prefixes of keys in the published weights that are no part of the encoder,
            such as the ImageNet classification head.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, unused_keys: tuple[str, ...] = ()
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.unused_keys = unused_keys
        self.frozen = False

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (N, 3, H, W), float, to logits (N, classes, H, W)."""
        logits: Tensor = self.decoder(self._features(images))
        if logits.shape[-2:] == images.shape[-2:]:
            return logits
        return F.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)

    def _features(self, images: Tensor) -> Any:
        if not self.frozen:
            return self.encoder(images)
        with torch.no_grad():
            return self.encoder(images)

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
