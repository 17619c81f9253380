"""Augmentation changes image and mask together, as torchvision would, the same for a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as peer

from segengine.batches.augment import (
    Places,
    augment,
    blur,
    draw_places,
    jitter,
    mirror,
    random_stream,
    resample,
)
from segengine.config import DataConfig

ALL = ("hflip", "crop", "rotate", "color", "blur")
SEED = (0, 1, 0)


def config(*names: str, **values: Any) -> DataConfig:
    """Which changes, and their strengths."""
    return DataConfig(augment=names, **values)


def batch(count: int, height: int = 48, width: int = 64) -> tuple[Tensor, Tensor]:
    """Smooth random images, and masks with void."""
    rng = torch.Generator().manual_seed(1)
    coarse = torch.rand(count, 3, 6, 8, generator=rng)
    images = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    masks = torch.randint(0, 4, (count, height, width), generator=rng)
    masks = masks.where(masks < 3, 255)
    return images.contiguous(memory_format=torch.channels_last), masks


def blobs(count: int) -> tuple[Tensor, Tensor]:
    """Images in two colors that say which of two classes the pixel has."""
    rng = torch.Generator().manual_seed(2)
    fields = torch.nn.functional.interpolate(
        torch.rand(count, 1, 4, 4, generator=rng), (48, 48), mode="bicubic"
    )
    masks = (fields[:, 0] > 0.5).long()
    return masks[:, None].float().repeat(1, 3, 1, 1) * 0.8 + 0.1, masks


def places(**values: float) -> Places:
    """For one image: the whole of it, upright, unless said otherwise."""
    whole = {"degrees": 0.0, "left": 0.0, "top": 0.0, "width": 1.0, "height": 1.0, "mirrored": 0}
    arrays = {name: np.array([value]) for name, value in {**whole, **values}.items()}
    return Places(**{**arrays, "mirrored": arrays["mirrored"].astype(bool)})


# --- Against torchvision


def test_mirroring_is_torchvisions_to_the_bit() -> None:
    images, masks = batch(3)
    augmented, labels = augment(images, masks, config("hflip", flip_chance=1.0), SEED)
    assert torch.equal(augmented, peer.horizontal_flip(images))
    assert torch.equal(labels, peer.horizontal_flip(masks))


@pytest.mark.parametrize("degrees", [-180.0, -33.0, 7.5, 90.0])
@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_rotation_is_torchvisions(degrees: float, size: tuple[int, int]) -> None:
    images, masks = batch(1, *size)
    resampled, labels = resample(images, masks, places(degrees=degrees))
    nearest, bilinear = InterpolationMode.NEAREST, InterpolationMode.BILINEAR
    expected = peer.rotate(masks, degrees, interpolation=nearest, fill=[255])
    assert (labels == expected).float().mean() > 0.995
    turned = peer.rotate(images, degrees, interpolation=bilinear)
    # torchvision mixes its fill into the rim: compare where it did not.
    inside = peer.rotate(torch.ones(1, 1, *size), degrees, interpolation=bilinear) > 0.999
    assert inside.float().mean() > 0.4
    assert (resampled - turned)[inside.expand_as(resampled)].abs().max() < 1e-4


def test_a_rotations_corners_are_void_and_of_the_images_mean_color() -> None:
    images, masks = batch(1, 64, 64)
    resampled, labels = resample(images, masks.clamp(max=2), places(degrees=45.0))
    for row, column in ((0, 0), (0, 63), (63, 0), (63, 63)):
        assert labels[0, row, column] == 255
        assert torch.allclose(resampled[0, :, row, column], images.mean((2, 3))[0], atol=1e-5)
    # A square turned by 45 degrees shares an octagon with itself: 2 * (sqrt(2) - 1) of its area.
    assert (labels != 255).float().mean() == pytest.approx(0.8284, abs=0.01)


def test_a_crop_is_torchvisions() -> None:
    images, masks = batch(1)
    box = {"left": 8 / 64, "top": 6 / 48, "width": 40 / 64, "height": 30 / 48}
    resampled, labels = resample(images, masks, places(**box))
    box_pixels = {"top": 6, "left": 8, "height": 30, "width": 40, "size": [48, 64]}
    nearest = InterpolationMode.NEAREST_EXACT
    assert torch.equal(labels, peer.resized_crop(masks, **box_pixels, interpolation=nearest))
    cropped = peer.resized_crop(images, **box_pixels, antialias=False)
    difference = (resampled - cropped).abs()
    assert difference[..., 1:-1, 1:-1].max() < 1e-4
    assert difference.max() < 0.1  # at the rim it sees the pixel beyond the box, which is truer


def test_rotation_crop_and_mirroring_come_in_this_order() -> None:
    images, masks = batch(1, 64, 64)
    box = {"left": 0.25, "top": 0.125, "width": 0.5, "height": 0.75}
    resampled, labels = resample(images, masks, places(degrees=30.0, **box, mirrored=1))
    turned = peer.rotate(masks, 30.0, interpolation=InterpolationMode.NEAREST, fill=[255])
    box_pixels = {"top": 8, "left": 16, "height": 48, "width": 32, "size": [64, 64]}
    cropped = peer.resized_crop(turned, **box_pixels, interpolation=InterpolationMode.NEAREST_EXACT)
    # Rounding to pixels twice moves some of the noise's pixels; another order moves nearly all.
    assert (labels == peer.horizontal_flip(cropped)).float().mean() > 0.6
    turned = peer.rotate(images, 30.0, interpolation=InterpolationMode.BILINEAR)
    expected = peer.horizontal_flip(peer.resized_crop(turned, **box_pixels, antialias=False))
    assert (resampled - expected).abs().median() < 0.01


@pytest.mark.parametrize(
    ("name", "amount", "oracle"),
    [
        ("brightness", 1.3, peer.adjust_brightness),
        ("brightness", 0.4, peer.adjust_brightness),
        ("contrast", 1.6, peer.adjust_contrast),
        ("contrast", 0.6, peer.adjust_contrast),
        ("saturation", 1.5, peer.adjust_saturation),
        ("saturation", 0.0, peer.adjust_saturation),
        ("hue", 0.1, peer.adjust_hue),
        ("hue", -0.07, peer.adjust_hue),
    ],
)
def test_each_change_of_color_is_torchvisions(name: str, amount: float, oracle: Any) -> None:
    images = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    images[1, :, :4] = images[1, :1, :4]  # gray has no hue
    amounts = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0, name: amount}
    jittered = jitter(images, **{key: np.full(2, value) for key, value in amounts.items()})
    assert torch.allclose(jittered, oracle(images, amount), atol=1e-5)
    assert not torch.allclose(jittered, images, atol=1e-2)


def test_a_hue_turned_by_a_third_exchanges_the_channels() -> None:
    images = torch.tensor([0.9, 0.2, 0.4]).view(1, 3, 1, 1)
    same = np.ones(1)
    jittered = jitter(images, same, same, same, np.array([1 / 3]))
    assert jittered.flatten().tolist() == pytest.approx([0.4, 0.9, 0.2], abs=1e-6)


def test_blur_is_torchvisions_with_a_sigma_of_each_images_own() -> None:
    images, _ = batch(2)
    blurred = blur(images, np.array([0.6, 2.0]), largest=2.0)
    for index, sigma in enumerate((0.6, 2.0)):
        expected = peer.gaussian_blur(images[index], [13, 13], [sigma, sigma])
        assert torch.allclose(blurred[index], expected, atol=1e-5)


def test_the_strongest_blur_works_on_the_smallest_image() -> None:
    images, masks = batch(2, 32, 32)
    augmented, _ = augment(images, masks, config("blur", blur_sigma=10.0), SEED)
    assert augmented.isfinite().all()
    assert augmented.mean().item() == pytest.approx(images.mean().item(), abs=0.02)
    assert augmented.std() < images.std()


# --- Image and mask together


@pytest.mark.parametrize("names", [("hflip",), ("crop",), ("rotate",), ("hflip", "crop", "rotate")])
def test_image_and_mask_move_together(names: tuple[str, ...]) -> None:
    images, masks = blobs(24)
    strength = {"rotate_degrees": 90.0} if "rotate" in names else {}
    augmented, labels = augment(images, masks, config(*names, **strength), SEED)
    counted = labels != 255
    agrees = (augmented[:, 0] > 0.5) == (labels == 1)
    # Bilinear and nearest may differ on the very edge of a blob, by half a pixel.
    assert agrees[counted].float().mean() > 0.99
    assert not torch.equal(labels, masks)


@pytest.mark.parametrize("names", [(name,) for name in ALL] + [ALL])
def test_no_label_and_no_color_is_invented(names: tuple[str, ...]) -> None:
    images, masks = batch(8)
    masks = masks.where(masks != 1, 77)  # between others: a mean of labels would be seen
    strength = {"color_strength": 1.0} if "color" in names else {}
    augmented, labels = augment(images, masks, config(*names, **strength), SEED)
    assert set(labels.unique().tolist()) <= {0, 2, 77, 255}
    assert labels.dtype == torch.int64 and labels.shape == masks.shape
    assert augmented.dtype == torch.float32 and augmented.shape == images.shape
    assert augmented.min() >= -1e-6 and augmented.max() <= 1 + 1e-6
    assert augmented.is_contiguous(memory_format=torch.channels_last)
    assert not torch.equal(augmented, images)


@pytest.mark.parametrize("names", [("color",), ("blur",), ("color", "blur")])
def test_what_moves_nothing_leaves_the_masks_alone(names: tuple[str, ...]) -> None:
    images, masks = batch(4)
    _, labels = augment(images, masks, config(*names), SEED)
    assert torch.equal(labels, masks)


def test_the_batch_that_was_given_stays_as_it_was() -> None:
    images, masks = batch(8)
    before = images.clone(), masks.clone()
    augment(images, masks, config(*ALL), SEED)
    assert torch.equal(images, before[0]) and torch.equal(masks, before[1])


# --- What is drawn


@pytest.mark.parametrize(("chance", "low", "high"), [(0.5, 70, 130), (0.1, 5, 40), (1.0, 200, 200)])
def test_so_many_images_are_mirrored(chance: float, low: int, high: int) -> None:
    place = torch.arange(6 * 8).view(1, 6, 8).repeat(200, 1, 1)
    images = place[:, None].repeat(1, 3, 1, 1).float()
    augmented, labels = augment(images, place, config("hflip", flip_chance=chance), SEED)
    assert torch.equal(augmented, labels[:, None].repeat(1, 3, 1, 1).float())
    assert low <= (labels[:, 0, 0] == 7).sum() <= high
    assert set(labels[:, 0, 0].tolist()) <= {0, 7}


@pytest.mark.parametrize("scale", [0.1, 0.5, 0.95, 1.0])
def test_a_crop_keeps_its_share_of_the_area_and_nearly_the_aspect(scale: float) -> None:
    drawn = draw_places(np.random.default_rng(0), 5000, config("crop", crop_scale=scale), None)
    area, stretch = drawn.width * drawn.height, drawn.width / drawn.height
    assert area.min() >= scale - 1e-9 and area.mean() == pytest.approx((1 + scale) / 2, abs=0.02)
    assert stretch.min() >= 3 / 4 - 1e-9 and stretch.max() <= 4 / 3 + 1e-9
    for start, side in ((drawn.left, drawn.width), (drawn.top, drawn.height)):
        assert start.min() >= -1e-9 and (start + side).max() <= 1 + 1e-9
    if scale == 0.1:  # the whole range is used
        assert stretch.min() < 0.77 and stretch.max() > 1.3 and area.max() > 0.99


def test_rotation_goes_either_way_up_to_its_limit() -> None:
    drawn = draw_places(np.random.default_rng(0), 5000, config("rotate", rotate_degrees=20.0), None)
    assert -20 <= drawn.degrees.min() < -19 and 19 < drawn.degrees.max() <= 20
    assert (drawn.width == 1).all() and (drawn.left == 0).all()


def test_stronger_jitter_and_blur_change_more() -> None:
    images, masks = batch(32)

    def change(*names: str, **values: float) -> float:
        augmented, _ = augment(images, masks, config(*names, **values), SEED)
        return (augmented - images).abs().mean().item()

    assert 0 < change("color", color_strength=0.05) < change("color", color_strength=0.8)
    assert 0 < change("blur", blur_sigma=0.5) < change("blur", blur_sigma=4.0)


def test_a_batch_is_always_changed_the_same_way_and_the_next_one_differently() -> None:
    images, masks = batch(4)

    def changed(*seed: int) -> tuple[Tensor, Tensor]:
        torch.manual_seed(torch.seed())  # other random numbers play no part
        np.random.seed(None)
        return augment(images, masks, config(*ALL), (seed[0], seed[1], seed[2]))

    first, again = changed(0, 1, 0), changed(0, 1, 0)
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    others = [changed(*seed)[0] for seed in ((0, 1, 1), (0, 2, 0), (1, 1, 0))]
    assert not any(torch.equal(first[0], other) for other in others)


def test_mixed_precision_changes_nothing() -> None:
    images, masks = batch(4)
    full = augment(images, masks, config(*ALL), SEED)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = augment(images, masks, config(*ALL), SEED)
    assert mixed[0].dtype == torch.float32
    assert torch.equal(full[0], mixed[0]) and torch.equal(full[1], mixed[1])


def test_the_order_of_the_names_makes_no_difference() -> None:
    images, masks = batch(4)
    forward = augment(images, masks, config(*ALL), SEED)
    backward = augment(images, masks, config(*reversed(ALL)), SEED)
    assert torch.equal(forward[0], backward[0]) and torch.equal(forward[1], backward[1])


def test_every_image_is_changed_differently() -> None:
    image, mask = batch(1)
    for name in ALL[1:]:
        augmented, _ = augment(image.repeat(6, 1, 1, 1), mask.repeat(6, 1, 1), config(name), SEED)
        assert len(augmented.flatten(1).unique(dim=0)) == 6, name


def test_mirroring_some_leaves_the_others() -> None:
    place = torch.arange(4.0).repeat(2, 1)
    result = mirror(place, np.array([True, False]))
    assert result.tolist() == [[3, 2, 1, 0], [0, 1, 2, 3]]


def test_the_shuffle_and_every_batch_have_random_streams_of_their_own() -> None:
    """NumPy pads seeds with zeros: (seed, epoch, 0) would be the shuffle's (seed, epoch)."""
    shuffle = np.random.default_rng([3, 7]).random(4)
    streams = [random_stream(config("blur"), (3, 7, batch)).random(4) for batch in range(3)]
    numbers = np.stack([shuffle, *streams])
    assert len(np.unique(numbers)) == numbers.size
    older = config("blur").model_copy(update={"draws": "1"})
    np.testing.assert_array_equal(random_stream(older, (3, 7, 0)).random(4), shuffle)
