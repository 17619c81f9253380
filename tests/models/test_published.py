"""Where ImageNet weights lie: the looker without torch agrees with the downloader."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from timm.models import get_pretrained_cfg
from torchvision.models import ResNet50_Weights

from segengine.config import ModelConfig
from segengine.config.encoder_sizes import PARAMETERS
from segengine.config.encoders import ALL, NO_IMAGENET, TIMM
from segengine.models.base import count_parameters
from segengine.models.published import Published, published_imagenet


@pytest.fixture(autouse=True)
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def found(**values: str) -> Published:
    return published_imagenet(ModelConfig.model_validate(values))


SMPS_OWN = [name for name in ALL if name not in NO_IMAGENET and not name.startswith("tu-")]


@pytest.mark.parametrize("name", SMPS_OWN)
def test_the_repository_is_the_one_that_smp_publishes(name: str) -> None:
    from segmentation_models_pytorch.encoders import encoders

    settings = encoders[name]["pretrained_settings"]["imagenet"]
    arch = "fpn" if name != "mit_b0" else "segformer_b0"
    model = {"arch": arch} if arch == "segformer_b0" else {"arch": arch, "encoder": name}
    assert f"/{settings['repo_id']}/" in found(**model).url


@pytest.mark.parametrize("name", [name for family in TIMM for name in family])
def test_the_repository_is_the_one_that_timm_publishes(name: str) -> None:
    settings = get_pretrained_cfg(name.removeprefix("tu-"))
    assert settings is not None
    assert f"/{settings.hf_hub_id}/" in found(arch="fpn", encoder=name).url


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "mobilenetv3_small_100", "resnetv2_50"])
def test_timms_file_is_as_large_as_the_whole_classifier(name: str) -> None:
    with torch.device("meta"):
        parameters = count_parameters(timm.create_model(name)).total
    published = found(arch="fpn", encoder=f"tu-{name}")
    assert published.megabytes == pytest.approx(4 * parameters / 1e6, abs=0.25)


def test_torchvisions_file_lies_where_torch_hub_keeps_it(tmp_path: Path) -> None:
    published = found(arch="fcn_resnet50")
    assert published.url == ResNet50_Weights.IMAGENET1K_V1.url
    assert published.place.parent == Path(torch.hub.get_dir()) / "checkpoints"
    assert not published.cached
    published.place.parent.mkdir(parents=True)
    published.place.touch()
    assert found(arch="fcn_resnet50").cached


def test_a_file_in_the_hubs_cache_is_seen(tmp_path: Path) -> None:
    assert not found(arch="segformer_b0").cached
    folder = tmp_path / "hf" / "models--smp-hub--mit_b0.imagenet" / "snapshots" / ("0" * 40)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    assert found(arch="segformer_b0").cached


def test_a_hub_that_is_switched_off_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert not found(arch="segformer_b0").reachable()


def test_a_site_answers_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.getproxies", dict)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=server.accept, daemon=True).start()
        port = server.getsockname()[1]
        assert Published(f"https://127.0.0.1:{port}/x", Path("x"), False, 1.0).reachable()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert not Published(f"https://127.0.0.1:{port}/x", Path("x"), False, 1.0).reachable()


@pytest.mark.parametrize("name", ["resnet34", "efficientnet-b0", "vgg11", "tu-convnext_tiny"])
def test_sizes_of_encoders_are_those_of_built_ones(name: str) -> None:
    from segmentation_models_pytorch.encoders import get_encoder

    with torch.device("meta"):
        assert PARAMETERS[name] == count_parameters(get_encoder(name, weights=None)).total
