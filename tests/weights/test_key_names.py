"""Weights under other names than ours: other libraries, other wrappers, other models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import torchvision
from segmentation_models_pytorch.encoders import get_encoder

from segengine.config import ModelConfig, encoders
from segengine.models import build_model
from segengine.models.base import CLASSIFIERS, SegmentationModel, encoder_hash
from segengine.weights.checkpoint import FORMAT
from segengine.weights.identify import encoder_name_of
from tests.weights.filling import Weights, filled, saved, started_from


def filled_from(path: Path, **values: Any) -> tuple[SegmentationModel, dict[str, Any]]:
    """(a model whose encoder was filled from the file, the lineage)."""
    return filled(started_from(path, **values), path.parent)


def shuffled(model: torch.nn.Module) -> Weights:
    """A state dict in which every tensor differs from a fresh model's."""
    state = model.state_dict()
    return {
        key: torch.randn_like(value) if value.is_floating_point() else value + 1
        for key, value in state.items()
    }


@pytest.mark.parametrize("prefix", ["module.", "backbone.", "encoder.", "model.encoder."])
def test_whatever_stands_before_the_names(tmp_path: Path, prefix: str) -> None:
    torch.manual_seed(0)
    state = shuffled(get_encoder("resnet18", weights=None))
    given = {prefix + key: value for key, value in state.items()}
    given |= {"classifier.0.weight": torch.zeros(2), "decode_head.conv1.weight": torch.zeros(2)}
    path = saved(tmp_path, {"state_dict": given, "epoch": 7})
    model, lineage = filled_from(path, arch="fpn", encoder="resnet18")
    loaded = model.encoder.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())
    assert lineage["unmatched"] == ["classifier.0.weight", "decode_head.conv1.weight"]


@pytest.mark.parametrize("encoder", ["resnet18", "mobilenet_v2", "densenet121"])
def test_torchvisions_weights_fill_smps_encoders(tmp_path: Path, encoder: str) -> None:
    torch.manual_seed(0)
    given = shuffled(getattr(torchvision.models, encoder)(weights=None))
    if encoder == "densenet121":  # as published, from before layers were named without a dot
        given = {
            key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value
            for key, value in given.items()
        }
    given = {key: given[key] for key in given if "num_batches" not in key}  # as published
    model, lineage = filled_from(saved(tmp_path, given), arch="smp_unet", encoder=encoder)
    head = [key for key in given if key.startswith(("fc.", "classifier."))]
    assert lineage["unmatched"] == head and len(head) == 2
    values = {value.double().sum().item() for value in model.encoder.state_dict().values()}
    for key in given.keys() - set(head):
        assert given[key].double().sum().item() in values, key


def test_mit_as_the_transformers_library_publishes_it(tmp_path: Path) -> None:
    from transformers import SegformerConfig, SegformerForImageClassification

    torch.manual_seed(0)
    theirs = SegformerForImageClassification(SegformerConfig(num_labels=5)).eval()
    for parameter in theirs.parameters():  # biases and norms start as zeros and ones
        parameter.data += 0.02 * torch.randn_like(parameter)
    theirs.save_pretrained(tmp_path)
    model, lineage = filled_from(tmp_path / "model.safetensors", arch="segformer_b0")
    assert sorted(lineage["unmatched"]) == ["classifier.bias", "classifier.weight"]
    batch = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        expected = theirs.segformer(batch, output_hidden_states=True).hidden_states
        features = model.eval().encode(batch)
    assert isinstance(features, list) and len(features) == len(expected) == 4
    torch.testing.assert_close(features[0].permute(0, 3, 1, 2), expected[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(features[3].permute(0, 3, 1, 2), expected[3], atol=1e-4, rtol=1e-4)


def test_mit_as_transformers_5_names_it_in_memory(tmp_path: Path) -> None:
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    torch.manual_seed(0)
    theirs = SegformerForSemanticSegmentation(SegformerConfig(num_labels=5)).eval()
    for parameter in theirs.parameters():  # biases and norms start as zeros and ones
        parameter.data += 0.02 * torch.randn_like(parameter)
    given = theirs.state_dict()
    assert "segformer.stages.0.patch_embeddings.proj.weight" in given  # not the published names
    model, lineage = filled_from(saved(tmp_path, given), arch="segformer_b0")
    assert lineage["names"] == "transformers 5" and lineage["prefix"] == "segformer."
    assert lineage["unmatched"] == [key for key in given if key.startswith("decode_head.")]
    batch = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        expected = theirs.segformer(batch, output_hidden_states=True).hidden_states
        features = model.eval().encode(batch)
    assert isinstance(features, list) and len(features) == len(expected) == 4
    for ours, map_of_theirs in zip(features, expected, strict=True):
        torch.testing.assert_close(ours.permute(0, 3, 1, 2), map_of_theirs, atol=1e-4, rtol=1e-4)


def in_mmsegmentations_names(mit: Weights) -> Weights:
    """MiT as mmsegmentation's MixVisionTransformer holds it, by its own description: a stage is
    (embedding, blocks, norm), attention is torch's MultiheadAttention, Mix-FFN is convolutions."""
    given: Weights = {}
    for key, value in mit.items():
        name, _, parameter = key.rpartition(".")
        stage = int(next(letter for letter in name if letter.isdigit())) - 1
        rest = name.partition(".")[2]
        if name.startswith("patch_embed"):
            layer = {"proj": "projection", "norm": "norm"}[rest]
            given[f"layers.{stage}.0.{layer}.{parameter}"] = value
        elif name.startswith("norm"):
            given[f"layers.{stage}.2.{parameter}"] = value
        elif rest.endswith("attn.q"):
            block = f"layers.{stage}.1.{rest.removesuffix('attn.q')}attn.attn.in_proj_{parameter}"
            both = mit[f"{name.removesuffix('q')}kv.{parameter}"]
            given[block] = torch.cat([value, both])
        elif not rest.endswith("attn.kv"):
            for ours, theirs in (
                ("attn.proj", "attn.attn.out_proj"),
                ("mlp.fc1", "ffn.layers.0"),
                ("mlp.dwconv.dwconv", "ffn.layers.1"),
                ("mlp.fc2", "ffn.layers.4"),
            ):
                rest = rest.replace(ours, theirs)
            is_linear = "ffn.layers.0" in rest or "ffn.layers.4" in rest
            as_convolution = is_linear and parameter == "weight"
            value = value[:, :, None, None] if as_convolution else value
            given[f"layers.{stage}.1.{rest}.{parameter}"] = value
    return given


@pytest.mark.parametrize("prefix", ["", "backbone.", "module.backbone."])
def test_mit_as_mmsegmentation_names_it(tmp_path: Path, prefix: str) -> None:
    torch.manual_seed(0)
    mit = shuffled(build_model(ModelConfig(arch="segformer_b0"), 3).encoder)
    theirs = {prefix + key: value for key, value in in_mmsegmentations_names(mit).items()}
    assert len(theirs) == 176 - 16  # query, keys and values are one: 8 blocks, weight and bias
    head = {"decode_head.conv_seg.weight": torch.zeros(3, 3)}
    path = saved(tmp_path, {"meta": {"epoch": 7}, "state_dict": theirs | head})
    model, lineage = filled_from(path, arch="segformer_b0")
    loaded = model.encoder.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in mit.items())
    assert lineage["names"] == "mmsegmentation" and lineage["prefix"] == prefix
    assert lineage["unmatched"] == list(head)


def in_older_efficientnet_names(timms: Weights) -> Weights:
    """timm's EfficientNet in the names of EfficientNet-PyTorch, which counts blocks through."""
    blocks = list(dict.fromkeys(".".join(k.split(".")[1:3]) for k in timms if k[:6] == "blocks"))
    plain = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    wide = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv"}
    wide |= {"bn2": "_bn1", "conv_pwl": "_project_conv", "bn3": "_bn2"}
    squeeze = {"se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}
    ends = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}
    given = {}
    for key, value in timms.items():
        layer, _, parameter = key.rpartition(".")
        if key.startswith("blocks."):
            _, stage, number, inner = layer.split(".", 3)
            names = squeeze | (plain if stage == "0" else wide)
            layer = f"_blocks.{blocks.index(f'{stage}.{number}')}.{names[inner]}"
        else:
            layer = {**ends, "classifier": "_fc"}[layer]
        given[f"{layer}.{parameter}"] = value
    return given


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("tf_efficientnet_lite0", "timm-tf_efficientnet_lite0"),
        ("tf_efficientnet_b0", "timm-efficientnet-b0"),
    ],
)
def test_efficientnet_as_the_older_packages_name_it(
    tmp_path: Path, name: str, encoder: str
) -> None:
    import timm

    torch.manual_seed(0)
    theirs = timm.create_model(name)
    theirs.load_state_dict(shuffled(theirs))
    given = in_older_efficientnet_names(theirs.state_dict())
    assert "_blocks.15._project_conv.weight" in given
    # As published: before PyTorch 1.6.
    path = tmp_path / "efficientnet.pth"
    torch.save(given, path, _use_new_zipfile_serialization=False)
    model, lineage = filled_from(path, arch="fpn", encoder=encoder)
    assert lineage["names"] == "EfficientNet-PyTorch"
    assert lineage["unmatched"] == ["_fc.weight", "_fc.bias"]
    loaded, published = model.encoder.state_dict(), theirs.state_dict()
    assert len(loaded) == len(given) - 2
    assert all(torch.equal(value, published[key]) for key, value in loaded.items())


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"arch": "smp_unet", "encoder": "resnet18"}, {"arch": "fpn", "encoder": "resnet18"}),
        ({"arch": "fpn", "encoder": "mit_b0"}, {"arch": "segformer_b0"}),
        ({"arch": "segformer_b0"}, {"arch": "smp_unet", "encoder": "mit_b0"}),
        ({"arch": "unet", "base_width": 8}, {"arch": "unet", "base_width": 8}),
    ],
)
def test_another_model_with_the_same_encoder_lends_it(
    tmp_path: Path, theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    ours = ours | ({"upsampling": "bilinear"} if ours["arch"] == "unet" else {})
    lender = build_model(ModelConfig(**theirs), 19)
    path = saved(tmp_path, {"format": FORMAT, "model": lender.state_dict()})
    model, lineage = filled_from(path, **ours)
    assert encoder_hash(model) == encoder_hash(lender)
    assert ModelConfig(**theirs).encoder_name == ModelConfig(**ours).encoder_name
    assert all(key.startswith("decoder.") for key in lineage["unmatched"])


def test_the_moving_average_is_taken_where_a_checkpoint_has_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = ModelConfig(arch="unet", base_width=8)
    last, average = build_model(config, 3), build_model(config, 3)
    state = {"format": FORMAT, "model": last.state_dict(), "ema": average.state_dict()}
    model, _ = filled_from(saved(tmp_path, state), arch="unet", base_width=8)
    assert encoder_hash(model) == encoder_hash(average) != encoder_hash(last)


@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d", "efficientnet-b1", "mobileone_s1"])
def test_an_encoder_is_recognized_in_a_file(name: str) -> None:
    with torch.device("meta"):
        state = get_encoder(name, weights=None).state_dict()
    given = {f"encoder.{key}": value for key, value in state.items() if "num_batches" not in key}
    assert encoder_name_of(given) == name
    assert encoder_name_of({**given, "encoder.more.weight": torch.zeros(1)}) == ""


def test_no_encoder_has_layers_that_are_taken_for_a_classifier() -> None:
    for family in encoders.FAMILIES:
        name = min(family, key=len)
        with torch.device("meta" if family is not encoders.MIT else "cpu"):
            keys = list(get_encoder(name, weights=None).state_dict())
        assert not any(key.startswith(CLASSIFIERS) for key in keys), name


def test_safetensors_of_an_encoder_inside_a_model(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = shuffled(get_encoder("resnet18", weights=None))
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file({f"encoder.{key}": value for key, value in state.items()}, path)
    model, lineage = filled_from(path, arch="deeplabv3plus", encoder="resnet18")
    assert lineage["matched"] == len(state) and lineage["chain"] == []
    assert torch.equal(model.encoder.state_dict()["conv1.weight"], state["conv1.weight"])
