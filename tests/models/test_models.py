"""What every registered model must do; a new one is tested by being there."""

from __future__ import annotations

import copy
import hashlib
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import Tensor
from torchvision.models.segmentation import fcn_resnet50 as torchvision_fcn

from segengine.config import ModelConfig, OptimConfig
from segengine.errors import UserError
from segengine.losses import build_loss
from segengine.models import build_model, download
from segengine.models.base import SegmentationModel, count_parameters, encoder_hash
from segengine.models.fcn_resnet50 import imagenet_file
from segengine.registry import entries, find

NAMES = list(entries("models"))
LARGE = {"segformer_b3", "segformer_b4", "segformer_b5"}  # checked on the meta device only
EXPORTED = [name for name in NAMES if name not in LARGE | {"segformer_b1", "segformer_b2"}]
every_model = pytest.mark.parametrize("name", NAMES)
every_small_model = pytest.mark.parametrize("name", [name for name in NAMES if name not in LARGE])


@pytest.fixture(scope="module")
def models() -> Iterator[dict[str, SegmentationModel]]:
    """One untouched model a name, built when first asked for: tests copy what they change."""
    built: dict[str, SegmentationModel] = {}
    yield built
    built.clear()


def config(name: str, **values: object) -> ModelConfig:
    """The smallest form of the model."""
    options = find("models", name).options
    small = {"encoder": "resnet18", "base_width": 8}
    chosen = {key: value for key, value in small.items() if key in options}
    return ModelConfig.model_validate({"arch": name, **chosen, **values})


def odd_size(name: str) -> tuple[int, int]:
    """The oddest height and width that the model takes."""
    divisor = find("models", name).divisor
    return (65, 97) if divisor == 1 else (3 * divisor, 5 * divisor)


def get(models: dict[str, SegmentationModel], name: str) -> SegmentationModel:
    if name not in models:
        torch.manual_seed(0)
        models[name] = build_model(config(name), 3)
    return models[name]


def on_meta(name: str, classes: int, **values: object) -> SegmentationModel:
    """The model without memory: only names and shapes."""
    with torch.device("meta"):
        return build_model(config(name, **values), classes)


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def train_step(model: SegmentationModel, batch: Tensor) -> None:
    """One SGD step of all that learns."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    target = torch.zeros(len(batch), *batch.shape[2:], dtype=torch.uint8)
    build_loss(OptimConfig(), 3)(model(batch), target).backward()
    optimizer.step()


@every_model
@pytest.mark.parametrize(("classes", "size"), [(2, (32, 32)), (3, (64, 96)), (19, None)])
def test_logits_have_the_size_of_the_images(
    name: str, classes: int, size: tuple[int, int] | None
) -> None:
    height, width = size or odd_size(name)
    logits = on_meta(name, classes)(torch.empty(2, 3, height, width, device="meta"))
    assert logits.shape == (2, classes, height, width)


@every_small_model
def test_an_odd_size_trains(models: dict[str, SegmentationModel], name: str) -> None:
    model = copy.deepcopy(get(models, name)).train()
    train_step(model, images(2, 3, *odd_size(name)))
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key


@every_small_model
def test_memory_format_and_files_change_nothing(
    models: dict[str, SegmentationModel], name: str, tmp_path: Path
) -> None:
    model = get(models, name).eval()
    batch = images(1, 3, 32, 96)
    with torch.no_grad():
        expected = model(batch)
        other = copy.deepcopy(model).to(memory_format=torch.channels_last)
        torch.testing.assert_close(other(batch), expected, atol=1e-4, rtol=1e-4)
    assert encoder_hash(other) == encoder_hash(model)

    torch.save(other.state_dict(), tmp_path / "model.pt")
    loaded = build_model(config(name), 3).eval()
    assert encoder_hash(loaded) != encoder_hash(model)
    loaded.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    assert encoder_hash(loaded) == encoder_hash(model)
    with torch.no_grad():
        torch.testing.assert_close(loaded(batch), expected, atol=1e-4, rtol=1e-4)


@every_small_model
def test_a_frozen_encoder_does_not_move(models: dict[str, SegmentationModel], name: str) -> None:
    model = copy.deepcopy(get(models, name))
    model.freeze_encoder()
    model.train()
    before = encoder_hash(model)
    decoder = copy.deepcopy(model.decoder.state_dict())

    assert model.training and model.decoder.training
    assert not any(module.training for module in model.encoder.modules())
    train_step(model, images(2, 3, 32, 32))

    assert encoder_hash(model) == before  # buffers of batch norm included
    assert all(p.grad is None and not p.requires_grad for p in model.encoder.parameters())
    assert all(p.grad is not None for p in model.decoder.parameters())
    assert any((decoder[key] != value).any() for key, value in model.decoder.state_dict().items())
    total, trainable = count_parameters(model)
    assert trainable == total - count_parameters(model.encoder).total


@every_small_model
@pytest.mark.parametrize(("more", "size"), [(0, 64), (1, 32)])
def test_the_smallest_batch_and_the_smallest_image_train(
    models: dict[str, SegmentationModel], name: str, more: int, size: int
) -> None:
    model = copy.deepcopy(get(models, name)).train()
    train_step(model, images(find("models", name).min_batch + more, 3, size, size))
    assert all(value.isfinite().all() for value in model.state_dict().values())


@every_small_model
def test_encode_then_decode_is_the_model(models: dict[str, SegmentationModel], name: str) -> None:
    model = get(models, name).eval()
    batch = images(2, 3, *odd_size(name))
    with torch.no_grad():
        features = model.encode(batch)
        maps = list(features.values()) if isinstance(features, dict) else features
        assert all(len(one) == 2 and one.numel() for one in maps)  # each image has its own
        assert torch.equal(model.decode(features, batch.shape[-2:]), model(batch))


def exported(model: SegmentationModel, batch: Tensor, dynamo: bool) -> bytes:
    """The model as ONNX, by torch's exporter or by its older tracer (dynamo=False)."""
    if dynamo:
        program = torch.onnx.export(model, (batch,), dynamo=True, verbose=False)
        assert program is not None
        return program.model_proto.SerializeToString()
    file = io.BytesIO()
    torch.onnx.export(model, (batch,), file, dynamo=False)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "dynamo"),
    [*((name, False) for name in EXPORTED), ("segformer_b0", True), ("smp_unet", True)],
)
def test_onnx_gives_the_same_logits(
    models: dict[str, SegmentationModel], name: str, dynamo: bool
) -> None:
    model, batch = get(models, name).eval(), images(1, 3, 64, 64)
    session = onnxruntime.InferenceSession(
        exported(model, batch, dynamo), providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(None, {session.get_inputs()[0].name: batch.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(logits), model(batch), atol=1e-3, rtol=0)


def test_the_same_seed_gives_the_same_model() -> None:
    hashes = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        hashes.append(encoder_hash(build_model(ModelConfig(), 3)))
    assert hashes[0] == hashes[1] != hashes[2]


def test_fcn_parameters() -> None:
    model = on_meta("fcn_resnet50", 3)
    assert count_parameters(model).total == 32_947_779
    assert count_parameters(on_meta("fcn_resnet50", 3, aux_weight=0.4)).total == 35_308_358
    keys = set(model.encoder.state_dict())
    assert {"conv1.weight", "layer4.2.bn3.running_var"} <= keys
    assert not any(key.startswith(model.unused_keys) for key in keys)


def test_the_auxiliary_head_of_fcn_is_torchvisions() -> None:
    torch.manual_seed(0)
    model = build_model(config("fcn_resnet50", aux_weight=0.4), 3).eval()
    other = torchvision_fcn(weights=None, weights_backbone=None, num_classes=3, aux_loss=True)
    assert model.aux is not None
    other.backbone.load_state_dict(model.encoder.state_dict())
    other.classifier.load_state_dict(model.decoder.head.state_dict())  # type: ignore[union-attr]
    other.aux_classifier.load_state_dict(model.aux.head.state_dict())  # type: ignore[union-attr]
    batch = images(2, 3, 64, 64)
    with torch.no_grad():
        expected = other.eval()(batch)
        features = model.encode(batch)
        torch.testing.assert_close(model.decode(features, (64, 64)), expected["out"])
        torch.testing.assert_close(model.decode_aux(features, (64, 64)), expected["aux"])


def test_an_auxiliary_head_learns_beside_the_other() -> None:
    model = build_model(config("fcn_resnet50", aux_weight=0.4), 3).train()
    model.freeze_encoder()
    batch = images(2, 3, 32, 32)
    features = model.encode(batch)
    (model.decode(features, (32, 32)).sum() + model.decode_aux(features, (32, 32)).sum()).backward()
    assert all(p.grad is not None for p in [*model.decoder.parameters(), *model.aux.parameters()])
    assert on_meta("fcn_resnet50", 3).aux is None


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


@every_model
def test_scratch_never_loads_weights(no_network: Path, name: str) -> None:
    on_meta(name, 3)
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


def test_unknown_names_answer_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="segformer_b0"):
        find("models", "segformer")


def test_the_packages_do_not_import_torch() -> None:
    packages = "segengine.models, segengine.losses, segengine.statistics.scores"
    code = f"import sys, {packages}; print('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "False"


class TestCrossEntropy:
    def test_is_the_mean_over_valid_pixels(self) -> None:
        logits, target = images(2, 3, 4, 4), torch.randint(0, 3, (2, 4, 4))
        target[0, :2] = 255
        expected = torch.nn.functional.cross_entropy(logits, target, ignore_index=255)
        torch.testing.assert_close(build_loss(OptimConfig(), 3)(logits, target), expected)

    def test_void_only_is_zero_with_zero_gradients(self) -> None:
        logits = images(2, 3, 4, 4).requires_grad_()
        loss = build_loss(OptimConfig(), 3)(logits, torch.full((2, 4, 4), 255))
        loss.backward()
        assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()
