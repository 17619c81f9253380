"""FCN (Long et al. 2015, arXiv 1411.4038) with a dilated ResNet-50, as torchvision builds it."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torchvision.models import ResNet50_Weights
from torchvision.models.segmentation import fcn_resnet50

from segengine.config import ModelConfig
from segengine.models.base import SegmentationModel
from segengine.models.download import from_url

ENTRIES = {
    "fcn_resnet50": {
        "label": "FCN-ResNet50",
        "options": ["aux_weight"],
        "encoder": "resnet50",
        "year": 2014,
        "parameters": 32_947_779,
    }
}


def build(config: ModelConfig, classes: int) -> SegmentationModel:
    """FCN-ResNet50 with random weights; it has the auxiliary head where its loss has a weight."""
    with_aux = config.aux_weight > 0
    whole = fcn_resnet50(
        weights=None,
        weights_backbone=None,  # by default torchvision loads an ImageNet backbone
        num_classes=classes,
        aux_loss=with_aux,
    )
    return SegmentationModel(
        whole.backbone,
        FCNHead(whole.classifier, "out"),
        unused_keys=("fc.",),
        aux=FCNHead(whole.aux_classifier, "aux") if with_aux else None,
    )


def imagenet_file(config: ModelConfig) -> Path:
    """torchvision's ResNet50_Weights.IMAGENET1K_V1; UserError where the download fails."""
    return from_url(ResNet50_Weights.IMAGENET1K_V1.url)


class FCNHead(nn.Module):
    """torchvision's head: 3x3 convolution, batch norm, ReLU, dropout, 1x1 convolution.

    Args:
        head: the layers.
        feature: the backbone's map that it reads: "out", of the last stage (2048 channels), or
            "aux", of the stage before it (1024 channels), for the auxiliary loss.
    """

    def __init__(self, head: nn.Module, feature: str) -> None:
        super().__init__()
        self.head = head
        self.feature = feature

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """The backbone's maps (N, C, h, w) by name to logits (N, classes, h, w), stride 8."""
        logits: Tensor = self.head(features[self.feature])
        return logits
