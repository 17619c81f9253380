"""What every registered model must do; a new one is tested by being there."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import Tensor

from segengine.config import ModelConfig, OptimConfig
from segengine.losses import build_loss
from segengine.models import build_model
from segengine.models.base import SegmentationModel, count_parameters, encoder_hash
from segengine.registry import entries, find

NAMES = list(entries("models"))
LARGE = {"segformer_b3", "segformer_b4", "segformer_b5"}  # checked on the meta device only
EXPORTED = [name for name in NAMES if name not in LARGE | {"segformer_b1", "segformer_b2"}]
every_model = pytest.mark.parametrize("name", NAMES)
every_small_model = pytest.mark.parametrize("name", [name for name in NAMES if name not in LARGE])


@pytest.fixture(scope="module")
def models() -> Iterator[dict[str, SegmentationModel]]:
    """One untouched model per name, built when first asked for; tests copy what they change."""
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
    """One SGD step of all trained parameters."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    target = torch.zeros(len(batch), *batch.shape[2:], dtype=torch.uint8)
    build_loss(OptimConfig(), 3)(model(batch), target).backward()
    optimizer.step()


@every_model
def test_the_form_tells_the_right_number_of_parameters(name: str) -> None:
    entry = find("models", name)
    with torch.device("meta"):
        model = build_model(ModelConfig(arch=name), 3)
    assert count_parameters(model).total == entry.parameters
    assert 2010 < entry.year < 2030


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
        assert all(
            len(feature) == 2 and feature.numel() for feature in maps
        )  # each image has its own
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
