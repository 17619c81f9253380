"""Published weights: taken from caches, checked, and the errors where no network is."""

from __future__ import annotations

import hashlib
import socket
import time
from pathlib import Path

import pytest
import torch
from torchvision.models.segmentation import fcn_resnet50 as torchvision_fcn

from segengine.config import ModelConfig
from segengine.errors import UserError
from segengine.models import build_model, download
from segengine.models.fcn_resnet50 import imagenet_file
from segengine.registry import entries


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A torch hub folder that must stay empty, and a network that must not be used."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("the network was used")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tmp_path / "torch"


@pytest.mark.parametrize("name", list(entries("models")))
def test_scratch_never_loads_weights(no_network: Path, name: str) -> None:
    with torch.device("meta"):
        build_model(ModelConfig(arch=name), 3)
    assert not no_network.exists()


def test_the_guard_catches_torchvisions_default(no_network: Path) -> None:
    with pytest.raises(OSError, match="network was used"):
        torchvision_fcn(weights=None)  # loads an ImageNet backbone


def test_imagenet_file_without_network_says_what_to_do(no_network: Path) -> None:
    with pytest.raises(UserError, match=r"--weights FILE") as error:
        imagenet_file(ModelConfig(arch="fcn_resnet50"))
    assert error.value.field == "weights"
    assert "https://download.pytorch.org/models/resnet50-0676ba61.pth" in str(error.value)
    assert str(no_network / "hub/checkpoints/resnet50-0676ba61.pth") in str(error.value)


def test_a_cached_file_is_checked(no_network: Path) -> None:
    path = no_network / "hub/checkpoints/tiny-2c26b46b.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"foo")  # its sha256 begins with 2c26b46b
    assert download.from_url("https://example.org/tiny-2c26b46b.pth") == path
    path.write_bytes(b"torn")
    with pytest.raises(UserError, match="delete it"):
        download.from_url("https://example.org/tiny-2c26b46b.pth")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The hub's cache, empty; a place in it for the file of `tiny_file`."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "models--owner--tiny"


def tiny_file() -> Path:
    return download.from_hub("owner/tiny", "a" * 40)


def test_a_hub_that_cannot_be_reached_is_said_at_once(no_network: Path, hub: Path) -> None:
    began = time.monotonic()
    with pytest.raises(UserError, match="the network was used") as error:
        tiny_file()
    assert time.monotonic() - began < 5  # its client would try again for 20 seconds
    assert f"owner/tiny/resolve/{'a' * 40}/model.safetensors" in str(error.value)
    assert str(hub / "snapshots" / ("a" * 40) / "model.safetensors") in str(error.value)


def test_behind_a_proxy_only_the_hubs_client_is_asked(
    no_network: Path, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(repo: str, name: str, *, revision: str) -> str:
        path = hub / "snapshots" / revision / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"weights")
        return str(path)

    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert tiny_file().read_bytes() == b"weights"


def test_a_file_in_the_hubs_cache_is_checked(no_network: Path, hub: Path) -> None:
    blob = hub / "blobs" / hashlib.sha256(b"weights").hexdigest()
    link = hub / "snapshots" / ("a" * 40) / "model.safetensors"
    for folder in (blob.parent, link.parent):
        folder.mkdir(parents=True)
    blob.write_bytes(b"weights")
    link.symlink_to(blob)
    assert tiny_file() == link
    blob.write_bytes(b"torn")
    with pytest.raises(UserError, match=r"not the published file .* delete it") as error:
        tiny_file()
    assert str(blob) in str(error.value) and error.value.field == "weights"
