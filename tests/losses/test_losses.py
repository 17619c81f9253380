"""Losses against segmentation_models_pytorch, torch, and numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from segmentation_models_pytorch import losses as smp
from torch import Tensor
from torch.nn import functional as F

from segengine.errors import UserError
from segengine.losses.base import Loss
from tests.losses.cases import classes_for, named_loss, random_batch, value_and_gradient


def assert_same(ours: Loss, theirs: Loss, logits: Tensor, target: Tensor) -> None:
    """Both losses have the same value and gradients."""
    torch.testing.assert_close(
        value_and_gradient(ours, logits, target),
        value_and_gradient(theirs, logits, target),
        rtol=1e-5,
        atol=1e-8,
    )


def two_pixels(probabilities: list[list[float]]) -> Tensor:
    """Logits (1, classes, 1, pixels) whose softmax is the given list of each pixel."""
    return torch.tensor(probabilities, dtype=torch.float64).log().T[None, :, None]


@pytest.mark.parametrize("name", ["cross_entropy", "bce", "dice", "focal", "lovasz", "ce_dice"])
def test_a_perfect_prediction_costs_almost_nothing(name: str) -> None:
    classes = classes_for(name)
    logits, target = random_batch(classes)
    truth = F.one_hot(target.where(target != 255, 0), classes).movedim(-1, 1).float()
    loss = named_loss(name, classes)
    costs = [loss(strength * truth + logits, target).item() for strength in (0, 2, 4, 8, 100)]
    assert costs == sorted(costs, reverse=True)
    assert 0 <= costs[-1] < 1e-6 < costs[-2]


def test_focal_with_a_gamma_below_1_stays_finite_at_huge_logits() -> None:
    logits, target = random_batch()
    loss = named_loss("focal", focal_gamma=0.5)
    for scale in (100.0, -100.0):
        value, gradient = value_and_gradient(loss, scale * logits, target)
        assert value.isfinite() and gradient.isfinite().all(), scale


def test_cross_entropy_equals_torch() -> None:
    logits, target = random_batch()
    weights = torch.tensor([0.5, 2.0, 0.0, 1.0])
    for given in (None, weights):
        theirs = torch.nn.CrossEntropyLoss(given, ignore_index=255)
        assert_same(named_loss("cross_entropy", weights=given), theirs, logits, target)


def test_cross_entropy_by_hand() -> None:
    logits = two_pixels([[0.5, 0.5], [0.2, 0.8]])
    target = torch.tensor([[[0, 1]]])
    plain = -(math.log(0.5) + math.log(0.8)) / 2
    assert named_loss("cross_entropy", 2)(logits, target).item() == pytest.approx(plain)
    weighted = -(3 * math.log(0.5) + 1 * math.log(0.8)) / (3 + 1)
    loss = named_loss("cross_entropy", 2, torch.tensor([3.0, 1.0]))
    assert loss(logits, target).item() == pytest.approx(weighted)


def test_bce_is_the_sigmoid_loss_of_the_logits_difference() -> None:
    logits, target = random_batch(2)

    def theirs(logits: Tensor, target: Tensor) -> Tensor:
        valid = target != 255
        score = (logits[:, 1] - logits[:, 0])[valid]
        return torch.nn.BCEWithLogitsLoss()(score, target[valid].float())

    assert_same(named_loss("bce", 2), theirs, logits, target)
    binary = smp.SoftBCEWithLogitsLoss(ignore_index=None)
    score, plain = logits[:, 1:] - logits[:, :1], target.where(target != 255, 1)
    ours = named_loss("bce", 2)(logits, plain)
    torch.testing.assert_close(ours, binary(score, plain[:, None].float()))


def test_bce_on_more_than_two_classes_is_refused() -> None:
    with pytest.raises(UserError, match="loss bce is for 2 classes, but the data has 3") as refused:
        named_loss("bce", 3)
    assert refused.value.field == "loss"


def test_dice_equals_smp_where_all_classes_are_there() -> None:
    theirs = smp.DiceLoss("multiclass", ignore_index=255)
    for classes in (2, 4):
        logits, target = random_batch(classes)
        assert_same(named_loss("dice", classes), theirs, logits, target)


def test_dice_averages_over_the_classes_in_the_target_only() -> None:
    """SMP counts an absent class as 0, which praises batches without rare classes."""
    logits, target = random_batch(4)
    target[target == 2] = 255
    theirs = smp.DiceLoss("multiclass", ignore_index=255)
    assert_same(named_loss("dice"), lambda *given: theirs(*given) * 4 / 3, logits, target)


def test_dice_by_hand() -> None:
    logits, target = two_pixels([[0.5, 0.5], [0.2, 0.8]]), torch.tensor([[[0, 1]]])
    first = 2 * 0.5 / ((0.5 + 0.2) + 1)
    second = 2 * 0.8 / ((0.5 + 0.8) + 1)
    expected = 1 - (first + second) / 2
    assert named_loss("dice", 2)(logits, target).item() == pytest.approx(expected)


def test_focal_equals_smp_on_two_classes() -> None:
    """SMP's is sigmoid focal loss: on two classes that is ours on the logits' difference."""
    logits, target = random_batch(2)
    for gamma, alpha in [(2.0, None), (0.5, None), (2.0, 0.25), (5.0, 0.75)]:
        smp_loss = smp.FocalLoss("binary", alpha=alpha, gamma=gamma, ignore_index=255)
        weights = None if alpha is None else torch.tensor([1 - alpha, alpha])

        def theirs(logits: Tensor, target: Tensor, loss: Loss = smp_loss) -> Tensor:
            return loss(logits[:, 1:] - logits[:, :1], target[:, None])

        assert_same(named_loss("focal", 2, weights, focal_gamma=gamma), theirs, logits, target)


def test_focal_without_gamma_is_cross_entropy() -> None:
    logits, target = random_batch()
    assert_same(named_loss("focal", focal_gamma=0), named_loss("cross_entropy"), logits, target)


def test_focal_by_hand() -> None:
    logits, target = two_pixels([[0.5, 0.5], [0.2, 0.8]]), torch.tensor([[[0, 1]]])
    expected = -(3 * 0.5**2 * math.log(0.5) + 1 * 0.2**2 * math.log(0.8)) / 2
    loss = named_loss("focal", 2, torch.tensor([3.0, 1.0]))
    assert loss(logits, target).item() == pytest.approx(expected)


@pytest.mark.parametrize("absent", [None, 2])
def test_lovasz_equals_smp(absent: int | None) -> None:
    logits, target = random_batch(4)
    target[target == absent] = 255
    theirs = smp.LovaszLoss("multiclass", per_image=False, ignore_index=255)
    assert_same(named_loss("lovasz"), theirs, logits, target)


def test_lovasz_of_hard_labels_is_1_minus_iou() -> None:
    """At predictions of 0 and 1 the Lovász extension is the set function itself."""
    truth, predicted = torch.tensor([[[0, 0, 0, 1, 1]]]), torch.tensor([[[0, 0, 1, 1, 0]]])
    logits = 1000.0 * F.one_hot(predicted, 2).movedim(-1, 1)
    expected = 1 - (2 / 4 + 1 / 3) / 2
    assert named_loss("lovasz", 2)(logits, truth).item() == pytest.approx(expected)


def test_cross_entropy_and_dice_add_up() -> None:
    logits, target = random_batch()
    weights = torch.tensor([0.5, 2.0, 0.0, 1.0])
    parts = [named_loss("cross_entropy", weights=weights), named_loss("dice")]
    total = named_loss("ce_dice", weights=weights)
    assert_same(total, lambda *given: parts[0](*given) + parts[1](*given), logits, target)
