"""Images are normalized as the encoder's weights expect: said in the log, kept in checkpoints."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from segengine.batches.load import load_batch
from segengine.config import ModelConfig, RunConfig, encoders
from segengine.inference.predict import load_trained
from segengine.models import build_model
from segengine.models.normalization import DPN, HALF, IMAGENET, Normalization
from segengine.run.rundir import RunDir
from tests import tiny
from tests.weights.filling import filled, fresh, saved, started_from

LITE = {"arch": "smp_unet", "encoder": "timm-tf_efficientnet_lite0"}
OLD = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
OWN = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet34", IMAGENET),
        ("mit_b0", IMAGENET),
        ("efficientnet-b0", IMAGENET),
        ("timm-efficientnet-b0", IMAGENET),
        ("se_resnet50", IMAGENET),
        ("inceptionv4", HALF),
        ("inceptionresnetv2", HALF),
        ("xception", HALF),
        ("timm-tf_efficientnet_lite4", HALF),
        ("dpn92", DPN),
        ("tu-tf_efficientnet_lite0", HALF),
        ("tu-resnetv2_50", HALF),
        ("tu-convnext_tiny", IMAGENET),
    ],
)
def test_each_encoder_has_the_statistics_of_its_published_weights(
    name: str, expected: Normalization
) -> None:
    assert Normalization.of_encoder(name) == expected


def test_those_that_smp_shares_with_timm_have_timms_statistics() -> None:
    """timm states them too, for the same published files."""
    from timm.models import get_pretrained_cfg

    twins = {
        "inceptionv4": "inception_v4",
        "inceptionresnetv2": "inception_resnet_v2",
        "xception": "legacy_xception",
        **{name: name for name in encoders.DPN if name != "dpn68b"},
        **{name: name.removeprefix("timm-") for name in encoders.TIMM_SKNET},
        **{f"timm-{name[3:]}": name[3:] for name in encoders.TIMM[0]},
    }
    for ours, theirs in twins.items():
        settings = get_pretrained_cfg(theirs)
        assert settings is not None, theirs
        normalization = Normalization.of_encoder(ours)
        np.testing.assert_allclose(normalization.mean, settings.mean, atol=1e-12, err_msg=ours)
        np.testing.assert_allclose(normalization.std, settings.std, atol=1e-12, err_msg=ours)


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


def config(pets: Path, **values: object) -> RunConfig:
    return tiny.config(pets, **{**LITE, "epochs": 1, "image_size": "32", **values})


@pytest.fixture(scope="module")
def trained(pets: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    return tiny.train(tmp_path_factory.mktemp("runs"), config(pets))


def test_the_log_and_the_checkpoint_hold_it_and_prediction_takes_it(trained: RunDir) -> None:
    (started,) = tiny.events(trained, "run_started")
    assert started["normalization"] == OWN
    assert torch.load(trained.best_checkpoint, weights_only=True)["normalization"] == OWN
    assert load_trained(trained).predictor.model.normalization == HALF


def test_the_model_sees_pixels_from_minus_one_to_one(pets: Path) -> None:
    components = tiny.build(config(pets))
    split = components.train_data
    images, _ = load_batch(split, np.arange(2), torch.device("cpu"), None, HALF)
    expected = torch.from_numpy(split.images[:2].copy()).permute(0, 3, 1, 2) / 127.5 - 1
    torch.testing.assert_close(images, expected, atol=1e-6, rtol=0)

    seen: list[torch.Tensor] = []
    components.model.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    components.step.gradients(split, [np.arange(2)], (0, 1, 0))
    torch.testing.assert_close(seen[0], images)
    next(iter(components.predictor.batches(components.val_data)))
    assert seen[1].min() >= -1 and seen[1].max() <= 1
    components.predictor.labels(np.full((40, 40, 3), 255, np.uint8), (32, 32))
    assert torch.equal(seen[2], torch.ones(1, 3, 32, 32))


@pytest.fixture
def older(trained: RunDir, tmp_path: Path) -> RunDir:
    """The run as an older version left it, whose checkpoints do not say."""
    run = RunDir(shutil.copytree(trained.path, tmp_path / trained.id))
    for path in (run.last_checkpoint, run.best_checkpoint):
        state = torch.load(path, weights_only=True)
        del state["normalization"]
        path.unlink()
        torch.save(state, path)
    lines = run.events_file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if '"checkpoint"' not in line and "run_finished" not in line]
    run.events_file.write_text("".join(kept))
    return run


def test_an_older_checkpoint_means_imagenets_also_when_the_run_goes_on(older: RunDir) -> None:
    assert load_trained(older).predictor.model.normalization == IMAGENET
    tiny.go_on(older)
    assert tiny.events(older, "run_started")[-1]["normalization"] == OLD


def test_who_starts_from_a_run_normalizes_as_that_run_did(trained: RunDir, older: RunDir) -> None:
    for run, expected in ((trained, HALF), (older, IMAGENET)):
        model, _ = filled(started_from(f"run:{run.id}", **LITE), run.path.parent)
        assert model.normalization == expected


def test_a_published_file_is_normalized_for_as_its_encoder(tmp_path: Path) -> None:
    given = build_model(ModelConfig(**LITE), 3).encoder.state_dict()
    model, _ = filled(started_from(saved(tmp_path, given), **LITE), tmp_path)
    assert model.normalization == fresh(ModelConfig(**LITE)).normalization == HALF
