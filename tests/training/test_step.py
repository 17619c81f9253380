"""What an optimizer step does: accumulation, clipping, averaging, float16, the auxiliary loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from segengine.training import step as step_module
from segengine.training.components import Components
from segengine.training.step import TrainingStep
from segengine.weights.checkpoint import best_weights, load_checkpoint
from tests import tiny

STEP = [np.array([0, 1]), np.array([2, 3, 4])]


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


@pytest.fixture
def build(pets: Path) -> Callable[..., Components]:
    """Components whose model computes the same in every forward pass: no dropout, fixed BN."""

    def made(**values: Any) -> Components:
        components = tiny.build(tiny.config(pets, **values))
        components.model.eval()
        return components

    return made


def gradients(step: TrainingStep) -> dict[str, Tensor]:
    named = step.model.named_parameters()
    return {name: p.grad.clone() for name, p in named if p.grad is not None}


def weights(components: Components) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in components.model.named_parameters()}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"class_weights": "inverse"},
        {"loss": "focal", "class_weights": "inverse"},
        {"arch": "fcn_resnet50", "aux_weight": 0.5, "class_weights": "inverse"},
    ],
)
def test_small_batches_make_the_gradient_of_a_large_one(
    build: Callable[..., Components], values: dict[str, Any]
) -> None:
    """Images differ in void and classes: a mean of the batches' means is another gradient."""
    components = build(**values)
    components.step.gradients(components.train_data, [np.concatenate(STEP)], (0, 1, 0))
    whole = gradients(components.step)
    outcomes = components.step.gradients(components.train_data, STEP, (0, 1, 0))
    for name, gradient in gradients(components.step).items():
        torch.testing.assert_close(gradient, whole[name], atol=1e-6, rtol=1e-4)
    assert [len(outcome.masks) for outcome in outcomes] == [2, 3]


def test_what_an_augmentation_makes_void_is_not_in_a_batchs_weight(
    build: Callable[..., Components], monkeypatch: pytest.MonkeyPatch
) -> None:
    def blank_the_second(images: Tensor, masks: Tensor, **_: Any) -> tuple[Tensor, Tensor]:
        return images, masks if len(masks) == 2 else torch.full_like(masks, 255)

    monkeypatch.setattr(step_module, "augment", blank_the_second)
    components = build(augment=("rotate",))
    components.step.gradients(components.train_data, STEP[:1], (0, 1, 0))
    alone = gradients(components.step)
    components.step.gradients(components.train_data, STEP, (0, 1, 0))
    for name, gradient in gradients(components.step).items():
        torch.testing.assert_close(gradient, alone[name], atol=1e-6, rtol=1e-4)


def test_the_gradient_is_cut_to_the_norm_that_was_asked_for(
    build: Callable[..., Components],
) -> None:
    """With SGD at learning rate 1 the weights change by the gradient itself."""
    sgd = {"optimizer": "sgd", "amsgrad": True, "momentum": 0.0, "weight_decay": 0.0, "lr": 1.0}
    lengths = {}
    for limit in (0.0, 0.01):
        components = build(**sgd, grad_clip=limit)
        before = weights(components)
        components.step.gradients(components.train_data, STEP, (0, 1, 0))
        components.step.update(1.0)
        moved = [(value - before[name]).flatten() for name, value in weights(components).items()]
        lengths[limit] = torch.cat(moved).norm().item()
    assert lengths[0.01] == pytest.approx(0.01, rel=1e-3)
    assert lengths[0.0] > 0.02


def test_the_average_follows_the_weights_and_validates(build: Callable[..., Components]) -> None:
    components = build(ema=0.5)
    average = components.step.average
    assert average is not None and components.predictor.model is average.model
    name = next(iter(weights(components)))
    expected = weights(components)[name]
    for step in range(1, 6):
        components.step.gradients(components.train_data, STEP, (0, 1, step))
        components.step.update(1.0)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weights(components)[name]
    averaged = dict(average.model.named_parameters())[name]
    torch.testing.assert_close(averaged.detach(), expected)
    assert not torch.equal(averaged.detach(), weights(components)[name])


def test_the_best_checkpoint_predicts_with_the_average(pets: Path, tmp_path: Path) -> None:
    run = tiny.train(tmp_path, tiny.config(pets, ema=0.9))
    state = load_checkpoint(run.best_checkpoint)
    key = "decoder.classifier.weight"
    assert torch.equal(best_weights(state)[key], state["ema"][key])
    assert not torch.equal(state["ema"][key], state["model"][key])


def test_float16_scales_the_loss_and_comes_close_to_float32(
    build: Callable[..., Components],
) -> None:
    results = {}
    for precision in ("fp32", "fp16"):
        components = build(precision=precision)
        outcomes = components.step.gradients(components.train_data, STEP, (0, 1, 0))
        components.step.scaler.unscale_(components.step.optimizer)
        loss = components.step.loss.value(*outcomes[0].sums).item()
        results[precision] = (loss, gradients(components.step))
        assert components.step.scaler.is_enabled() == (precision == "fp16")
    assert results["fp16"][0] == pytest.approx(results["fp32"][0], rel=0.02)
    key = "decoder.classifier.weight"
    ours, exact = results["fp16"][1][key], results["fp32"][1][key]
    assert F.cosine_similarity(ours.flatten(), exact.flatten(), 0) > 0.99
    assert ours.norm().item() == pytest.approx(exact.norm().item(), rel=0.05)


def test_the_auxiliary_head_is_trained_by_its_weight(build: Callable[..., Components]) -> None:
    """Its gradient is proportional to the weight; the reported loss is the main one."""
    norms, losses = [], []
    for weight in (0.25, 0.5):
        components = build(arch="fcn_resnet50", aux_weight=weight)
        outcomes = components.step.gradients(components.train_data, STEP[:1], (0, 1, 0))
        losses.append(components.step.loss.value(*outcomes[0].sums).item())
        last = [name for name in gradients(components.step) if name.startswith("aux.")][-1]
        norms.append(gradients(components.step)[last].norm().item())
    assert losses[0] == losses[1]
    assert norms[1] == pytest.approx(2 * norms[0], rel=1e-4)


def test_class_weights_come_from_the_training_masks(pets: Path, tmp_path: Path) -> None:
    config = tiny.config(pets, class_weights="inverse", epochs=1)
    run = tiny.train(tmp_path, config)
    logged = tiny.events(run, "run_started")[0]["class_weights"]
    masks = tiny.build(config).train_data.masks
    counts = np.array([(masks == label).sum() for label in range(3)])
    assert logged == pytest.approx((counts.sum() / (3 * counts)).tolist())


EVERYTHING: dict[str, Any] = {
    "accumulate": 2,
    "ema": 0.9,
    "precision": "fp16",
    "grad_clip": 1.0,
    "optimizer": "sgd",
    "amsgrad": True,
    "scheduler": "cosine",
    "warmup_epochs": 1.0,
    "encoder_lr_factor": 0.5,
    "augment": ("hflip", "crop", "rotate", "color", "blur"),
    "early_stop": 5,
    "early_stop_metric": "loss",
    "class_weights": "inverse",
}


@pytest.mark.parametrize("chance", [1, 3, 6, 8])
def test_a_run_with_everything_goes_on_exactly_after_a_stop(
    pets: Path, tmp_path: Path, chance: int
) -> None:
    config = tiny.decoded(tiny.config(pets, **EVERYTHING))
    whole = tiny.train(tmp_path / "whole", config)
    run = tiny.train(tmp_path / "stopped", config, tiny.StopsAt(chance))
    assert tiny.events(run)[-1]["event"] == "run_stopped"
    tiny.go_on(run)
    assert tiny.epochs(run) == tiny.epochs(whole)
    mine, theirs = (load_checkpoint(trained.last_checkpoint) for trained in (run, whole))
    for part in ("model", "ema"):
        assert all(torch.equal(mine[part][key], theirs[part][key]) for key in theirs[part])
    assert mine["scaler"] == theirs["scaler"]


def test_batches_that_accumulate_count_as_one_step(pets: Path, tmp_path: Path) -> None:
    """7 images in batches of 2, 2 and 3: with two batches per step that is 2 steps per epoch."""
    run = tiny.train(tmp_path, tiny.config(pets, accumulate=2))
    assert tiny.events(run, "run_started")[0]["steps_per_epoch"] == 2
    assert [record["step"] for record in tiny.epochs(run)] == [2, 4]
