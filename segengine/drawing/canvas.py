"""A picture and its labels, painted through the same masks: an edge in one is an edge in both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

Mask = NDArray[np.bool_]  # (H, W)
Point = tuple[float, float]  # (x, y) in pixels, from the top left corner


class Canvas:
    """What is painted later hides what was painted before.

    Attributes:
        color: (H, W, 3) float32, RGB of 0 to 1.
        labels: (H, W) uint8.
    """

    def __init__(self, height: int, width: int, label: int) -> None:
        self.color = np.zeros((height, width, 3), np.float32)
        self.labels = np.full((height, width), label, np.uint8)

    def polygon(self, points: ArrayLike) -> Mask:
        """The inside of a polygon whose corners (N, 2) are (x, y)."""
        corners = [tuple(corner) for corner in np.asarray(points, float)]
        image = Image.new("1", self.labels.shape[::-1])
        if len(corners) > 2:
            ImageDraw.Draw(image).polygon(corners, fill=1)
        return np.array(image)

    def ellipse(self, center: Point, radii: Point, degrees: float = 0.0) -> Mask:
        """The inside of an ellipse turned clockwise (as seen) by `degrees`."""
        turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        angle = np.radians(degrees)
        x, y = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
        cos, sin = np.cos(angle), np.sin(angle)
        return self.polygon(
            np.stack([center[0] + cos * x - sin * y, center[1] + sin * x + cos * y], axis=1)
        )

    def stroke(self, points: Sequence[Point], width: float) -> Mask:
        """A line along the points with round joints, `width` pixels wide."""
        image = Image.new("1", self.labels.shape[::-1])
        draw = ImageDraw.Draw(image)
        draw.line(list(points), fill=1, width=max(1, round(width)), joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=1)
        return np.array(image)

    def paint(self, mask: Mask, color: ArrayLike, label: int | None = None) -> None:
        """Color the mask, and label it; without a label the labels stay (markings, shading).

        Args:
            color: RGB of 0 to 1 for all of it, or (H, W, 3).
        """
        values = np.asarray(color, np.float32)
        self.color[mask] = values[mask] if values.ndim == 3 else values
        if label is not None:
            self.labels[mask] = label

    def dots(self, pixels: NDArray[np.intp], colors: ArrayLike, label: int | None = None) -> None:
        """Color single pixels, numbered from left to right and down: (N,) and RGB (N, 3)."""
        self.color.reshape(-1, 3)[pixels] = colors
        if label is not None:
            self.labels.ravel()[pixels] = label

    def fill(self, points: ArrayLike, color: ArrayLike, label: int) -> None:
        """Paint a polygon, touching only the pixels around it: fast for many small ones."""
        corners, (height, width) = np.asarray(points, float), self.labels.shape
        (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        x0, x1 = max(0, int(x0)), min(width, int(x1) + 1)
        y0, y1 = max(0, int(y0)), min(height, int(y1) + 1)
        if x0 < x1 and y0 < y1:
            image, part = Image.new("L", (x1 - x0, y1 - y0)), np.s_[y0:y1, x0:x1]
            ImageDraw.Draw(image).polygon([(x - x0, y - y0) for x, y in corners.tolist()], fill=1)
            mask = np.asarray(image).view(bool)
            self.color[part][mask], self.labels[part][mask] = color, label

    def picture(self) -> np.ndarray:
        """(H, W, 3) uint8."""
        return (self.color.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> np.ndarray:
    """Smooth noise of -1 to 1, (H, W) float32, whose spots are about `cell` pixels wide."""
    height, width = shape
    small = (max(2, round(height / cell) + 1), max(2, round(width / cell) + 1))
    image = Image.fromarray(rng.uniform(-1, 1, small).astype(np.float32), mode="F")
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
