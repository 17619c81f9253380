"""A picture and its labels, painted as one: an edge in one is an edge in both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

Floats = NDArray[Any]
Rng = np.random.Generator


class Canvas:
    """What is painted later hides what was painted before.

    `color` is RGB of 0 to 1, (H, W, 3) float32; `labels` is (H, W) uint8.
    """

    def __init__(self, height: int, width: int, label: int) -> None:
        self.color = np.zeros((height, width, 3), np.float32)
        self.labels = np.full((height, width), label, np.uint8)

    def fill(self, points: ArrayLike, color: ArrayLike, label: int) -> None:
        """Paint a polygon with corners (N, 2), touching only the pixels around it."""
        corners, (height, width) = np.asarray(points, float), self.labels.shape
        (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        x0, x1 = max(0, int(x0)), min(width, int(x1) + 1)
        y0, y1 = max(0, int(y0)), min(height, int(y1) + 1)
        if x0 < x1 and y0 < y1:
            image, part = Image.new("L", (x1 - x0, y1 - y0)), np.s_[y0:y1, x0:x1]
            ImageDraw.Draw(image).polygon((corners - (x0, y0)).ravel().tolist(), fill=1)
            mask = np.frombuffer(image.tobytes(), bool).reshape(y1 - y0, x1 - x0)
            self.color[part][mask], self.labels[part][mask] = color, label


def eight_bits(color: Floats) -> NDArray[np.uint8]:
    """A picture of 0 to 1 as one of 0 to 255."""
    return (color.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def noise(rng: Rng, shape: tuple[int, int], cell: float) -> Floats:
    """Smooth noise of -1 to 1, (H, W) float32, whose spots are about `cell` pixels wide."""
    small = [max(2, round(side / cell) + 1) for side in shape]
    image = Image.fromarray(rng.uniform(-1, 1, small).astype(np.float32), mode="F")
    return np.asarray(image.resize(shape[::-1], Image.Resampling.BICUBIC))


def rgb(names: str) -> Floats:
    """Colors (N, 3) of 0 to 1 from their hexadecimal names."""
    return np.array([list(bytes.fromhex(name)) for name in names.split()], np.float32) / 255


def pick(rng: Rng, *palettes: Floats) -> Floats:
    """A color of the palettes, each time a little different."""
    color = rng.choice(np.concatenate(palettes)) + rng.normal(0, 0.03, 3)
    return np.asarray(color.clip(0.04, 0.95), np.float32)


def ring(count: int) -> Floats:
    """The corners (N, 2) of a regular polygon, counterclockwise, of which one lies at the top."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([-np.sin(turn), np.cos(turn)], axis=1)
