"""What tests of encoder weights share: pets, a finished run, and published weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch
from torchvision.models import resnet50

from segengine.run.rundir import RunDir
from tests import tiny
from tests.weights.filling import Weights


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


@pytest.fixture(scope="module")
def source(pets: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A finished run that others start from."""
    return tiny.train(tmp_path_factory.mktemp("runs"), tiny.config(pets, epochs=1, seed=5))


@pytest.fixture(scope="module")
def mit(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """MiT-B0 as published: the encoder of segmentation_models_pytorch and its ImageNet head."""
    torch.manual_seed(7)
    encoder = smp.encoders.get_encoder("mit_b0", weights=None).state_dict()
    return {**encoder, "head.weight": torch.randn(1000, 256), "head.bias": torch.randn(1000)}


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet-50 as torchvision publishes it (with its `fc` head), with random weights."""
    torch.manual_seed(8)
    path = tmp_path_factory.mktemp("resnet") / "resnet50.pth"
    torch.save(resnet50(weights=None).state_dict(), path)
    return path
