"""Noise, streaks and soft shapes: the pens and brushes of the sample pictures.

Pictures are float32 arrays, (H, W, 3) for colours and (H, W) for fields, with colours in 0..1.
Coordinates are pixels, x to the right and y down.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

FloatArray = npt.NDArray[np.floating[Any]]  # float32 in practice: half the memory traffic
Size = tuple[int, int]  # (height, width)
Colour = tuple[float, float, float]  # RGB in 0..1

# Fur, walls, floors, cushions and carpets all take their colours from this one list: were the
# palettes apart, a threshold on colour would already find the pet.
SHARED_COLOURS: tuple[Colour, ...] = (
    (0.17, 0.16, 0.17),  # black
    (0.47, 0.47, 0.49),  # grey
    (0.38, 0.42, 0.48),  # blue-grey
    (0.90, 0.88, 0.85),  # white
    (0.86, 0.77, 0.63),  # cream
    (0.78, 0.62, 0.40),  # golden
    (0.74, 0.46, 0.25),  # ginger
    (0.45, 0.30, 0.20),  # brown
    (0.30, 0.22, 0.18),  # chocolate
    (0.63, 0.55, 0.46),  # fawn
)


def pick_colour(rng: np.random.Generator, jitter: float = 0.05) -> FloatArray:
    """A colour near one of the shared ones, (3,) in 0..1."""
    colour = np.array(SHARED_COLOURS[rng.integers(len(SHARED_COLOURS))], np.float32)
    # Relative, so that black fur does not turn purple.
    gain = (1 + rng.normal(0, 2 * jitter)) * (1 + rng.normal(0, jitter / 2, 3))
    return np.asarray(np.clip(colour * gain, 0.06, 0.97), np.float32)


def smoothstep(values: FloatArray, low: float, high: float) -> FloatArray:
    """0 below `low`, 1 above `high`, smooth between; falls when `low` > `high`."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def mix(below: FloatArray, above: FloatArray, weight: FloatArray) -> FloatArray:
    """Colours `above` laid over `below` with `weight` (H, W) in 0..1."""
    mixed: FloatArray = above - below
    mixed *= weight[..., None]  # in place: this is the most called function of all
    mixed += below
    return mixed


def lit(colour: FloatArray, shade: FloatArray) -> FloatArray:
    """One colour (3,) or a picture (H, W, 3) under a shade (H, W), 1 being neutral."""
    return np.asarray(colour * shade[..., None], np.float32)


def pixel_grid(size: Size) -> tuple[FloatArray, FloatArray]:
    """Row and column numbers, (H, 1) and (1, W), ready to broadcast."""
    y, x = np.ogrid[: size[0], : size[1]]
    return y.astype(np.float32), x.astype(np.float32)


def smooth_noise(rng: np.random.Generator, size: Size, cell: float) -> FloatArray:
    """Noise of mean 0 and spread about 0.6, (H, W), with bumps about `cell` pixels wide."""
    rows, columns = int(size[0] / cell) + 3, int(size[1] / cell) + 3
    coarse = Image.fromarray(rng.standard_normal((rows, columns), np.float32))
    # A random offset keeps the bumps from sitting on the same lattice in every picture.
    left, top = rng.random(2)
    box = (left, top, left + size[1] / cell, top + size[0] / cell)
    return np.asarray(coarse.resize(size[::-1], Image.Resampling.BICUBIC, box=box), np.float32)


def fractal_noise(
    rng: np.random.Generator, size: Size, cell: float, octaves: int = 3
) -> FloatArray:
    """Noise with detail at `octaves` scales, (H, W), roughly in -1..1."""
    total = np.zeros(size, np.float32)
    for octave in range(octaves):
        total += smooth_noise(rng, size, max(1.5, cell / 2**octave)) / 2**octave
    return total


def streaks(
    rng: np.random.Generator, across: FloatArray, down: FloatArray, length: int
) -> FloatArray:
    """Hair: noise smeared along a field of unit directions (across, down), each (H, W).

    Returns (H, W) of mean 0 and spread 1. `length` is half a hair, in pixels.
    """
    size = across.shape
    noise = rng.standard_normal(size, np.float32)
    here = np.arange(size[0] * size[1], dtype=np.int32).reshape(size)
    total = noise.copy()
    for step in range(1, length + 1):
        away = np.rint(down * step).astype(np.int32) * size[1]
        away += np.rint(across * step).astype(np.int32)
        total += np.take(noise, here + away, mode="wrap")
        total += np.take(noise, here - away, mode="wrap")
    return total / np.float32(np.sqrt(2 * length + 1))


def leaning_streaks(
    rng: np.random.Generator, size: Size, angle: float, wander: float, length: int
) -> FloatArray:
    """Streaks around one `angle` (radians, 0 is to the right) that `wander` by so many radians."""
    angles = np.float32(angle) + np.float32(wander) * smooth_noise(rng, size, max(size) / 6)
    return streaks(rng, np.cos(angles), np.sin(angles), length)


def blur(picture: FloatArray, radius: float) -> FloatArray:
    """Gaussian blur of colours (H, W, 3) or of a field (H, W), both in 0..1."""
    image = Image.fromarray(to_bytes(picture))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def shift(field: FloatArray, down: int, across: int) -> FloatArray:
    """The field (H, W) moved by so many pixels; what enters the frame repeats its edge."""
    rows = np.clip(np.arange(field.shape[0]) - down, 0, field.shape[0] - 1)
    columns = np.clip(np.arange(field.shape[1]) - across, 0, field.shape[1] - 1)
    return field[rows[:, None], columns]


def to_bytes(picture: FloatArray) -> npt.NDArray[np.uint8]:
    """0..1 to 0..255, rounded, so that it can become a Pillow image."""
    rounded: npt.NDArray[Any] = np.clip(picture, 0, 1) * 255 + 0.5
    return rounded.astype(np.uint8)
