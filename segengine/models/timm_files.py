"""Which of timm's published files an encoder's ImageNet weights come from. No torch, and no timm.

Some of these networks saw more than ImageNet before (in12k, in22k, ns_jft): the tag says so.
"""

from __future__ import annotations

from typing import NamedTuple


class TimmFile(NamedTuple):
    """One file, timm/<name>.<tag> on the Hugging Face hub.

    Attributes:
        tag: which training it is of, as timm names it.
        millions: parameters of the whole classifier that it holds.
    """

    tag: str
    millions: float


_FILES = {
    "tf_efficientnet_lite0": ("in1k", 4.7),
    "tf_efficientnet_lite1": ("in1k", 5.4),
    "tf_efficientnet_lite2": ("in1k", 6.1),
    "tf_efficientnet_lite3": ("in1k", 8.2),
    "tf_efficientnet_lite4": ("in1k", 13.0),
    "tf_efficientnet_b0": ("ns_jft_in1k", 5.3),
    "tf_efficientnet_b1": ("ns_jft_in1k", 7.8),
    "tf_efficientnet_b2": ("ns_jft_in1k", 9.1),
    "tf_efficientnet_b3": ("ns_jft_in1k", 12.2),
    "tf_efficientnet_b4": ("ns_jft_in1k", 19.3),
    "tf_efficientnet_b5": ("ns_jft_in1k", 30.4),
    "tf_efficientnet_b6": ("ns_jft_in1k", 43.0),
    "tf_efficientnet_b7": ("ns_jft_in1k", 66.3),
    "skresnet18": ("ra_in1k", 12.0),
    "skresnet34": ("ra_in1k", 22.3),
    "skresnext50_32x4d": ("ra_in1k", 27.5),
    "convnext_tiny": ("in12k_ft_in1k", 28.6),
    "convnext_small": ("in12k_ft_in1k", 50.2),
    "convnext_base": ("fb_in22k_ft_in1k", 88.6),
    "mobilenetv3_small_100": ("lamb_in1k", 2.5),
    "mobilenetv3_large_100": ("ra_in1k", 5.5),
    "mobilenetv4_conv_small": ("e2400_r224_in1k", 3.8),
    "mobilenetv4_conv_medium": ("e500_r256_in1k", 9.7),
    "regnety_004": ("tv2_in1k", 4.3),
    "regnety_016": ("tv2_in1k", 11.2),
    "regnety_032": ("ra_in1k", 19.4),
    "resnest14d": ("gluon_in1k", 10.6),
    "resnest26d": ("gluon_in1k", 17.1),
    "resnest50d": ("in1k", 27.5),
    "gernet_s": ("idstcv_in1k", 8.2),
    "gernet_m": ("idstcv_in1k", 21.1),
    "resnetv2_50": ("a1h_in1k", 25.5),
    "hrnet_w18": ("ms_aug_in1k", 21.3),
    "hrnet_w32": ("ms_in1k", 41.2),
    "efficientvit_b0": ("r224_in1k", 3.4),
    "efficientvit_b1": ("r224_in1k", 9.1),
    "efficientvit_b2": ("r224_in1k", 24.3),
}


def timm_file(encoder: str) -> TimmFile:
    """The file of an encoder that SMP takes from timm ("tu-" and timm's name)."""
    return TimmFile(*_FILES[encoder.removeprefix("tu-")])
