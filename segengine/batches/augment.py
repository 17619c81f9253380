"""Augmentation: random changes of images and masks together, on the device that trains.

The random numbers come from NumPy on the CPU, as a function of the seed alone: a resumed run goes
on exactly as it would have, and every device makes the same changes. Only what was asked for is
computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from segengine.batches.color_jitter import adjust_hue, blend, to_gray
from segengine.config import DataConfig
from segengine.datasets.base import IGNORE_INDEX

STRETCH = 4 / 3  # largest change of the aspect by a crop, either way
_STREAM = 1  # the shuffle of `datasets.sampler` has none
BLUR_RADIUS = 3  # standard deviations at which the Gaussian is cut off


def augment(
    images: Tensor, masks: Tensor, config: DataConfig, seed: tuple[int, int, int]
) -> tuple[Tensor, Tensor]:
    """Change every image and its mask, independently of the other images.

    Always in this order: color, then rotation, crop and mirroring as one resampling, then blur.
    Images are resampled bilinearly, masks to the nearest pixel, so that no label is invented. What
    a rotation uncovers is void in the mask and has the image's mean color.

    Args:
        images: (B, 3, H, W) float, RGB of 0 to 1; not changed in place.
        masks: (B, H, W) int64, classes or 255; not changed in place.
        config: which changes (`augment`), and their strengths.
        seed: (run's seed, epoch, batch); its random stream is no other's.

    Returns:
        images and masks of the same shapes, types and ranges; images are channels-last.
    """
    # A run's autocast is on here, and half precision would shift pixels.
    with torch.autocast(images.device.type, enabled=False):
        images, masks = _augmented(images, masks, config, random_stream(config, seed))
    return images.contiguous(memory_format=torch.channels_last), masks


def random_stream(config: DataConfig, seed: tuple[int, int, int]) -> np.random.Generator:
    """A stream of its own: NumPy reads (seed, epoch, 0) as (seed, epoch), that of the shuffle."""
    key = () if config.draws == "1" else (_STREAM,)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _augmented(
    images: Tensor, masks: Tensor, config: DataConfig, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    count, names = len(images), config.augment
    mirrored = rng.random(count) < config.flip_chance if "hflip" in names else None
    if "color" in names:
        images = jitter(images, *draw_jitter(rng, count, config.color_strength))
    if "crop" in names or "rotate" in names:
        places = draw_places(rng, count, config, mirrored)
        images, masks = resample(images, masks, places)
    elif mirrored is not None:  # exact and faster without resampling
        images, masks = mirror(images, mirrored), mirror(masks, mirrored)
    if "blur" in names:
        images = blur(images, config.blur_sigma * (1 - rng.random(count)), config.blur_sigma)
    return images, masks


def mirror(tensor: Tensor, mirrored: np.ndarray) -> Tensor:
    """(B, ..., W), mirrored left to right where `mirrored`, (B,) bool, is true."""
    chosen = torch.from_numpy(mirrored).to(tensor.device)
    return torch.where(chosen.view(-1, *[1] * (tensor.ndim - 1)), tensor.flip(-1), tensor)


@dataclass(frozen=True)
class Places:
    """Where in its image each pixel of the result comes from; all arrays are (B,).

    The image is rotated about its center, then a box is cut out and enlarged to full size, then
    mirrored.

    Attributes:
        degrees: rotation, counter-clockwise.
        left, top, width, height: the box, as shares of the image's width and height.
        mirrored: bool; the others are float64.
    """

    degrees: np.ndarray
    left: np.ndarray
    top: np.ndarray
    width: np.ndarray
    height: np.ndarray
    mirrored: np.ndarray

    def matrices(self, size: tuple[int, int]) -> np.ndarray:
        """(B, 2, 3) float32: from coordinates in the result to those in the image.

        Coordinates are (x, y) with -1 and 1 at the outer edges, as in `F.affine_grid`.

        Args:
            size: (height, width) in pixels.
        """
        aspect = size[1] / size[0]
        angle = np.radians(self.degrees)
        cos, sin = np.cos(angle), np.sin(angle)
        x_scale = self.width * np.where(self.mirrored, -1, 1)
        x_shift = 2 * self.left + self.width - 1
        y_shift = 2 * self.top + self.height - 1
        rows = [
            [cos * x_scale, -sin / aspect * self.height, cos * x_shift - sin / aspect * y_shift],
            [sin * aspect * x_scale, cos * self.height, sin * aspect * x_shift + cos * y_shift],
        ]
        return np.moveaxis(np.array(rows, dtype=np.float32), -1, 0)


def draw_places(
    rng: np.random.Generator, count: int, config: DataConfig, mirrored: np.ndarray | None
) -> Places:
    """Random places for `count` images.

    A crop's share of the area is uniform from `crop_scale` to 1. Its aspect, relative to that of
    the image, is log-uniform from 3/4 to 4/3 or to the image's edge; its position is uniform.
    """
    area, stretch, degrees = np.ones(count), np.ones(count), np.zeros(count)
    if "rotate" in config.augment:
        degrees = rng.uniform(-config.rotate_degrees, config.rotate_degrees, count)
    if "crop" in config.augment:
        area = rng.uniform(config.crop_scale, 1, count)
        limit = np.log(np.minimum(STRETCH, 1 / area))  # beyond 1 / area a side would be too long
        stretch = np.exp(rng.uniform(-1, 1, count) * limit)
    width, height = np.sqrt(area * stretch), np.sqrt(area / stretch)
    return Places(
        degrees=degrees,
        left=rng.random(count) * (1 - width),
        top=rng.random(count) * (1 - height),
        width=width,
        height=height,
        mirrored=np.zeros(count, dtype=bool) if mirrored is None else mirrored,
    )


def resample(images: Tensor, masks: Tensor, places: Places) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) and masks (B, H, W), each pixel taken from its place."""
    height, width = masks.shape[-2:]
    matrices = torch.from_numpy(places.matrices((height, width))).to(images.device)
    grid = F.affine_grid(matrices.to(images.dtype), [len(images), 1, height, width], False)
    resampled = _sample(images, grid, "bilinear")
    # float32 holds every label exactly.
    labels = _sample(masks[:, None].float(), grid, "nearest")[:, 0].long()
    if not places.degrees.any():
        return resampled, labels
    outside = (grid.abs() > 1).any(-1)  # (B, H, W)
    mean = images.mean((2, 3), keepdim=True)
    resampled = torch.where(outside[:, None], mean, resampled)
    return resampled, labels.masked_fill(outside, IGNORE_INDEX)


def _sample(tensor: Tensor, grid: Tensor, mode: str) -> Tensor:
    return F.grid_sample(tensor, grid, mode, padding_mode="border", align_corners=False)


def draw_jitter(rng: np.random.Generator, count: int, strength: float) -> list[np.ndarray]:
    """Random arguments of `jitter`, each (count,): three factors around 1, and hue shifts."""
    factors = [rng.uniform(1 - strength, 1 + strength, count) for _ in range(3)]
    return [*factors, rng.uniform(-strength / 10, strength / 10, count)]


def jitter(
    images: Tensor,
    brightness: np.ndarray,
    contrast: np.ndarray,
    saturation: np.ndarray,
    hue: np.ndarray,
) -> Tensor:
    """Change brightness, contrast, saturation and hue, in this order.

    Args:
        images: (B, 3, H, W), RGB of 0 to 1.
        brightness, contrast, saturation: (B,) factors; 1 changes nothing.
        hue: (B,) shifts in turns of the color wheel; 0 changes nothing.

    Returns:
        (B, 3, H, W), RGB of 0 to 1.
    """
    amounts = torch.from_numpy(np.stack([brightness, contrast, saturation, hue]))
    bright, contrasty, vivid, turns = amounts.to(images.device, images.dtype).view(4, -1, 1, 1, 1)
    images = (images * bright).clamp_(0, 1)
    images = blend(images, to_gray(images).mean((2, 3), keepdim=True), contrasty)
    images = blend(images, to_gray(images), vivid)
    return adjust_hue(images, turns)


def blur(images: Tensor, sigma: np.ndarray, largest: float) -> Tensor:
    """Gaussian blur of images (B, C, H, W), mirrored at their edges.

    Args:
        sigma: (B,) standard deviations in pixels, above 0.
        largest: upper limit of sigma, in pixels; the kernel's size follows from it.
    """
    count, channels, height, width = images.shape
    radius = min(int(np.ceil(BLUR_RADIUS * largest)), height - 1, width - 1)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma[:, None]) ** 2)
    weights /= weights.sum(1, keepdims=True)
    kernels = torch.from_numpy(weights).to(images.device, images.dtype)
    kernels = kernels.repeat_interleave(channels, 0)[:, None, None]  # (B * C, 1, 1, K)
    planes = images.reshape(1, -1, height, width)  # one group per plane: each image has its kernel
    planes = F.pad(planes, [radius] * 4, mode="reflect")
    planes = F.conv2d(planes, kernels, groups=len(kernels))
    planes = F.conv2d(planes, kernels.transpose(2, 3), groups=len(kernels))
    return planes.view(count, channels, height, width)
