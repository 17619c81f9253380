"""FCN-ResNet50 against torchvision's, with and without its auxiliary head."""

from __future__ import annotations

import torch
from torchvision.models.segmentation import fcn_resnet50 as torchvision_fcn

from segengine.config import ModelConfig
from segengine.models import build_model
from segengine.models.base import SegmentationModel, count_parameters

FCN = ModelConfig(arch="fcn_resnet50")
AUX = ModelConfig(arch="fcn_resnet50", aux_weight=0.4)


def on_meta(config: ModelConfig) -> SegmentationModel:
    with torch.device("meta"):
        return build_model(config, 3)


def test_fcn_parameters() -> None:
    model = on_meta(FCN)
    assert count_parameters(model).total == 32_947_779
    assert count_parameters(on_meta(AUX)).total == 35_308_358
    keys = set(model.encoder.state_dict())
    assert {"conv1.weight", "layer4.2.bn3.running_var"} <= keys
    assert not any(key.startswith(model.unused_keys) for key in keys)


def test_the_auxiliary_head_of_fcn_is_torchvisions() -> None:
    torch.manual_seed(0)
    model = build_model(AUX, 3).eval()
    other = torchvision_fcn(weights=None, weights_backbone=None, num_classes=3, aux_loss=True)
    assert model.aux is not None
    other.backbone.load_state_dict(model.encoder.state_dict())
    other.classifier.load_state_dict(model.decoder.head.state_dict())  # type: ignore[union-attr]
    other.aux_classifier.load_state_dict(model.aux.head.state_dict())  # type: ignore[union-attr]
    batch = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = other.eval()(batch)
        features = model.encode(batch)
        torch.testing.assert_close(model.decode(features, (64, 64)), expected["out"])
        torch.testing.assert_close(model.decode_aux(features, (64, 64)), expected["aux"])


def test_an_auxiliary_head_is_trained_beside_the_other() -> None:
    model = build_model(AUX, 3).train()
    model.freeze_encoder()
    batch = torch.randn(2, 3, 32, 32)
    features = model.encode(batch)
    (model.decode(features, (32, 32)).sum() + model.decode_aux(features, (32, 32)).sum()).backward()
    assert all(p.grad is not None for p in [*model.decoder.parameters(), *model.aux.parameters()])
    assert on_meta(FCN).aux is None
