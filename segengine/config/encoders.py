"""The encoders of segmentation_models_pytorch (SMP), by name. No torch: forms offer them."""

from __future__ import annotations

import difflib
from typing import NamedTuple

from segengine.errors import UserError

DEFAULT_ENCODER = "resnet34"
COMMON = ("resnet34", "resnet50", "efficientnet-b0", "mit_b0")  # offered first

RESNET = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnext50_32x4d", "resnext101_32x4d", "resnext101_32x8d", "resnext101_32x16d"),
    *("resnext101_32x32d", "resnext101_32x48d"),
)
DPN = ("dpn68", "dpn68b", "dpn92", "dpn98", "dpn107", "dpn131")
VGG = ("vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn")
SENET = (
    *("senet154", "se_resnet50", "se_resnet101", "se_resnet152"),
    *("se_resnext50_32x4d", "se_resnext101_32x4d"),
)
DENSENET = ("densenet121", "densenet169", "densenet201", "densenet161")
INCEPTION = ("inceptionresnetv2", "inceptionv4")
EFFICIENTNET = tuple(f"efficientnet-b{size}" for size in range(8))
MOBILENET = ("mobilenet_v2",)
MOBILEONE = tuple(f"mobileone_s{size}" for size in range(5))
XCEPTION = ("xception",)
TIMM_EFFICIENTNET = (
    *(f"timm-efficientnet-b{size}" for size in range(9)),
    "timm-efficientnet-l2",
    *(f"timm-tf_efficientnet_lite{size}" for size in range(5)),
)
TIMM_SKNET = ("timm-skresnet18", "timm-skresnet34", "timm-skresnext50_32x4d")
# timm's own, which SMP wraps as "tu-" and timm's name: timm has some thousand, of which these are
# tested. They replace the "timm-" ones, which SMP will take away.
TIMM = (
    (*(f"tu-tf_efficientnet_lite{size}" for size in range(5)),),
    (*(f"tu-tf_efficientnet_b{size}" for size in range(8)),),
    ("tu-skresnet18", "tu-skresnet34", "tu-skresnext50_32x4d"),
    ("tu-convnext_tiny", "tu-convnext_small", "tu-convnext_base"),
    ("tu-mobilenetv3_small_100", "tu-mobilenetv3_large_100"),
    ("tu-mobilenetv4_conv_small", "tu-mobilenetv4_conv_medium"),
    ("tu-regnety_004", "tu-regnety_016", "tu-regnety_032"),
    ("tu-resnest14d", "tu-resnest26d", "tu-resnest50d"),
    ("tu-gernet_s", "tu-gernet_m"),
    ("tu-resnetv2_50",),
    ("tu-hrnet_w18", "tu-hrnet_w32"),
    ("tu-efficientvit_b0", "tu-efficientvit_b1", "tu-efficientvit_b2"),
)
HRNET, EFFICIENTVIT = TIMM[-2:]
MIT = tuple(f"mit_b{size}" for size in range(6))

FAMILIES = (  # each with one naming of its layers
    *(RESNET, EFFICIENTNET, MIT, MOBILENET, MOBILEONE, DENSENET, VGG, SENET, DPN, XCEPTION),
    *(INCEPTION[:1], INCEPTION[1:], TIMM_EFFICIENTNET, TIMM_SKNET),
)
ALL = (
    *COMMON,
    *(name for family in (*FAMILIES, *TIMM) for name in family if name not in COMMON),
)


def is_timms(name: str) -> bool:
    """Whether SMP takes the encoder from timm."""
    return name.startswith("tu-")


class Unfit(NamedTuple):
    """Encoders that a model cannot have.

    Attributes:
        names: their names.
        words: the same in a few words, for a sentence.
        why: why the model cannot have them.
    """

    names: tuple[str, ...]
    words: str
    why: str


UNFIT = {  # model -> what segmentation_models_pytorch cannot build
    "deeplabv3plus": Unfit(
        (*VGG, *DENSENET, *INCEPTION, *XCEPTION, *HRNET, *EFFICIENTVIT),
        "vgg*, densenet*, inception*, xception, tu-hrnet* and tu-efficientvit*",
        "it shrinks its maps by pooling or otherwise so that they cannot be dilated",
    ),
    "unetplusplus": Unfit(MIT, "mit_*", "it has no maps at half the image's size"),
}
# Only other weights than plain ImageNet ones are published, such as semi-supervised ones.
NO_IMAGENET = (
    *("resnext101_32x4d", "resnext101_32x16d", "resnext101_32x32d", "resnext101_32x48d"),
    *("dpn68b", "dpn92", "dpn107", "timm-efficientnet-l2"),
)


def known_encoder(name: str) -> str:
    """The name itself, if it is known or "" (no choice).

    Raises:
        UserError: it is unknown; the sentence gives the nearest names.
    """
    if name and name not in ALL:
        near = difflib.get_close_matches(name, ALL, n=3)
        hint = f"did you mean {' or '.join(near)}? Common ones" if near else "common ones"
        raise UserError(
            f"Unknown encoder '{name[:80]}': {hint} are {', '.join(COMMON)}; any of the "
            f"{len(ALL)} that SegLab offers can be given.",
            field="encoder",
        )
    return name


def suiting(arch: str) -> tuple[str, ...]:
    """The encoders that a model which takes one can have, the common ones first."""
    unfit = UNFIT[arch].names if arch in UNFIT else ()
    return tuple(name for name in ALL if name not in unfit)


def check_encoder(arch: str, name: str, weights: str) -> None:
    """Refuse an encoder that does not suit the model, or weights that the encoder does not have.

    Raises:
        UserError: either is so; the sentence names the field.
    """
    suitable = suiting(arch)
    examples = ", ".join(encoder for encoder in COMMON if encoder in suitable)
    if name and name not in suitable:
        raise UserError(
            f"encoder {name} does not suit {arch} ({UNFIT[arch].why}): choose any but "
            f"{UNFIT[arch].words}, such as {examples}.",
            field="encoder",
        )
    if weights == "imagenet" and name in NO_IMAGENET:
        raise UserError(
            f"weights imagenet do not exist for encoder {name}: give run:<id> or a file, or choose "
            f"another encoder, such as {examples}.",
            field="weights",
        )
