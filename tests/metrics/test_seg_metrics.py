"""SegMetrics and scores against torchmetrics and against numbers worked by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassJaccardIndex,
    MulticlassPrecision,
    MulticlassRecall,
)

from segengine.metrics.seg_metrics import SegMetrics, labels_of
from segengine.statistics import scores

CLASSES = 4


def random_case(kind: str) -> tuple[Tensor, Tensor]:
    """Logits (2, 4, 16, 16) and targets (2, 16, 16) of that kind."""
    torch.manual_seed(0)
    logits, target = torch.randn(2, CLASSES, 16, 16), torch.randint(0, CLASSES, (2, 16, 16))
    if kind == "void":
        target[torch.rand(2, 16, 16) < 0.3] = 255
    elif kind == "absent from both":
        logits[:, 2], target[target == 2] = -10, 255
    elif kind == "absent from truth":
        target[target == 1] = 0
    elif kind == "never predicted":
        logits[:, 3] = -10
    elif kind == "one class":
        target[:] = 1
    elif kind == "all void":
        target[:] = 255
    return logits, target


KINDS = ["plain", "void", "absent from both", "absent from truth", "never predicted", "one class"]


@pytest.mark.parametrize("kind", [*KINDS, "all void"])
def test_equals_torchmetrics(kind: str) -> None:
    logits, target = random_case(kind)
    metrics = SegMetrics(CLASSES)
    for image in range(2):
        metrics.update(logits[image : image + 1], target[image : image + 1])
    confusion = metrics.confusion.numpy()

    options = {"num_classes": CLASSES, "ignore_index": 255, "average": "none"}
    oracles = {
        "iou": MulticlassJaccardIndex(**options),
        "dice": MulticlassF1Score(**options),
        "precision": MulticlassPrecision(**options),
        "recall": MulticlassRecall(**options),
    }
    for name, oracle in oracles.items():  # theirs is 0 where ours is NaN
        ours = np.nan_to_num(getattr(scores, name)(confusion))
        np.testing.assert_allclose(ours, oracle(logits, target).numpy(), atol=1e-6, err_msg=name)

    whole = MulticlassJaccardIndex(num_classes=CLASSES, ignore_index=255)(logits, target)
    right = MulticlassAccuracy(num_classes=CLASSES, ignore_index=255, average="micro")
    assert scores.miou(confusion) == pytest.approx(np.nan_to_num(whole.item()))
    assert scores.pixel_accuracy(confusion) == pytest.approx(right(logits, target).item())


@pytest.mark.parametrize("kind", KINDS)
def test_all_ways_to_the_matrix_agree(kind: str) -> None:
    logits, target = random_case(kind)
    labels = logits.argmax(dim=1)
    expected = scores.confusion_matrix(labels.numpy(), target.numpy(), CLASSES)
    assert expected.sum() == (target != 255).sum()
    for predicted in (logits, logits.double(), labels, labels.byte()):
        for truth in (target, target.int(), target.byte()):
            metrics = SegMetrics(CLASSES)
            metrics.update(predicted, truth)
            np.testing.assert_array_equal(metrics.confusion.numpy(), expected)


# Worked by hand. Class 0: 3 hits, 4 in the truth, 3 predicted. Class 1: 1 hit, 1, 2.
# Class 2: in the truth once, never predicted. Class 3: in neither. Class 4: predicted once only.
MATRIX = np.array(
    [
        [3, 1, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
)
NAN = float("nan")


def test_scores_by_hand() -> None:
    np.testing.assert_allclose(scores.iou(MATRIX), [3 / 4, 1 / 2, 0, NAN, 0])
    np.testing.assert_allclose(scores.dice(MATRIX), [6 / 7, 2 / 3, 0, NAN, 0])
    np.testing.assert_allclose(scores.precision(MATRIX), [1, 1 / 2, NAN, NAN, 0])
    np.testing.assert_allclose(scores.recall(MATRIX), [3 / 4, 1, 0, NAN, NAN])
    assert scores.miou(MATRIX) == pytest.approx((3 / 4 + 1 / 2 + 0 + 0) / 4)
    assert scores.pixel_accuracy(MATRIX) == pytest.approx(4 / 6)


def test_scores_are_ready_for_json() -> None:
    result = scores.scores(MATRIX)
    assert result["precision"] == [1.0, 0.5, None, None, 0.0]
    assert result["miou"] == pytest.approx(0.3125)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    nothing = scores.scores(np.zeros((2, 2), dtype=int))
    lists = ("iou", "dice", "precision", "recall")
    assert all(nothing[name] == [None, None] for name in lists)
    assert {value for name, value in nothing.items() if name not in lists} == {0.0}


def test_means_are_over_the_classes_in_truth_or_prediction() -> None:
    result = scores.scores(MATRIX)
    assert result["mean_dice"] == pytest.approx((6 / 7 + 2 / 3 + 0 + 0) / 4)
    assert result["mean_precision"] == pytest.approx((1 + 1 / 2 + 0 + 0) / 4)
    assert result["mean_recall"] == pytest.approx((3 / 4 + 1 + 0 + 0) / 4)


@pytest.mark.parametrize("kind", KINDS)
def test_means_equal_torchmetrics_macro_averages(kind: str) -> None:
    logits, target = random_case(kind)
    confusion = scores.confusion_matrix(logits.argmax(1).numpy(), target.numpy(), CLASSES)
    oracles = {
        "mean_dice": MulticlassF1Score,
        "mean_precision": MulticlassPrecision,
        "mean_recall": MulticlassRecall,
    }
    result: dict[str, Any] = {**scores.scores(confusion)}
    for name, oracle in oracles.items():
        macro = oracle(num_classes=CLASSES, ignore_index=255, average="macro")
        assert result[name] == pytest.approx(macro(logits, target).item()), name


def test_a_model_blind_to_a_class_earns_no_precision_by_it() -> None:
    """By hand; scikit-learn's `precision_score(average="macro", zero_division=0)` agrees."""
    blind = np.array([[60, 10, 0], [20, 180, 0], [20, 10, 0]])
    result = scores.scores(blind)
    assert result["precision"] == [0.6, 0.9, None]
    assert result["mean_precision"] == pytest.approx(0.5)


def test_scores_take_stacks_of_matrices() -> None:
    stack = np.stack([MATRIX, MATRIX.T, np.zeros_like(MATRIX)])
    for score in (scores.iou, scores.dice, scores.precision, scores.recall):
        np.testing.assert_array_equal(score(stack), [score(matrix) for matrix in stack])


def test_a_matrix_must_be_square() -> None:
    with pytest.raises(ValueError, match="square"):
        scores.iou(np.zeros((2, 3)))


def test_rows_are_the_truth_and_void_is_dropped() -> None:
    metrics = SegMetrics(2)
    metrics.update(torch.tensor([[[1, 1, 0, 7]]]), torch.tensor([[[0, 1, 1, 255]]]))
    assert metrics.confusion.tolist() == [[0, 1], [1, 1]]


def test_of_equal_logits_the_first_class_is_predicted() -> None:
    logits = torch.zeros(1, CLASSES, 2, 2)
    logits[0, 1:3, 0, 0] = 1
    for given in (logits, logits.contiguous(memory_format=torch.channels_last)):
        assert labels_of(given).tolist() == [[[1, 0], [0, 0]]]
    large = torch.randint(0, 3, (2, CLASSES, 33, 35)).float()
    np.testing.assert_array_equal(labels_of(large).numpy(), large.numpy().argmax(1))


@pytest.mark.parametrize("void", [255, 0, 2, 9, -1, 1000])
def test_any_value_may_stand_for_void(void: int) -> None:
    """Counted on CPU, and the way that it is on a GPU."""
    logits, target = random_case("plain")
    labels, target = logits.argmax(1), target.where(target != 2, void)
    expected = scores.confusion_matrix(labels.numpy(), target.numpy(), CLASSES, void)
    metrics = SegMetrics(CLASSES, ignore_index=void)
    metrics.update(labels, target)
    np.testing.assert_array_equal(metrics.confusion.numpy(), expected)
    as_on_a_gpu = metrics._count(labels, target)
    np.testing.assert_array_equal(as_on_a_gpu[:-2].view(CLASSES, CLASSES).numpy(), expected)
    assert torch.equal(as_on_a_gpu, metrics._bins)


def test_the_matrix_can_be_set_and_reset() -> None:
    logits, target = random_case("void")
    whole, second = SegMetrics(CLASSES), SegMetrics(CLASSES)
    whole.update(logits, target)
    second.update(logits[1:], target[1:])
    second.confusion = whole.confusion
    assert torch.equal(second.confusion, whole.confusion)
    second.confusion[:] = 0  # a copy
    assert second.scores() == whole.scores()
    second.reset()
    assert second.confusion.sum() == 0 and second.confusion.dtype == torch.int64
    with pytest.raises(ValueError, match="shape"):
        second.confusion = torch.zeros(3, 3, dtype=torch.int64)


LABELS, LOGITS = torch.zeros(2, 8, 8, dtype=torch.int64), torch.zeros(2, CLASSES, 8, 8)


@pytest.mark.parametrize(
    ("predicted", "target", "sentence"),
    [
        (LOGITS, LABELS[0], "target must be integer labels"),
        (LOGITS, LABELS.float(), "target must be integer labels"),
        (LOGITS, LABELS.bool(), "target must be integer labels"),
        (LABELS.float(), LABELS, "predicted must be float logits"),
        (LOGITS.long(), LABELS, "predicted must be float logits"),
        (LABELS[0], LABELS, "predicted must be float logits"),
        (LOGITS[:, :3], LABELS, r"shape \(2, 4, 8, 8\)"),
        (LOGITS[:1], LABELS, r"shape \(2, 4, 8, 8\)"),
        (LOGITS[..., :4], LABELS, r"but has \(2, 4, 8, 4\)"),
        (LABELS[:1], LABELS, r"shape \(2, 8, 8\)"),
        (LOGITS, LABELS - 1, "128 pixels"),
        (LOGITS, LABELS + CLASSES, "0 to 3"),
        (LABELS + CLASSES, LABELS, "0 to 3"),
        (LABELS - 1, LABELS, "0 to 3"),
        (LABELS + 255, LABELS, "0 to 3"),
    ],
)
def test_wrong_input_is_refused_and_not_counted(
    predicted: Tensor, target: Tensor, sentence: str
) -> None:
    metrics = SegMetrics(CLASSES)
    with pytest.raises(ValueError, match=sentence):
        metrics.update(predicted, target)
    assert metrics.confusion.sum() == 0


def test_update_never_waits_for_the_device() -> None:
    """Meta tensors have no values: whatever would read one raises, as it would wait on a GPU."""
    metrics = SegMetrics(CLASSES, device="meta")
    metrics.update(LOGITS.to("meta"), LABELS.to("meta"))
    metrics.update(LABELS.to("meta"), LABELS.to("meta"))
    with pytest.raises(RuntimeError):
        _ = metrics.confusion


def test_a_wrong_label_counted_separately_is_refused_when_the_matrix_is_read() -> None:
    metrics = SegMetrics(CLASSES)
    metrics._bins += metrics._count((LABELS + 9).flatten(), LABELS.flatten())  # as on a GPU
    with pytest.raises(ValueError, match="128 pixels"):
        metrics.scores()


@pytest.mark.parametrize(
    ("predicted", "target", "sentence"),
    [
        (np.zeros((2, 2), int), np.zeros((2, 3), int), "the same shape"),
        (np.zeros((2, 2)), np.zeros((2, 2), int), "integers"),
        (np.full((2, 2), 3), np.zeros((2, 2), int), "Predicted labels must be 0 to 2"),
        (np.zeros((2, 2), int), np.full((2, 2), -1), "Target labels must be 0 to 2"),
    ],
)
def test_confusion_matrix_refuses(predicted: np.ndarray, target: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        scores.confusion_matrix(predicted, target, 3)
