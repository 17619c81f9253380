"""From images to batches: every image once, the same for a seed, image and mask together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from segengine.batches.load import load_batch, normalize
from segengine.datasets.decoded import DecodedSplit
from segengine.datasets.oxford_pets import CLASSES
from segengine.datasets.sampler import ordered_batches, shuffled_batches, steps_per_epoch

CPU = torch.device("cpu")


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 9), st.integers(1, 9))
def test_every_image_comes_once_per_epoch(count: int, batch: int, seed: int, epoch: int) -> None:
    batches = shuffled_batches(count, batch, seed, epoch)
    assert sorted(np.concatenate(batches)) == list(range(count))
    assert steps_per_epoch(count, batch) == len(batches)
    sizes = [len(indices) for indices in batches]
    assert max(sizes) <= batch + 1
    if batch > 1 and count > 1:
        assert min(sizes) > 1  # batch norm needs two images


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [
        (7, 2, [2, 2, 3]),
        (6, 2, [2, 2, 2]),
        (8, 3, [3, 3, 2]),
        (9, 4, [4, 5]),
        (3, 3, [3]),
        (1, 1, [1]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_a_leftover_of_one_joins_the_batch_before_it(
    count: int, batch_size: int, sizes: list[int]
) -> None:
    batches = shuffled_batches(count, batch_size, seed=0, epoch=1)
    assert [len(indices) for indices in batches] == sizes


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return list(np.concatenate(shuffled_batches(50, 8, seed, epoch)))

    np.random.seed(1)
    first = order(3, 1)
    np.random.seed(2)
    torch.manual_seed(2)
    assert order(3, 1) == first
    assert len({tuple(order(seed, epoch)) for seed in (0, 1, 3) for epoch in (1, 2, 3)}) == 9
    assert first != list(range(50))


def test_validation_keeps_the_order_and_every_leftover() -> None:
    assert [list(indices) for indices in ordered_batches(5, 2)] == [[0, 1], [2, 3], [4]]


def test_pixels_are_normalized_with_imagenets_statistics() -> None:
    images = torch.tensor([[[[0, 128, 255]]]], dtype=torch.uint8)  # one pixel: R 0, G 128, B 255
    out = normalize(images)
    assert out.shape == (1, 3, 1, 1) and out.dtype == torch.float32
    expected = [
        (0 / 255 - 0.485) / 0.229,  # -2.1179
        (128 / 255 - 0.456) / 0.224,  # 0.2052
        (255 / 255 - 0.406) / 0.225,  # 2.6400
    ]
    assert out.flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_a_batch_is_channels_last_and_its_masks_are_labels() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 6, 8, 3), dtype=np.uint8)
    masks = rng.choice(np.array([0, 1, 2, 255], np.uint8), (4, 6, 8))
    split = DecodedSplit(("a", "b", "c", "d"), images, masks, CLASSES)
    batch, labels = load_batch(split, np.array([3, 0]), CPU)
    assert batch.shape == (2, 3, 6, 8)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert labels.dtype == torch.int64
    assert np.array_equal(labels.numpy(), masks[[3, 0]])
    assert torch.equal(batch[0], normalize(torch.from_numpy(images[3:]))[0])


def test_a_change_sees_rgb_before_it_is_normalized() -> None:
    images = np.array([[[[0, 51, 255]]], [[[255, 0, 102]]]], np.uint8)
    masks = np.array([[[1]], [[2]]], np.uint8)
    split = DecodedSplit(("a", "b"), images, masks, CLASSES)

    def change(rgb: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        assert rgb.shape == (2, 3, 1, 1) and labels.dtype == torch.int64
        assert rgb[0].flatten().tolist() == pytest.approx([0, 0.2, 1])
        return 1 - rgb, labels + 1

    batch, labels = load_batch(split, np.array([0, 1]), CPU, change)
    assert torch.allclose(batch, normalize(torch.from_numpy(255 - images)), atol=1e-6)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert labels.flatten().tolist() == [2, 3]
