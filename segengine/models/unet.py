"""U-Net (Ronneberger et al. 2015, arXiv 1505.04597), padded and with batch norm, as is usual today.

The images' sides are halved four times. Where a side is odd, its last row or column is not in the
level below; on the way up the map is padded to the size of its skip connection.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segengine.config import ModelConfig
from segengine.models.base import SegmentationModel

ENTRIES = {
    "unet": {
        "label": "U-Net",
        "options": ["upsampling", "base_width"],
        "encoder": "unet",
        "imagenet": False,
        "year": 2015,
        "parameters": 31_037_763,
    }
}

LEVELS = 5
MIN_SIZE = 2 ** (LEVELS - 1)  # pixels per side: leaves one at the coarsest level


def build(config: ModelConfig, classes: int) -> SegmentationModel:
    """U-Net of the config's width and way of upsampling, with random weights."""
    widths = [config.base_width * 2**level for level in range(LEVELS)]
    decoder = UNetDecoder(widths, classes, transposed=config.upsampling == "transpose")
    return SegmentationModel(UNetEncoder(widths), decoder)


class UNetEncoder(nn.Module):
    """Two convolutions per level, max-pooling between the levels.

    Args:
        widths: channels of the levels, finest first.
    """

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        inputs = (3, *widths[:-1])
        self.levels = nn.ModuleList(map(double_conv, inputs, widths))
        self.apply(init_unet_weights)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) to one map (N, C, h, w) per level, finest first, sizes rounded down.

        Raises:
            ValueError: the images are too small to be halved four times.
        """
        if min(images.shape[-2:]) < MIN_SIZE:
            size = "x".join(map(str, images.shape[-2:]))
            raise ValueError(
                f"U-Net needs images of at least {MIN_SIZE} pixels per side, but {size} were "
                "given: resize them or pad them."
            )
        features = [self.levels[0](images)]
        for level in self.levels[1:]:
            features.append(level(F.max_pool2d(features[-1], 2)))
        return features


class UNetDecoder(nn.Module):
    """Per level: upsampling, concatenation with the skip connection and two convolutions.

    Args:
        widths: channels of the encoder's levels, finest first.
        classes: channels of the logits.
        transposed: upsample by a 2x2 transposed convolution, which halves the channels; else
            bilinearly.
    """

    def __init__(self, widths: list[int], classes: int, transposed: bool) -> None:
        super().__init__()
        upper, lower = widths[-2::-1], widths[:0:-1]  # coarsest first
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(below, above, 2, stride=2) if transposed else nn.Identity()
            for above, below in zip(upper, lower, strict=True)
        )
        self.levels = nn.ModuleList(
            double_conv(above + (above if transposed else below), above)
            for above, below in zip(upper, lower, strict=True)
        )
        self.classifier = nn.Conv2d(widths[0], classes, 1)
        self.transposed = transposed
        self.levels.apply(init_unet_weights)

    def forward(self, features: list[Tensor]) -> Tensor:
        """The encoder's maps, finest first, to logits (N, classes, H, W)."""
        out = features[-1]
        for up, level, skip in zip(self.ups, self.levels, features[-2::-1], strict=True):
            if self.transposed:
                out = _padded(up(out), skip)
            else:
                out = F.interpolate(out, skip.shape[-2:], mode="bilinear", align_corners=False)
            out = level(torch.cat([skip, out], dim=1))
        logits: Tensor = self.classifier(out)
        return logits


def double_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Twice: 3x3 convolution (batch norm has the bias), batch norm, ReLU."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [
            nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def init_unet_weights(module: nn.Module) -> None:
    """The paper's start: convolutions normal with variance 2 / fan-in (He et al. 2015)."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")


def _padded(out: Tensor, skip: Tensor) -> Tensor:
    """An upsampled map with zeros below and to the right, where the skip's side is odd."""
    rows, columns = skip.shape[-2] - out.shape[-2], skip.shape[-1] - out.shape[-1]
    return F.pad(out, (0, columns, 0, rows)) if rows or columns else out
