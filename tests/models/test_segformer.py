"""SegFormer against the paper's counts, SMP's encoder and the plain decoder."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn
from torch.nn import functional as F

from segengine.config import ModelConfig
from segengine.errors import UserError
from segengine.models import build_model
from segengine.models.base import SegmentationModel, count_parameters
from segengine.models.mit import DropPath
from segengine.models.segformer import SegFormerDecoder, imagenet_file


def on_meta(arch: str, classes: int = 3, stem: str = "paper") -> SegmentationModel:
    with torch.device("meta"):
        return build_model(ModelConfig(arch=arch, stem=stem), classes)


@pytest.mark.parametrize(
    ("arch", "total", "encoder"),
    [
        ("segformer_b0", 3_714_915, 3_319_392),
        ("segformer_b1", 13_678_019, 13_151_424),
        ("segformer_b2", 27_348_931, 24_196_288),
        ("segformer_b3", 47_224_771, 44_072_128),
        ("segformer_b4", 63_995_331, 60_842_688),
        ("segformer_b5", 84_595_651, 81_443_008),
    ],
)
def test_parameters(arch: str, total: int, encoder: int) -> None:
    model = on_meta(arch)
    assert count_parameters(model).total == total
    assert count_parameters(model.encoder).total == encoder


def test_parameters_of_19_classes_and_of_the_small_stem() -> None:
    assert count_parameters(on_meta("segformer_b0", classes=19)).total == 3_719_027
    small = on_meta("segformer_b0", stem="small")
    assert count_parameters(small).total == 3_712_867
    assert count_parameters(small.encoder).total == 3_317_088


# In float64 even a wrong epsilon of one norm shows.
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("size", ["b0", "b1"])
def test_encoder_equals_smp(size: str, dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(0)
    reference = get_encoder(f"mit_{size}", weights=None).to(dtype).eval()
    for parameter in reference.parameters():  # biases and norms start as zeros and ones
        parameter.data += 0.02 * torch.randn_like(parameter)
    ours = build_model(ModelConfig(arch=f"segformer_{size}"), 3).encoder.to(dtype).eval()
    ours.load_state_dict(reference.state_dict())  # strict: the keys are the published ones
    for shape in ((64, 64), (65, 97)):
        batch = torch.randn(2, 3, *shape, dtype=dtype)
        with torch.no_grad():
            features, expected = ours(batch), reference(batch)[2:]
        assert len(features) == len(expected) == 4
        for tokens, feature in zip(features, expected, strict=True):
            tokens = tokens.permute(0, 3, 1, 2)
            torch.testing.assert_close(tokens, feature, atol=tolerance, rtol=0)


def plain(decoder: SegFormerDecoder, features: list[Tensor]) -> Tensor:
    """The decoder in the paper's order: linear, upsample, concatenate, fuse, classify."""
    size = features[0].shape[1:3]
    levels = [
        F.interpolate(
            linear(tokens).permute(0, 3, 1, 2), size=size, mode="bilinear", align_corners=False
        )
        for linear, tokens in zip(decoder.linears, features, strict=True)
    ]
    fused = decoder.fuse(torch.cat(levels[::-1], dim=1))
    logits: Tensor = decoder.classifier(decoder.dropout(F.relu(decoder.norm(fused))))
    return logits


@pytest.mark.parametrize("fuse_bias", [False, True])
def test_folded_decoder_equals_the_plain_one(fuse_bias: bool) -> None:
    torch.manual_seed(0)
    decoder = SegFormerDecoder((4, 6, 8, 10), 16, 3, fuse_bias).double().train()
    decoder.dropout.p = 0.0
    for linear in decoder.linears:
        nn.init.normal_(linear.bias)
    twin = copy.deepcopy(decoder)
    shapes = [(9, 13, 4), (5, 7, 6), (3, 4, 8), (2, 2, 10)]
    features = [torch.randn(2, *shape, dtype=torch.float64) for shape in shapes]

    # Train mode: batch norm would hide a wrong bias in the logits, but not in its running mean.
    ours, expected = decoder(features), plain(twin, features)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(decoder.norm.running_mean, twin.norm.running_mean)
    torch.testing.assert_close(decoder.eval()(features), plain(twin.eval(), features))

    weights = torch.randn_like(ours)
    (decoder(features) * weights).sum().backward()
    (plain(twin, features) * weights).sum().backward()
    for (key, mine), theirs in zip(decoder.named_parameters(), twin.parameters(), strict=True):
        assert mine.grad is not None and mine.grad.any(), key
        torch.testing.assert_close(mine.grad, theirs.grad, msg=key)


def test_whole_model_equals_the_plain_order() -> None:
    torch.manual_seed(0)
    model = build_model(ModelConfig(), 3).eval()
    assert isinstance(model.decoder, SegFormerDecoder)
    batch = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        logits = plain(model.decoder, model.encoder(batch))
        expected = F.interpolate(logits, size=(64, 64), mode="bilinear", align_corners=False)
        torch.testing.assert_close(model(batch), expected, atol=3e-6, rtol=0)


def test_strides_of_both_stems() -> None:
    for stem, sides in (("paper", [16, 8, 4, 2]), ("small", [32, 16, 8, 4])):
        encoder = on_meta("segformer_b0", stem=stem).encoder
        features = encoder(torch.empty(1, 3, 64, 64, device="meta"))
        assert [tokens.shape[1] for tokens in features] == sides


def test_stochastic_depth_has_the_published_rates() -> None:
    encoder = on_meta("segformer_b2").encoder
    rates = [module.rate for module in encoder.modules() if isinstance(module, DropPath)]
    torch.testing.assert_close(rates, torch.linspace(0, 0.1, 16, dtype=torch.float64).tolist())
    small = on_meta("segformer_b2", stem="small").encoder
    assert not any(module.rate for module in small.modules() if isinstance(module, DropPath))


def test_stochastic_depth_drops_whole_samples_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    tokens, branch = torch.full((10_000, 1, 2, 2), 5.0), torch.ones(10_000, 1, 2, 2)
    left = DropPath(0.25).train()(tokens, branch) - tokens
    assert left.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert (left == left[:, :1, :1, :1]).all()
    assert left.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(DropPath(0.25).eval()(tokens, branch), tokens + branch)


def test_first_logits_are_small_and_scratch_is_the_official_start() -> None:
    torch.manual_seed(0)
    model = build_model(ModelConfig(), 3).train()
    state = model.encoder.state_dict()
    assert state["block4.0.mlp.fc1.weight"].std() == pytest.approx(0.02, rel=0.02)
    fan_out = 3 * 3 * 64
    assert state["patch_embed2.proj.weight"].std() == pytest.approx((2 / fan_out) ** 0.5, rel=0.02)
    assert model(torch.randn(2, 3, 64, 64)).abs().max() < 2


def test_images_below_the_minimum_are_refused() -> None:
    for stem, smallest in (("paper", 29), ("small", 15)):
        model = on_meta("segformer_b0", stem=stem)
        model(torch.empty(1, 3, smallest, 64, device="meta"))
        with pytest.raises(ValueError, match=f"at least {smallest} pixels"):
            model(torch.empty(1, 3, smallest - 1, 64, device="meta"))


def test_imagenet_is_for_the_papers_stem() -> None:
    with pytest.raises(UserError, match="paper's stem only") as error:
        imagenet_file(ModelConfig(stem="small"))
    assert error.value.field == "weights"


def test_imagenet_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a network the sentence names a path, and a file put there is found."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"smp-hub/mit_b3\.imagenet/resolve/32558d12") as error:
        imagenet_file(ModelConfig(arch="segformer_b3"))
    assert error.value.field == "weights" and "--weights FILE" in str(error.value)

    path = Path(str(error.value).split("put it at ")[1].split(",")[0])
    assert path.is_relative_to(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    assert imagenet_file(ModelConfig(arch="segformer_b3")) == path
