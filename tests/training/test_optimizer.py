"""Optimizers: what is trained, at which learning rate, and that older checkpoints resume."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from segengine.config import OptimConfig
from segengine.models.base import SegmentationModel
from segengine.training.optimizer import build_optimizer, set_lr


def tiny_model() -> SegmentationModel:
    """An encoder of 8 and a decoder of 9 parameters."""
    torch.manual_seed(0)
    return SegmentationModel(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 3, 1))


def fill_gradients(model: SegmentationModel, seed: int) -> None:
    torch.manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.randn_like(parameter)


def steps(
    model: SegmentationModel, optimizer: torch.optim.Optimizer, first: int = 0
) -> list[Tensor]:
    """The parameters after three steps, whose gradients are the same at every call."""
    for seed in range(first, first + 3):
        fill_gradients(model, seed)
        optimizer.step()
    return [parameter.detach().clone() for parameter in model.parameters()]


ORACLES: list[tuple[dict[str, Any], Any]] = [
    (
        {},
        lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-2, amsgrad=True),
    ),
    (
        {"optimizer": "adam", "amsgrad": False, "weight_decay": 0.1},
        lambda parameters: torch.optim.Adam(parameters, lr=1e-3, weight_decay=0.1),
    ),
    (
        {"optimizer": "sgd", "lr": 0.1, "momentum": 0.8, "weight_decay": 0.1},
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.8, weight_decay=0.1),
    ),
]


@pytest.mark.parametrize(("name", "oracle"), [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)])
def test_a_bare_adam_or_sgd_is_torchs_own(name: str, oracle: Any) -> None:
    mine, other = tiny_model(), tiny_model()
    stepped = steps(mine, build_optimizer(mine, OptimConfig(optimizer=name)))
    torch.testing.assert_close(stepped, steps(other, oracle(other.parameters())))


@pytest.mark.parametrize(("values", "oracle"), ORACLES)
def test_steps_equal_torchs_optimizer(values: dict[str, Any], oracle: Any) -> None:
    mine, other = tiny_model(), tiny_model()
    stepped = steps(mine, build_optimizer(mine, OptimConfig(**values)))
    expected = steps(other, oracle(other.parameters()))
    torch.testing.assert_close(stepped, expected)
    assert not torch.equal(stepped[0], tiny_model().encoder.weight)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_the_encoder_is_trained_at_its_own_rate(name: str) -> None:
    config = OptimConfig(optimizer=name, lr=1e-2, encoder_lr_factor=0.1, weight_decay=0)
    slow, plain = tiny_model(), tiny_model()
    optimizer = build_optimizer(slow, config)
    assert [group["lr"] for group in optimizer.param_groups] == [1e-2, pytest.approx(1e-3)]
    start = [parameter.detach().clone() for parameter in slow.parameters()]
    slowed = steps(slow, optimizer)
    full = steps(plain, build_optimizer(plain, config.model_copy(update={"encoder_lr_factor": 1})))
    moved = [(a - c) / (b - c) for a, b, c in zip(slowed, full, start, strict=True)]
    for ratio, expected in zip(moved, [0.1, 0.1, 1, 1], strict=True):
        torch.testing.assert_close(ratio, torch.full_like(ratio, expected), rtol=1e-3, atol=1e-4)


def test_without_a_factor_there_is_one_group_of_all_trained_parameters() -> None:
    frozen = tiny_model()
    frozen.freeze_encoder()
    for whole, count in ((tiny_model(), 4), (frozen, 2)):
        (group,) = build_optimizer(whole, OptimConfig()).param_groups
        assert len(group["params"]) == count
        assert all(parameter.requires_grad for parameter in group["params"])


@pytest.mark.parametrize("factor", [1.0, 0.1])
def test_every_group_moves_with_the_schedule_from_its_own_base(factor: float) -> None:
    optimizer = build_optimizer(tiny_model(), OptimConfig(lr=0.01, encoder_lr_factor=factor))
    base = [0.01] if factor == 1 else [0.01, 0.001]
    for share in (0.5, 1.0, 0.0, 0.25):  # never of what was set before
        set_lr(optimizer, share)
        lrs = [group["lr"] for group in optimizer.param_groups]
        assert lrs == pytest.approx([share * lr for lr in base])


def test_a_resumed_optimizer_goes_on_to_the_bit() -> None:
    config = OptimConfig(encoder_lr_factor=0.5)
    whole = tiny_model()
    optimizer = build_optimizer(whole, config)
    steps(whole, optimizer)
    expected = steps(whole, optimizer, first=3)

    first = tiny_model()
    optimizer = build_optimizer(first, config)
    steps(first, optimizer)
    second = tiny_model()
    second.load_state_dict(first.state_dict())
    resumed = build_optimizer(second, config)
    resumed.load_state_dict(optimizer.state_dict())
    assert all(map(torch.equal, steps(second, resumed, first=3), expected))


def test_an_older_checkpoint_keeps_the_configs_base_rate() -> None:
    """Its groups hold the decayed learning rate, and no base."""
    older = torch.optim.AdamW(tiny_model().parameters(), lr=1e-3, amsgrad=True, fused=True)
    older.param_groups[0]["lr"] = 4e-4
    state = older.state_dict()
    assert "initial_lr" not in state["param_groups"][0]

    optimizer = build_optimizer(tiny_model(), OptimConfig())
    optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["lr"] == 4e-4
    set_lr(optimizer, 0.5)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(5e-4)
