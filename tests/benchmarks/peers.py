"""The models that ours are measured against: what people use today, with random weights."""

from __future__ import annotations

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.segmentation import fcn_resnet50
from transformers import SegformerConfig, SegformerForSemanticSegmentation

IGNORE_INDEX = 255


class Transformers(nn.Module):
    """transformers' SegFormer-B0 (its default configuration), its logits at the images' size."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.model = SegformerForSemanticSegmentation(SegformerConfig(num_labels=classes))

    def forward(self, images: Tensor) -> Tensor:
        logits = self.model(pixel_values=images).logits
        return F.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)


class TorchvisionFCN(nn.Module):
    """torchvision's FCN-ResNet50 without auxiliary head."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.model = fcn_resnet50(weights=None, weights_backbone=None, num_classes=classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(images)["out"]
        return logits


def smp_segformer(classes: int) -> nn.Module:
    """segmentation_models_pytorch's SegFormer over mit_b0."""
    model: nn.Module = smp.Segformer("mit_b0", encoder_weights=None, classes=classes)
    return model


def adamw(model: nn.Module, *, fused: bool) -> torch.optim.Optimizer:
    """AdamW as the published recipe has it, on torch's default path or the fused one."""
    return torch.optim.AdamW(
        model.parameters(), lr=1e-3, weight_decay=1e-2, amsgrad=True, fused=fused or None
    )


# What each of our models is measured against: the peer's name -> its builder.
PEERS = {
    "segformer_b0": {"SMP": smp_segformer, "transformers": Transformers},
    "fcn_resnet50": {"torchvision": TorchvisionFCN},
}
