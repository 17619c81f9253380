"""timm's encoders: offered by name, built by SMP, filled from the files that timm publishes."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from timm.models import get_pretrained_cfg

from segengine.config import ModelConfig, encoders
from segengine.errors import UserError
from segengine.models import build_model, imagenet_file
from segengine.models.timm_encoders import published_names
from tests.weights.filling import filled, saved, started_from

SMALLEST = [family[0] for family in encoders.TIMM]
OFFERED = [name for family in encoders.TIMM for name in family]
FREE = {"apache-2.0", "mit", "bsd-3-clause"}


@pytest.mark.parametrize("name", OFFERED)
def test_every_one_has_published_weights_under_a_free_license(name: str) -> None:
    settings = get_pretrained_cfg(name.removeprefix("tu-"))
    assert settings is not None and settings.hf_hub_id and settings.license in FREE
    assert all(0 < value < 1 for value in (*settings.mean, *settings.std))  # RGB of 0 to 1


@pytest.mark.parametrize("name", SMALLEST)
def test_it_builds_in_every_model_that_it_suits_and_every_name_is_published(name: str) -> None:
    for arch in ("deeplabv3plus", "smp_unet", "unetplusplus", "fpn"):
        if name in encoders.suiting(arch):
            with torch.device("meta"):
                model = build_model(ModelConfig(arch=arch, encoder=name), 3)
                assert model(torch.empty(2, 3, 64, 96)).shape == (2, 3, 64, 96), arch
    own = list(model.encoder.state_dict())
    found = [ours for ours in published_names(name, own).values() if ours]
    assert sorted(found) == sorted(own)  # each once


@pytest.mark.parametrize("name", ["tu-mobilenetv3_small_100", "tu-regnety_004", "tu-convnext_tiny"])
def test_timms_file_fills_it_and_its_maps_are_timms(name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    theirs = timm.create_model(name.removeprefix("tu-")).eval()
    model, lineage = filled(
        started_from(saved(tmp_path, theirs.state_dict()), arch="fpn", encoder=name), tmp_path
    )
    batch = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        features = model.eval().encode(batch)
        assert isinstance(features, list)
        expected = theirs.forward_features(batch)
    torch.testing.assert_close(features[-1], expected, atol=1e-4, rtol=1e-4)
    assert lineage["matched"] == len(model.encoder.state_dict())
    assert all(
        key.startswith(("head.", "classifier.", "conv_head.")) for key in lineage["unmatched"]
    )


def test_one_run_lends_it_to_another_model(tmp_path: Path) -> None:
    torch.manual_seed(0)
    name = "tu-mobilenetv3_small_100"
    lender = build_model(ModelConfig(arch="smp_unet", encoder=name), 19)
    path = saved(tmp_path, {"format": "seglab-1", "model": lender.state_dict()})
    model, _ = filled(started_from(path, arch="fpn", encoder=name), tmp_path)
    given = lender.encoder.state_dict()
    assert all(torch.equal(value, given[key]) for key, value in model.encoder.state_dict().items())


def test_imagenet_weights_are_those_that_timm_publishes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    config = ModelConfig(arch="fpn", encoder="tu-tf_efficientnet_lite0")
    with pytest.raises(UserError, match=r"timm/tf_efficientnet_lite0\.in1k/resolve/main"):
        imagenet_file(config)
    folder = tmp_path / "models--timm--tf_efficientnet_lite0.in1k"
    (folder / "snapshots" / "0123").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0123")
    (folder / "snapshots" / "0123" / "model.safetensors").write_bytes(b"weights")
    assert imagenet_file(config) == folder / "snapshots" / "0123" / "model.safetensors"
