"""The models over segmentation_models_pytorch: the same numbers as SMP's own, split in two."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch
from segmentation_models_pytorch.encoders import encoders as published
from torch import nn

from segengine.config import ModelConfig, RunConfig
from segengine.errors import UserError
from segengine.models import build_model, smp_models
from segengine.models.base import SegmentationModel, count_parameters
from segengine.training.dry_run import dry_run

CLASSES = {
    "deeplabv3plus": smp.DeepLabV3Plus,
    "smp_unet": smp.Unet,
    "unetplusplus": smp.UnetPlusPlus,
    "fpn": smp.FPN,
}


def on_meta(arch: str, encoder: str, classes: int = 3) -> SegmentationModel:
    with torch.device("meta"):
        return build_model(ModelConfig(arch=arch, encoder=encoder), classes)


@pytest.mark.parametrize(
    ("arch", "encoder", "total"),
    [
        ("deeplabv3plus", "resnet34", 22_437_971),
        ("deeplabv3plus", "efficientnet-b0", 4_907_983),
        ("smp_unet", "resnet34", 24_436_659),
        ("smp_unet", "efficientnet-b0", 6_251_759),
    ],
)
def test_parameters(arch: str, encoder: str, total: int) -> None:
    assert count_parameters(on_meta(arch, encoder)).total == total


@pytest.mark.parametrize("arch", CLASSES)
def test_the_encoder_left_out_is_resnet34(arch: str) -> None:
    assert ModelConfig(arch=arch).encoder == ModelConfig(arch=arch).encoder_name == "resnet34"


@pytest.mark.parametrize(
    ("arch", "encoder", "size"),
    [
        ("deeplabv3plus", "resnet18", (48, 80)),
        ("deeplabv3plus", "mit_b0", (48, 80)),
        ("smp_unet", "resnet18", (65, 97)),
        ("smp_unet", "vgg11", (33, 49)),  # its decoder has a center block
        ("smp_unet", "mit_b0", (65, 97)),
        ("unetplusplus", "resnet18", (32, 64)),
        ("fpn", "mit_b0", (32, 64)),
        ("fpn", "mobilenet_v2", (32, 64)),
    ],
)
def test_logits_are_smps(arch: str, encoder: str, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    whole = CLASSES[arch](encoder, encoder_weights=None, classes=3)
    ours = build_model(ModelConfig(arch=arch, encoder=encoder), 3)
    nn.Module.load_state_dict(ours.encoder, whole.encoder.state_dict())
    assert isinstance(ours.decoder, smp_models.SMPDecoder)
    ours.decoder.decoder.load_state_dict(whole.decoder.state_dict())
    ours.decoder.head.load_state_dict(whole.segmentation_head.state_dict())
    batch = torch.randn(2, 3, *size)
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(batch), whole.eval()(batch))


@pytest.mark.parametrize(
    ("arch", "encoder", "sides"),
    [
        ("deeplabv3plus", "resnet18", [16, 4]),
        ("smp_unet", "resnet18", [32, 16, 8, 4, 2]),
        ("smp_unet", "mit_b0", [16, 8, 4, 2]),
        ("fpn", "resnet18", [16, 8, 4, 2]),
    ],
)
def test_only_what_the_decoder_reads_leaves_the_encoder(
    arch: str, encoder: str, sides: list[int]
) -> None:
    features = on_meta(arch, encoder).encode(torch.empty(2, 3, 64, 64, device="meta"))
    assert isinstance(features, list) and [feature.shape[2] for feature in features] == sides


def test_a_model_can_be_copied_while_it_trains() -> None:
    model = build_model(ModelConfig(arch="smp_unet", encoder="resnet18"), 3).train()
    other = copy.deepcopy(model).eval()
    with torch.no_grad():
        batch = torch.randn(2, 3, 32, 32)
        assert torch.equal(other(batch), model.eval()(batch))


@pytest.mark.parametrize(("arch", "multiple"), [("deeplabv3plus", 16), ("fpn", 32)])
def test_a_size_that_cannot_be_halved_is_refused_at_birth(arch: str, multiple: int) -> None:
    with pytest.raises(UserError, match=f"multiples of {multiple}, such as") as error:
        RunConfig.from_flat({"arch": arch, "image_size": "100x72"})
    assert error.value.field == "image_size"
    RunConfig.from_flat({"arch": arch, "image_size": f"{multiple * 4}x{multiple * 5}"})


def test_deeplab_needs_two_images() -> None:
    with pytest.raises(UserError, match="at least 2 images") as error:
        RunConfig.from_flat({"arch": "deeplabv3plus", "batch_size": 1})
    assert error.value.field == "batch_size"


@pytest.mark.parametrize("arch", ["smp_unet", "unetplusplus", "fpn"])
def test_one_small_image_is_too_little_for_batch_norm(arch: str) -> None:
    def check(**values: object) -> None:
        dry_run(RunConfig.from_flat({"arch": arch, "batch_size": 1, **values}))

    with pytest.raises(UserError, match=r"batch_size 1 is too small .* at 32x32 pixels") as error:
        check(image_size="32")
    assert error.value.field == "batch_size"
    check(image_size="64")
    check(image_size="32", batch_size=2)
    if arch != "unetplusplus":
        check(image_size="32", encoder="mit_b0")  # has no batch norm
    frozen = {"strategy": "frozen", "weights": "run:any"}
    check(image_size="32", **frozen)  # its batch norm stands still


def test_imagenet_weights_are_those_that_smp_publishes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for encoder in ("resnet50", "efficientnet-b0", "mit_b2", "densenet121"):
        revision = published[encoder]["pretrained_settings"]["imagenet"]["revision"]
        config = ModelConfig(arch="fpn", encoder=encoder)
        with pytest.raises(UserError, match=f"smp-hub/{encoder}.imagenet/resolve/{revision}"):
            smp_models.imagenet_file(config)
        path = tmp_path / f"models--smp-hub--{encoder}.imagenet/snapshots/{revision}"
        path.mkdir(parents=True)
        (path / "model.safetensors").write_bytes(b"weights")
        assert smp_models.imagenet_file(config) == path / "model.safetensors"
