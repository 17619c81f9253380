"""Perspective: a camera over the street.

World coordinates are metres: x to the right, y up from the ground, z ahead. Pixels are x to the
right and y down. A surface's inverse depth is linear over the pixels, which makes both hidden
surfaces and textures in perspective a matter of a few products.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segengine.datasets.drawing.textures import FloatArray, Size

NEAR = 0.6  # metres; what is closer to the camera is cut off


@dataclass(frozen=True)
class Plane:
    """A plane with metres upon it: `origin`, unit vectors `along` (u) and `up` (v), and normal."""

    origin: FloatArray
    along: FloatArray
    up: FloatArray
    normal: FloatArray

    @classmethod
    def through(cls, corners: FloatArray) -> Plane:
        """The plane of a polygon (N, 3): u from the first corner to the second, v to the last."""
        origin, second, last = corners[0], corners[1], corners[-1]
        along = _unit((second - origin).tolist())
        normal = _unit(_cross(along, (last - origin).tolist()))
        return cls(origin, np.array(along), np.array(_cross(normal, along)), np.array(normal))


Triple = tuple[float, float, float]


def _cross(a: Sequence[float], b: Sequence[float]) -> Triple:
    """The cross product; NumPy's takes a hundred times as long for three numbers."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _unit(a: Sequence[float]) -> Triple:
    length = math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]) or 1.0
    return a[0] / length, a[1] / length, a[2] / length


@dataclass(frozen=True)
class Camera:
    """Where pictures are taken from.

    Attributes:
        size: (height, width) of the picture in pixels.
        focal: focal length in pixels.
        position: (3,) in metres.
        axes: (3, 3), rows are the camera's right, up and ahead.
    """

    size: Size
    focal: float
    position: FloatArray
    axes: FloatArray

    @classmethod
    def mounted(cls, rng: np.random.Generator, size: Size) -> Camera:
        """Behind the windscreen of some car that drives along z, looking nearly straight ahead."""
        yaw, roll = rng.normal(0, 0.035), rng.normal(0, 0.008)
        pitch = rng.normal(0.05, 0.015)
        ahead = np.array((math.sin(yaw), -math.sin(pitch), math.cos(yaw)))
        ahead /= np.linalg.norm(ahead)
        right = np.cross((math.sin(roll), math.cos(roll), 0.0), ahead)
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(ahead, right), ahead])
        position = np.array((0.0, rng.uniform(1.15, 1.7), 0.0))
        return cls(size, size[1] * rng.uniform(0.82, 1.05), position, axes)

    def outline(self, corners: FloatArray) -> FloatArray:
        """The polygon (N, 3) in pixels (M, 2), without what is behind; M is 0 for nothing left."""
        seen: FloatArray = (corners - self.position) @ self.axes.T
        front = seen[:, 2] > NEAR
        if not front.all():
            seen = _cut(seen, front)
        height, width = self.size
        pixels: FloatArray = seen[:, :2] * (self.focal / seen[:, 2:])
        pixels *= (1.0, -1.0)
        pixels += (width / 2, height / 2)
        return pixels

    def linear(self, direction: FloatArray) -> tuple[float, float, float]:
        """(constant, x, y): how far a pixel's ray goes along `direction` per metre of depth."""
        right, up, ahead = (self.axes @ direction).tolist()
        height, width = self.size
        constant = ahead - right * width / 2 / self.focal + up * height / 2 / self.focal
        return constant, right / self.focal, -up / self.focal

    def depth(self, point: FloatArray) -> float:
        """How far ahead a point (3,) lies, in metres."""
        return float((point - self.position) @ self.axes[2])

    def horizon(self) -> float:
        """The pixel row of the horizon in the middle of the picture."""
        ahead = self.axes[2]
        return self.size[0] / 2 + self.focal * float(ahead[1]) / math.hypot(ahead[0], ahead[2])


def _cut(seen: FloatArray, front: np.ndarray) -> FloatArray:
    """The polygon (N, 3), in camera coordinates, cut at the near plane."""
    kept = []
    for index in range(len(seen)):
        here, before = seen[index], seen[index - 1]
        if front[index] != front[index - 1]:
            share = (NEAR - before[2]) / (here[2] - before[2])
            kept.append(before + share * (here - before))
        if front[index]:
            kept.append(here)
    return np.array(kept).reshape(-1, 3)
