"""FCN (Long et al. 2015, arXiv 1411.4038) over a dilated ResNet-50, as torchvision builds it."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torchvision.models import ResNet50_Weights
from torchvision.models.segmentation import fcn_resnet50

from segengine.config import ModelConfig
from segengine.models.base import SegmentationModel
from segengine.models.published import from_url

ENTRIES = {"fcn_resnet50": {"label": "FCN-ResNet50", "options": []}}


def build(config: ModelConfig, classes: int) -> SegmentationModel:
    """FCN-ResNet50 without the auxiliary head, with random weights."""
    # weights=None alone would still load an ImageNet backbone.
    whole = fcn_resnet50(weights=None, weights_backbone=None, num_classes=classes, aux_loss=False)
    return SegmentationModel(whole.backbone, FCNDecoder(whole.classifier), unused_keys=("fc.",))


def imagenet_file(config: ModelConfig) -> Path:
    """torchvision's ResNet50_Weights.IMAGENET1K_V1; UserError where it cannot be had."""
    return from_url(ResNet50_Weights.IMAGENET1K_V1.url)


class FCNDecoder(nn.Module):
    """torchvision's head: 3x3 convolution, batch norm, ReLU, dropout, 1x1 convolution."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """The backbone's {"out": (N, 2048, h, w)} to logits (N, classes, h, w), stride 8."""
        logits: Tensor = self.head(features["out"])
        return logits
