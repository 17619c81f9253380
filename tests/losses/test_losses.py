"""Losses against segmentation_models_pytorch, torch, and numbers worked by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from segmentation_models_pytorch import losses as smp
from torch import Tensor
from torch.nn import functional as F

from segengine.config import OptimConfig
from segengine.errors import UserError
from segengine.losses import build_loss
from segengine.losses.class_weights import inverse_frequency
from segengine.registry import entries

Loss = Callable[[Tensor, Tensor], Tensor]
NAMES = ["cross_entropy", "bce", "dice", "focal", "lovasz", "ce_dice"]


def classes_of(name: str) -> int:
    """A number of classes that the loss takes."""
    return entries("losses")[name].classes or 4


def loss_of(name: str, classes: int = 4, weights: Tensor | None = None, **values: float) -> Loss:
    return build_loss(OptimConfig(loss=name, **values), classes, weights)


def case(classes: int = 4, void: float = 0.2, size: int = 12) -> tuple[Tensor, Tensor]:
    """Logits (3, classes, size, size) and a target that holds all classes, and void."""
    torch.manual_seed(1)
    logits = 2 * torch.randn(3, classes, size, size)
    target = torch.randint(0, classes, (3, size, size))
    target[torch.rand(target.shape) < void] = 255
    return logits, target


def value_and_slope(loss: Loss, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    logits = logits.detach().clone().requires_grad_()
    value = loss(logits, target)
    value.backward()
    assert logits.grad is not None
    return value.detach(), logits.grad


def assert_same(ours: Loss, theirs: Loss, logits: Tensor, target: Tensor) -> None:
    """Both losses have the same value and gradients."""
    for mine, other in zip(
        value_and_slope(ours, logits, target), value_and_slope(theirs, logits, target), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-8)


def two_pixels(probabilities: list[list[float]]) -> Tensor:
    """Logits (1, classes, 1, pixels) whose softmax is the given list a pixel."""
    return torch.tensor(probabilities, dtype=torch.float64).log().T[None, :, None]


def test_the_registered_losses_are_those_of_the_form() -> None:
    assert sorted(entries("losses")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_void_pixels_count_for_nothing(name: str) -> None:
    logits, target = case(classes_of(name))
    loss = loss_of(name, classes_of(name))
    value, slope = value_and_slope(loss, logits, target)
    void = target == 255
    assert slope.movedim(1, -1)[void].abs().max() == 0
    assert slope.movedim(1, -1)[~void].abs().max() > 0

    changed = logits.clone()
    changed.movedim(1, -1)[void] = 50 * torch.randn(int(void.sum()), logits.shape[1])
    assert loss(changed, target).item() == pytest.approx(value.item(), rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_batch_of_void_only_is_0_and_teaches_nothing(name: str, weighted: bool) -> None:
    classes = classes_of(name)
    logits, target = case(classes, void=2.0)
    assert (target == 255).all()
    weights = torch.ones(classes) if weighted else None
    value, slope = value_and_slope(loss_of(name, classes, weights), logits, target)
    assert value == 0 and slope.abs().max() == 0


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    logits, target = case(classes_of(name), size=3)
    loss, values = loss_of(name, classes_of(name)), logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda given: loss(given, target), values)


@pytest.mark.parametrize("name", NAMES)
def test_a_better_prediction_costs_less_and_a_perfect_one_almost_nothing(name: str) -> None:
    classes = classes_of(name)
    logits, target = case(classes)
    right = F.one_hot(target.where(target != 255, 0), classes).movedim(-1, 1).float()
    loss = loss_of(name, classes)
    costs = [loss(strength * right + logits, target).item() for strength in (0, 2, 4, 8, 100)]
    assert costs == sorted(costs, reverse=True)
    assert 0 <= costs[-1] < 1e-6 < costs[-2]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_summed_in_float32(name: str, kind: torch.dtype) -> None:
    logits, target = case(classes_of(name), size=64)
    logits = logits.to(kind)
    loss = loss_of(name, classes_of(name))
    value, slope = value_and_slope(loss, logits, target)
    assert value.dtype == torch.float32 and slope.dtype == kind
    assert value.item() == pytest.approx(loss(logits.double(), target).item(), rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_huge_logits_give_finite_losses_and_gradients(name: str) -> None:
    logits, target = case(classes_of(name))
    for values in ({}, {"focal_gamma": 0.5}) if name == "focal" else ({},):
        loss = loss_of(name, classes_of(name), **values)
        for scale in (100.0, -100.0):
            value, slope = value_and_slope(loss, scale * logits, target)
            assert value.isfinite() and slope.isfinite().all(), (values, scale)


@pytest.mark.parametrize("name", NAMES)
def test_memory_format_and_mask_type_make_no_difference(name: str) -> None:
    logits, target = case(classes_of(name))
    loss = loss_of(name, classes_of(name))
    expected = loss(logits, target)
    channels_last = logits.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(loss(channels_last, target), expected)
    torch.testing.assert_close(loss(logits, target.to(torch.uint8)), expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_never_waits_for_the_device(name: str) -> None:
    """Meta tensors have no values: whatever would read one raises, as it would wait on a GPU."""
    logits, target = case(classes_of(name))
    loss = loss_of(name, classes_of(name))
    assert loss(logits.to("meta"), target.to("meta")).shape == ()


def test_cross_entropy_equals_torch() -> None:
    logits, target = case()
    weights = torch.tensor([0.5, 2.0, 0.0, 1.0])
    for given in (None, weights):
        theirs = torch.nn.CrossEntropyLoss(given, ignore_index=255)
        assert_same(loss_of("cross_entropy", weights=given), theirs, logits, target)


def test_cross_entropy_by_hand() -> None:
    logits = two_pixels([[0.5, 0.5], [0.2, 0.8]])
    target = torch.tensor([[[0, 1]]])
    plain = -(math.log(0.5) + math.log(0.8)) / 2
    assert loss_of("cross_entropy", 2)(logits, target).item() == pytest.approx(plain)
    weighted = -(3 * math.log(0.5) + 1 * math.log(0.8)) / (3 + 1)
    loss = loss_of("cross_entropy", 2, torch.tensor([3.0, 1.0]))
    assert loss(logits, target).item() == pytest.approx(weighted)


def test_bce_is_the_sigmoid_loss_of_the_logits_difference() -> None:
    logits, target = case(2)

    def theirs(logits: Tensor, target: Tensor) -> Tensor:
        valid = target != 255
        score = (logits[:, 1] - logits[:, 0])[valid]
        return torch.nn.BCEWithLogitsLoss()(score, target[valid].float())

    assert_same(loss_of("bce", 2), theirs, logits, target)
    binary = smp.SoftBCEWithLogitsLoss(ignore_index=None)
    score, plain = logits[:, 1:] - logits[:, :1], target.where(target != 255, 1)
    ours = loss_of("bce", 2)(logits, plain)
    torch.testing.assert_close(ours, binary(score, plain[:, None].float()))


def test_bce_on_more_than_two_classes_is_refused() -> None:
    with pytest.raises(UserError, match="loss bce is for 2 classes, but the data has 3") as it:
        loss_of("bce", 3)
    assert it.value.field == "loss"


def test_dice_equals_smp_where_all_classes_are_there() -> None:
    theirs = smp.DiceLoss("multiclass", ignore_index=255)
    for classes in (2, 4):
        logits, target = case(classes)
        assert_same(loss_of("dice", classes), theirs, logits, target)


def test_dice_averages_over_the_classes_in_the_target_only() -> None:
    """SMP counts an absent class as 0, which praises batches without rare classes."""
    logits, target = case(4)
    target[target == 2] = 255
    theirs = smp.DiceLoss("multiclass", ignore_index=255)
    assert_same(loss_of("dice"), lambda *given: theirs(*given) * 4 / 3, logits, target)


def test_dice_by_hand() -> None:
    logits, target = two_pixels([[0.5, 0.5], [0.2, 0.8]]), torch.tensor([[[0, 1]]])
    first = 2 * 0.5 / ((0.5 + 0.2) + 1)
    second = 2 * 0.8 / ((0.5 + 0.8) + 1)
    expected = 1 - (first + second) / 2
    assert loss_of("dice", 2)(logits, target).item() == pytest.approx(expected)


def test_focal_equals_smp_on_two_classes() -> None:
    """SMP's is sigmoid focal loss: on two classes that is ours on the logits' difference."""
    logits, target = case(2)
    for gamma, alpha in [(2.0, None), (0.5, None), (2.0, 0.25), (5.0, 0.75)]:
        smp_loss = smp.FocalLoss("binary", alpha=alpha, gamma=gamma, ignore_index=255)
        weights = None if alpha is None else torch.tensor([1 - alpha, alpha])

        def theirs(logits: Tensor, target: Tensor, loss: Loss = smp_loss) -> Tensor:
            return loss(logits[:, 1:] - logits[:, :1], target[:, None])

        assert_same(loss_of("focal", 2, weights, focal_gamma=gamma), theirs, logits, target)


def test_focal_without_gamma_is_cross_entropy() -> None:
    logits, target = case()
    assert_same(loss_of("focal", focal_gamma=0), loss_of("cross_entropy"), logits, target)


def test_focal_by_hand() -> None:
    logits, target = two_pixels([[0.5, 0.5], [0.2, 0.8]]), torch.tensor([[[0, 1]]])
    expected = -(3 * 0.5**2 * math.log(0.5) + 1 * 0.2**2 * math.log(0.8)) / 2
    loss = loss_of("focal", 2, torch.tensor([3.0, 1.0]))
    assert loss(logits, target).item() == pytest.approx(expected)


@pytest.mark.parametrize("absent", [None, 2])
def test_lovasz_equals_smp(absent: int | None) -> None:
    logits, target = case(4)
    target[target == absent] = 255
    theirs = smp.LovaszLoss("multiclass", per_image=False, ignore_index=255)
    assert_same(loss_of("lovasz"), theirs, logits, target)


def test_lovasz_of_hard_labels_is_1_minus_iou() -> None:
    """At predictions of 0 and 1 the Lovász extension is the set function itself."""
    truth, predicted = torch.tensor([[[0, 0, 0, 1, 1]]]), torch.tensor([[[0, 0, 1, 1, 0]]])
    logits = 1000.0 * F.one_hot(predicted, 2).movedim(-1, 1)
    expected = 1 - (2 / 4 + 1 / 3) / 2
    assert loss_of("lovasz", 2)(logits, truth).item() == pytest.approx(expected)


def test_cross_entropy_and_dice_add_up() -> None:
    logits, target = case()
    weights = torch.tensor([0.5, 2.0, 0.0, 1.0])
    parts = [loss_of("cross_entropy", weights=weights), loss_of("dice")]
    both = loss_of("ce_dice", weights=weights)
    assert_same(both, lambda *given: parts[0](*given) + parts[1](*given), logits, target)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_batch_gives_the_same_bits(name: str) -> None:
    logits, target = case(classes_of(name), size=64)
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)  # as in training: it refuses what is not
    try:
        loss = loss_of(name, classes_of(name))
        first, second = (value_and_slope(loss, logits, target) for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(before)
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])


def test_class_weights_by_hand() -> None:
    masks = np.array([[[0, 0, 0, 0, 0, 0]], [[1, 1, 3, 255, 255, 0]]], np.uint8)
    # 10 pixels: 7 of class 0, 2 of class 1, none of class 2, 1 of class 3; three classes present.
    weights = inverse_frequency(masks, 4)
    assert weights == pytest.approx([10 / 21, 10 / 6, 0, 10 / 3])
    assert np.dot(weights, [7, 2, 0, 1]) / 10 == pytest.approx(1)


def test_class_weights_of_a_file_larger_than_a_piece(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = np.random.default_rng(0).integers(0, 3, (7, 20, 30)).astype(np.uint8)
    np.save(f"{tmp_path}/masks.npy", masks)
    whole = inverse_frequency(np.load(f"{tmp_path}/masks.npy", mmap_mode="r"), 3)
    assert whole == pytest.approx(masks.size / (3 * np.bincount(masks.ravel())))
    for pixels in (1, 600, 1300):
        monkeypatch.setattr("segengine.losses.class_weights._CHUNK", pixels)
        assert inverse_frequency(masks, 3) == whole


def test_class_weights_of_masks_that_cannot_have_any() -> None:
    with pytest.raises(UserError, match="hold void pixels only: choose none") as caught:
        inverse_frequency(np.full((2, 3, 3), 255, np.uint8), 3)
    assert caught.value.field == "class_weights"
    with pytest.raises(ValueError, match="must be 0 to 2 or 255, not 3"):
        inverse_frequency(np.full((2, 3, 3), 3, np.uint8), 3)
