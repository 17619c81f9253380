"""Our U-Net against parameters counted by hand and the paper's network, written plainly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segengine.config import ModelConfig, RunConfig
from segengine.errors import UserError
from segengine.models import build_model
from segengine.models.base import SegmentationModel, count_parameters

both_ways = pytest.mark.parametrize("upsampling", ["transpose", "bilinear"])


def unet(upsampling: str = "transpose", width: int = 4, classes: int = 3) -> SegmentationModel:
    config = {"arch": "unet", "upsampling": upsampling, "base_width": width}
    return build_model(ModelConfig.model_validate(config), classes)


def on_meta(*args: object, **values: object) -> SegmentationModel:
    with torch.device("meta"):
        return unet(*args, **values)  # type: ignore[arg-type]


def two_convs(inputs: int, outputs: int) -> int:
    """Parameters: 3x3 kernels without bias, and two of batch norm per channel."""
    return 9 * (inputs + outputs) * outputs + 2 * 2 * outputs


def test_parameters_counted_by_hand() -> None:
    encoder = sum(map(two_convs, (3, 64, 128, 256, 512), (64, 128, 256, 512, 1024)))
    widths = (64, 128, 256, 512)
    transposed = sum(two_convs(2 * n, n) + 4 * (2 * n) * n + n for n in widths)
    bilinear = sum(two_convs(n + 2 * n, n) for n in widths)
    classifier = 64 * 2 + 2
    total = encoder + transposed + classifier
    assert count_parameters(on_meta("transpose", 64, 2)).total == total == 31_037_698
    assert count_parameters(on_meta("bilinear", 64, 2)).total == encoder + bilinear + classifier


def plain(model: SegmentationModel, images: Tensor, transposed: bool) -> Tensor:
    """The paper's network in evaluation mode, from its weights."""
    state = model.state_dict()

    def convs(out: Tensor, name: str) -> Tensor:
        for place in (0, 3):
            conv, norm = f"{name}.{place}", f"{name}.{place + 1}"
            out = F.conv2d(out, state[f"{conv}.weight"], padding=1)
            mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
            out = F.batch_norm(
                out, mean, variance, state[f"{norm}.weight"], state[f"{norm}.bias"], False
            )
            out = F.relu(out)
        return out

    skips = [convs(images, "encoder.levels.0")]
    for level in range(1, 5):
        skips.append(convs(F.max_pool2d(skips[-1], 2), f"encoder.levels.{level}"))
    out = skips.pop()
    for level in range(4):
        skip = skips.pop()
        if transposed:
            up = f"decoder.ups.{level}"
            half = F.conv_transpose2d(out, state[f"{up}.weight"], state[f"{up}.bias"], stride=2)
            out = torch.zeros(len(half), half.shape[1], *skip.shape[2:])
            out[:, :, : half.shape[2], : half.shape[3]] = half
        else:
            out = F.interpolate(out, size=skip.shape[2:], mode="bilinear")
        out = convs(torch.cat([skip, out], 1), f"decoder.levels.{level}")
    return F.conv2d(out, state["decoder.classifier.weight"], state["decoder.classifier.bias"])


@both_ways
@pytest.mark.parametrize("size", [(32, 48), (39, 61)])
def test_is_the_papers_network(upsampling: str, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    model = unet(upsampling)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # no two channels alike
            module.running_mean = 0.1 * torch.randn(module.num_features)
            module.running_var = 1 + torch.rand(module.num_features)
            nn.init.normal_(module.bias)
    batch = torch.randn(2, 3, *size)
    with torch.no_grad():
        expected = plain(model, batch, transposed=upsampling == "transpose")
        torch.testing.assert_close(model.eval()(batch), expected, atol=1e-4, rtol=1e-4)


@both_ways
def test_every_size_from_16_pixels_works(upsampling: str) -> None:
    model = on_meta(upsampling)
    for height in range(16, 33):
        batch = torch.empty(2, 3, height, 48 - height, device="meta")
        assert model(batch).shape == (2, 3, height, 48 - height)
    with pytest.raises(ValueError, match="at least 16 pixels per side, but 15x64"):
        model(torch.empty(2, 3, 15, 64, device="meta"))


def test_the_levels_halve_the_image_and_double_the_channels() -> None:
    features = on_meta(width=8).encode(torch.empty(2, 3, 65, 97, device="meta"))
    assert isinstance(features, list)
    shapes = [(8, 65, 97), (16, 32, 48), (32, 16, 24), (64, 8, 12), (128, 4, 6)]
    assert [tuple(feature.shape[1:]) for feature in features] == shapes


def test_both_ways_of_upsampling_share_their_encoder() -> None:
    transposed, bilinear = (on_meta(way).encoder.state_dict() for way in ("transpose", "bilinear"))
    assert {key: value.shape for key, value in transposed.items()} == {
        key: value.shape for key, value in bilinear.items()
    }
    names = [
        ModelConfig.model_validate({"arch": "unet", "upsampling": way}).encoder_name
        for way in ("transpose", "bilinear")
    ]
    assert names[0] == names[1] == "unet, base width 64"
    assert ModelConfig(arch="unet", base_width=32).encoder_name != names[0]


def test_starts_as_the_paper_says() -> None:
    torch.manual_seed(0)
    weight = unet(width=32).encoder.state_dict()["levels.2.3.weight"]
    assert weight.mean().item() == pytest.approx(0, abs=1e-3)
    assert weight.std().item() == pytest.approx((2 / (9 * 128)) ** 0.5, rel=0.02)


@both_ways
def test_channels_last_images_are_never_copied_into_another_order(upsampling: str) -> None:
    model = unet(upsampling, width=8).to(memory_format=torch.channels_last).train()
    seen: list[bool] = []
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
            module.register_forward_pre_hook(
                lambda _, given: seen.append(
                    given[0].is_contiguous(memory_format=torch.channels_last)
                )
            )
    model(torch.randn(2, 3, 37, 53).contiguous(memory_format=torch.channels_last))
    assert len(seen) > 30 and all(seen)


def test_there_are_no_imagenet_weights_for_it() -> None:
    with pytest.raises(UserError, match="weights imagenet do not exist for unet"):
        RunConfig.from_flat({"arch": "unet", "strategy": "pretrained", "weights": "imagenet"})
