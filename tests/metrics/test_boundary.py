"""Boundary IoU against repeated 3x3 erosions, as in the paper's code, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from segengine.metrics.boundary import (
    BoundaryMetrics,
    boundary_counts,
    boundary_iou,
)
from segengine.statistics.boundary import boundary_width


def strip(mask: np.ndarray, d: int) -> np.ndarray:
    """The boundary of a bool mask (H, W): what d erosions with a 3x3 square take away.

    Around the image there is nothing, as with the frame of zeros in the paper's code.
    """
    left = mask
    for _ in range(d):
        framed = np.pad(left, 1)
        height, width = mask.shape
        left = np.logical_and.reduce(
            [framed[y : y + height, x : x + width] for y in range(3) for x in range(3)]
        )
    return mask & ~left


def plain_boundary_iou(labels: np.ndarray, target: np.ndarray, classes: int) -> list[float]:
    """Class by class and image by image, by the definition."""
    ious = []
    for label in range(classes):
        common = union = 0
        for predicted, truth in zip(labels, target, strict=True):
            d = max(1, round(0.02 * math.hypot(*truth.shape)))
            ours = strip((predicted == label) & (truth != 255), d)
            theirs = strip(truth == label, d)
            common, union = common + (ours & theirs).sum(), union + (ours | theirs).sum()
        ious.append(common / union if union else math.nan)
    return ious


def blobs(seed: int, count: int, size: tuple[int, int], classes: int, scale: int) -> np.ndarray:
    """Label maps (count, H, W) of squares of `scale` pixels, so that classes have an inside."""
    rng = np.random.default_rng(seed)
    height, width = (side // scale + 1 for side in size)
    small = rng.integers(0, classes, (count, height, width))
    return small.repeat(scale, 1).repeat(scale, 2)[:, 2 : 2 + size[0], 1 : 1 + size[1]]


@pytest.mark.parametrize(
    ("size", "scale"),
    [((64, 64), 16), ((48, 90), 13), ((200, 300), 60), ((32, 32), 3), ((2, 3), 4)],
)
@pytest.mark.parametrize("void", [False, True])
def test_equals_repeated_erosions(size: tuple[int, int], scale: int, void: bool) -> None:
    target, labels = (blobs(seed, 3, size, 4, scale) for seed in (0, 1))
    labels[0], labels[1, ::2] = target[0], target[1, ::2]
    labels[labels == 3] = 2  # class 3 is never predicted
    if void:
        target[blobs(2, 3, size, 4, scale) == 0] = 255
    metrics = BoundaryMetrics(5)
    for image in range(3):
        metrics.update(torch.tensor(labels[image : image + 1]), torch.tensor(target[[image]]))
    expected = plain_boundary_iou(labels, target, 5)
    np.testing.assert_allclose(metrics.iou(), expected)
    assert math.isnan(expected[4]) and expected[3] == 0


def square(top: int, left: int, size: int) -> Tensor:
    """A square of class 1 on 32x32 pixels of class 0; d is 1 there."""
    labels = torch.zeros(1, 32, 32, dtype=torch.int64)
    labels[:, top : top + size, left : left + size] = 1
    return labels


def test_by_hand() -> None:
    """A 10x10 square, predicted one pixel too far to the right; d = 1."""
    counts = boundary_counts(square(10, 11, 10), square(10, 10, 10), 2)[0]
    # Rings of 36 pixels. They share the top and bottom rows, but for one pixel at each end.
    assert counts[:, 1].tolist() == [2 * 9, 36, 36]
    # Of the background: the ring of 44 around the square, of which 11 above and 11 below are the
    # shifted square's as well, and the frame of 4 * 31 along the image's edge.
    assert counts[:, 0].tolist() == [2 * 11 + 124, 44 + 124, 44 + 124]
    iou = boundary_iou(counts.numpy())
    np.testing.assert_allclose(iou, [146 / (168 + 168 - 146), 18 / (36 + 36 - 18)])


def test_a_perfect_prediction_is_1_whatever_it_says_about_void() -> None:
    target = square(10, 10, 10)
    target[:, :, 15:18] = 255
    labels = target.where(target != 255, 0)
    metrics = BoundaryMetrics(3)
    metrics.update(labels, target)
    assert metrics.scores() == {"boundary_iou": 1.0, "boundary_iou_per_class": [1.0, 1.0, None]}
    metrics.update(labels, torch.full_like(target, 255))
    assert metrics.scores()["boundary_iou"] == 1.0


def test_it_is_stricter_than_iou_where_only_the_edge_is_wrong() -> None:
    target, labels = square(4, 4, 24), square(5, 5, 22)
    metrics = BoundaryMetrics(2)
    metrics.update(labels, target)
    assert metrics.iou()[1] == 0 and 22**2 / 24**2 > 0.8


def test_the_width_is_2_percent_of_the_diagonal_and_a_pixel_at_least() -> None:
    assert [boundary_width(side, side) for side in (1, 32, 64, 128, 512)] == [1, 1, 2, 4, 14]
    assert boundary_width(1024, 2048) == 46


def test_images_are_counted_separately_and_nothing_seen_is_0() -> None:
    target, labels = (torch.tensor(blobs(seed, 5, (40, 40), 3, 8)) for seed in (0, 1))
    together = boundary_counts(labels, target, 3)
    assert together.shape == (5, 3, 3)
    for image in range(5):
        alone = boundary_counts(labels[[image]], target[[image]].to(torch.uint8), 3)
        assert torch.equal(alone[0], together[image])
    assert BoundaryMetrics(2).scores() == {
        "boundary_iou": 0.0,
        "boundary_iou_per_class": [None, None],
    }


def test_wrong_shapes_are_refused() -> None:
    for other in (torch.zeros(1, 4, 5, dtype=torch.int64), torch.zeros(4, 4, dtype=torch.int64)):
        with pytest.raises(ValueError, match=r"one shape \(N, H, W\)"):
            boundary_counts(torch.zeros(1, 4, 4, dtype=torch.int64), other, 2)


def test_update_never_waits_for_the_device() -> None:
    """Meta tensors have no values: whatever would read one raises, as it would wait on a GPU."""
    labels = torch.zeros(2, 8, 8, dtype=torch.int64, device="meta")
    BoundaryMetrics(2, device="meta").update(labels, labels)


@pytest.mark.parametrize(("d", "share", "counts"), [(1, 18, 54), (2, 48, 80), (3, 70, 98)])
def test_the_square_of_statistics_that_is_a_column_off(d: int, share: int, counts: int) -> None:
    """20x20, a 10x10 square at 5 to 14, the prediction a column to the right: IoU 9/11."""
    target, labels = torch.zeros(2, 1, 20, 20, dtype=torch.int64)
    target[:, 5:15, 5:15] = 1
    labels[:, 5:15, 6:16] = 1
    ratio = d / math.hypot(20, 20)
    assert boundary_width(20, 20, ratio) == d
    found = boundary_iou(boundary_counts(labels, target, 2, ratio)[0].numpy())
    assert found[1] == pytest.approx(share / counts)
    metrics = BoundaryMetrics(2, share=ratio)
    metrics.update(labels, target)
    assert metrics.iou()[1] == pytest.approx(share / counts)
    both = ((target == 1) & (labels == 1)).sum() / ((target == 1) | (labels == 1)).sum()
    assert float(both) == pytest.approx(9 / 11)
