"""What every registered loss must do; a new one is tested by being there."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from segengine.losses.set_loss import SetLoss
from segengine.registry import entries
from tests.losses.cases import classes_for, named_loss, random_batch, value_and_gradient

every_loss = pytest.mark.parametrize("name", list(entries("losses")))


@every_loss
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_one_finite_number_with_a_finite_gradient(name: str, weighted: bool) -> None:
    classes = classes_for(name)
    logits, target = random_batch(classes)
    weights = torch.linspace(0.5, 2, classes) if weighted else None
    value, gradient = value_and_gradient(named_loss(name, classes, weights), logits, target)
    assert value.shape == () and value.isfinite() and value > 0
    assert gradient.shape == logits.shape and gradient.isfinite().all() and gradient.any()


@every_loss
def test_void_pixels_count_for_nothing(name: str) -> None:
    logits, target = random_batch(classes_for(name))
    loss = named_loss(name, classes_for(name))
    value, gradient = value_and_gradient(loss, logits, target)
    void = target == 255
    assert gradient.movedim(1, -1)[void].abs().max() == 0
    assert gradient.movedim(1, -1)[~void].abs().max() > 0

    changed = logits.clone()
    changed.movedim(1, -1)[void] = 50 * torch.randn(int(void.sum()), logits.shape[1])
    assert loss(changed, target).item() == pytest.approx(value.item(), rel=1e-6)


@every_loss
@pytest.mark.parametrize("weighted", [False, True])
def test_a_batch_of_void_only_gives_0_and_zero_gradients(name: str, weighted: bool) -> None:
    classes = classes_for(name)
    logits, target = random_batch(classes, void=2.0)
    assert (target == 255).all()
    weights = torch.ones(classes) if weighted else None
    value, gradient = value_and_gradient(named_loss(name, classes, weights), logits, target)
    assert value == 0 and gradient.abs().max() == 0


@every_loss
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    logits, target = random_batch(classes_for(name), side=3)
    loss = named_loss(name, classes_for(name))
    assert torch.autograd.gradcheck(
        lambda values: loss(values, target), logits.double().requires_grad_()
    )


@every_loss
def test_a_right_prediction_costs_less_than_a_wrong_one(name: str) -> None:
    classes = classes_for(name)
    _, target = random_batch(classes)
    truth = F.one_hot(target.where(target != 255, 0), classes).movedim(-1, 1).float()
    loss = named_loss(name, classes)
    right, even, wrong = (loss(strength * truth, target).item() for strength in (3, 0, -3))
    assert 0 <= right < even < wrong


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_summed_in_float32(name: str, dtype: torch.dtype) -> None:
    logits, target = random_batch(classes_for(name), side=64)
    logits = logits.to(dtype)
    loss = named_loss(name, classes_for(name))
    value, gradient = value_and_gradient(loss, logits, target)
    assert value.dtype == torch.float32 and gradient.dtype == dtype
    assert value.item() == pytest.approx(loss(logits.double(), target).item(), rel=1e-5)


@every_loss
def test_huge_logits_give_finite_losses_and_gradients(name: str) -> None:
    logits, target = random_batch(classes_for(name))
    loss = named_loss(name, classes_for(name))
    for scale in (100.0, -100.0):
        value, gradient = value_and_gradient(loss, scale * logits, target)
        assert value.isfinite() and gradient.isfinite().all(), scale


@every_loss
def test_memory_format_and_mask_type_make_no_difference(name: str) -> None:
    logits, target = random_batch(classes_for(name))
    loss = named_loss(name, classes_for(name))
    expected = loss(logits, target)
    channels_last = logits.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(loss(channels_last, target), expected)
    torch.testing.assert_close(loss(logits, target.to(torch.uint8)), expected)


@every_loss
def test_it_never_waits_for_the_device(name: str) -> None:
    """Meta tensors have no values: whatever would read one raises, as it would wait on a GPU."""
    logits, target = random_batch(classes_for(name))
    loss = named_loss(name, classes_for(name))
    assert loss(logits.to("meta"), target.to("meta")).shape == ()


@every_loss
def test_the_same_batch_gives_the_same_bits(name: str) -> None:
    logits, target = random_batch(classes_for(name), side=64)
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)  # as in training: it refuses what is not
    try:
        loss = named_loss(name, classes_for(name))
        first, second = (value_and_gradient(loss, logits, target) for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(before)
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])


@every_loss
@pytest.mark.parametrize("weighted", [False, True])
def test_its_value_over_a_set_does_not_depend_on_the_batches(name: str, weighted: bool) -> None:
    classes = classes_for(name)
    logits, target = random_batch(classes)
    target[0, :9] = 255  # batches of different weight
    weights = torch.linspace(0.5, 2, classes) if weighted else None
    loss = named_loss(name, classes, weights)
    values = []
    for batches in ([3], [1, 2], [1, 1, 1]):
        total = SetLoss(loss)
        for part, truth in zip(logits.split(batches), target.split(batches), strict=True):
            total.add(loss.sums(part, truth))
        values.append(total.value())
    assert values[0] == pytest.approx(loss(logits, target).item(), rel=1e-5)
    if name == "lovasz":  # it says so: the mean of the batches, by pixels
        parts = [
            (loss(a[None], b[None]), (b != 255).sum()) for a, b in zip(logits, target, strict=True)
        ]
        expected = sum(value * pixels for value, pixels in parts) / (target != 255).sum()
        assert values[2] == pytest.approx(float(expected), rel=1e-5)
    else:
        assert values == pytest.approx([values[0]] * 3, rel=1e-6)
