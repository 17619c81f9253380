"""The names of encoders, as data without torch, against segmentation_models_pytorch itself."""

from __future__ import annotations

import contextlib

import pytest
import torch
from segmentation_models_pytorch.encoders import encoders as theirs
from segmentation_models_pytorch.encoders import get_encoder_names

from segengine.config import ModelConfig, RunConfig, encoders
from segengine.errors import UserError
from segengine.models import build_model
from segengine.registry import entries

ARCHS = [name for name, entry in entries("models").items() if "encoder" in entry.options]
FAMILIES = (*encoders.FAMILIES, *encoders.TIMM)
ONE_PER_FAMILY = [min(family, key=len) for family in FAMILIES]  # mostly the smallest


def test_all_encoders_are_there_once_and_the_common_ones_first() -> None:
    timms = [name for name in encoders.ALL if encoders.is_timms(name)]
    assert sorted(set(encoders.ALL).difference(timms)) == sorted(get_encoder_names())
    assert timms == [name for family in encoders.TIMM for name in family]
    assert encoders.ALL[: len(encoders.COMMON)] == encoders.COMMON
    assert encoders.DEFAULT_ENCODER in encoders.COMMON


def test_encoders_without_imagenet_weights_are_known() -> None:
    lacking = [name for name in theirs if "imagenet" not in theirs[name]["pretrained_settings"]]
    assert sorted(encoders.NO_IMAGENET) == sorted(lacking)


def test_four_models_take_an_encoder() -> None:
    assert sorted(ARCHS) == ["deeplabv3plus", "fpn", "smp_unet", "unetplusplus"]


@pytest.mark.parametrize("name", ONE_PER_FAMILY)
def test_what_suits_a_model_is_what_smp_can_build(name: str) -> None:
    for arch in encoders.UNFIT:
        config = ModelConfig.model_construct(arch=arch, encoder=name)  # past our own refusal
        suits = name in encoders.suiting(arch)
        why_not = "support|unexpected keyword argument 'output_stride'|^$"  # timm's have no words
        errors = (ValueError, TypeError, AssertionError)
        expected = contextlib.nullcontext() if suits else pytest.raises(errors, match=why_not)
        with torch.device("meta"), expected:
            build_model(config, 3)


def test_all_of_a_family_or_none_suit_a_model() -> None:
    for arch in ARCHS:
        suiting = set(encoders.suiting(arch))
        assert all(
            suiting.issuperset(family) or suiting.isdisjoint(family)
            for family in (*encoders.FAMILIES, *encoders.TIMM)
        )


def refused(**values: object) -> tuple[str, str]:
    """(field, sentence)."""
    with pytest.raises(UserError) as error:
        RunConfig.from_flat(values)
    assert len(str(error.value)) < 300
    return error.value.field, str(error.value)


def test_an_unknown_encoder_answers_with_the_nearest_and_the_common_ones() -> None:
    field, sentence = refused(arch="fpn", encoder="resnet35")
    assert field == "encoder"
    assert "did you mean" in sentence and "resnet34" in sentence.split("?")[0]
    assert "efficientnet-b0, mit_b0" in sentence and "vgg11" not in sentence
    _, sentence = refused(arch="fpn", encoder="???")
    assert "did you mean" not in sentence and "resnet50" in sentence
    assert "swin" in refused(arch="fpn", encoder="swin" * 100)[1]


@pytest.mark.parametrize(
    ("arch", "name", "why"),
    [
        ("deeplabv3plus", "vgg16_bn", "pooling"),
        ("deeplabv3plus", "densenet161", "pooling"),
        ("deeplabv3plus", "inceptionv4", "pooling"),
        ("unetplusplus", "mit_b3", "half the image's size"),
    ],
)
def test_an_encoder_that_cannot_work_is_refused_at_birth(arch: str, name: str, why: str) -> None:
    field, sentence = refused(arch=arch, encoder=name)
    assert field == "encoder" and why in sentence
    assert f"encoder {name} does not suit {arch}" in sentence and "such as resnet34" in sentence
    assert ("mit_b0" in sentence) == (arch == "deeplabv3plus")


def test_imagenet_weights_that_were_never_published_are_refused_at_birth() -> None:
    field, sentence = refused(
        arch="fpn", encoder="resnext101_32x4d", strategy="frozen", weights="imagenet"
    )
    assert field == "weights" and "do not exist for encoder resnext101_32x4d" in sentence
