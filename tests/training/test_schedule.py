"""The learning rate of every step against torch's own schedulers, and by hand."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from segengine.config import InvalidConfig, OptimConfig, RunConfig
from segengine.training.schedule import lr_factor

STEPS, EPOCHS = 5, 12  # steps per epoch, epochs


def factors(**values: Any) -> list[float]:
    """The factor at every step of a run."""
    config = OptimConfig(**values)
    return [lr_factor(config, step, STEPS, EPOCHS) for step in range(STEPS * EPOCHS)]


def torchs(kind: str, every: int = 1, **options: Any) -> list[float]:
    """The factors of a torch scheduler that is stepped once per `every` optimizer steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = getattr(lr_scheduler, kind)(optimizer, **options)
    lrs = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in range(1, STEPS * EPOCHS + 1):
            lrs.append(optimizer.param_groups[0]["lr"])
            if step % every == 0:
                scheduler.step()
    return lrs


@pytest.mark.parametrize(
    ("values", "kind", "every", "options"),
    [
        ({"scheduler": "exponential", "gamma": 0.9}, "ExponentialLR", STEPS, {"gamma": 0.9}),
        (
            {"scheduler": "step", "gamma": 0.5, "step_epochs": 5},
            *("StepLR", STEPS, {"gamma": 0.5, "step_size": 5}),
        ),
        ({"scheduler": "cosine"}, "CosineAnnealingLR", 1, {"T_max": STEPS * EPOCHS}),
        (
            {"scheduler": "polynomial", "power": 0.9},
            *("PolynomialLR", 1, {"total_iters": STEPS * EPOCHS, "power": 0.9}),
        ),
        (
            {"scheduler": "polynomial", "power": 3},
            *("PolynomialLR", 1, {"total_iters": STEPS * EPOCHS, "power": 3.0}),
        ),
        ({"scheduler": "constant"}, "ConstantLR", 1, {"factor": 1.0}),
    ],
)
def test_every_step_equals_torchs_scheduler(
    values: dict[str, Any], kind: str, every: int, options: dict[str, Any]
) -> None:
    assert factors(**values) == pytest.approx(torchs(kind, every, **options), abs=1e-12)


def test_warm_up_rises_linearly_and_then_leaves_the_schedule_alone() -> None:
    # torch's begins at start_factor and reaches 1 after total_iters steps.
    steps = 2 * STEPS
    rise = torchs("LinearLR", start_factor=1 / steps, end_factor=1.0, total_iters=steps - 1)
    assert factors(scheduler="constant", warmup_epochs=2) == pytest.approx(rise)
    assert rise[0] == pytest.approx(0.1) and rise[9:] == pytest.approx([1.0] * 51)
    for scheduler in ("exponential", "step", "cosine", "polynomial"):
        plain, warm = factors(scheduler=scheduler), factors(scheduler=scheduler, warmup_epochs=2)
        assert warm == pytest.approx([a * b for a, b in zip(plain, rise, strict=True)])


def test_warm_up_takes_parts_of_an_epoch() -> None:
    assert factors(scheduler="constant", warmup_epochs=0.5)[:4] == pytest.approx([0.4, 0.8, 1, 1])
    assert factors(scheduler="constant", warmup_epochs=0.01) == [1.0] * 60


@pytest.mark.parametrize("scheduler", ["cosine", "polynomial"])
def test_the_last_step_still_has_a_small_rate(scheduler: str) -> None:
    run = factors(scheduler=scheduler)
    assert run[0] == 1 and 0 < run[-1] < 0.03
    assert run == sorted(run, reverse=True)
    assert lr_factor(OptimConfig(scheduler=scheduler), 10**6, STEPS, EPOCHS) == 0


def test_the_published_recipe_decays_by_2_percent_per_epoch() -> None:
    run = factors()
    assert run[:STEPS] == [1.0] * STEPS
    assert run[-1] == pytest.approx(0.98**11)


def test_a_warm_up_longer_than_the_run_is_refused() -> None:
    with pytest.raises(InvalidConfig) as caught:
        RunConfig.from_flat({"epochs": 3, "warmup_epochs": 3.5})
    sentence = "warmup_epochs 3.5 is longer than the whole run (3 epochs): choose fewer."
    assert list(caught.value.problems.values()) == [sentence]
    assert RunConfig.from_flat({"epochs": 3, "warmup_epochs": 3}).optim.warmup_epochs == 3
