"""A canvas in meters: a street as a camera sees it, with light, shadow and haze.

Meters are to the right of the street's middle, however it bends; up; and ahead of the camera.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from segengine.drawing.canvas import Canvas, Floats, Rng, noise, ring

Texture = Callable[[Floats, Floats], Floats]  # meters along and up to RGB; NaN leaves a hole
Label = IntEnum("Label", {  # the official ids of what the streets show
    "EGO_VEHICLE": 1, "OUT_OF_ROI": 3, "ROAD": 7, "SIDEWALK": 8, "BUILDING": 11, "WALL": 12,
    "FENCE": 13, "POLE": 17, "TRAFFIC_LIGHT": 19, "TRAFFIC_SIGN": 20, "VEGETATION": 21,
    "TERRAIN": 22, "SKY": 23, "PERSON": 24, "RIDER": 25, "CAR": 26, "TRUCK": 27, "BUS": 28,
    "TRAIN": 31, "MOTORCYCLE": 32, "BICYCLE": 33,
})  # fmt: skip
WEATHERS = (  # RGB of sunlight, skylight, sky above and far away; haze per meter; cloudiness
    ((0.7, 0.65, 0.56), (0.44, 0.48, 0.56), (0.3, 0.49, 0.78), (0.76, 0.84, 0.92), 0.002, 0.2),
    ((0.04, 0.04, 0.04), (0.8, 0.82, 0.86), (0.64, 0.67, 0.72), (0.82, 0.83, 0.85), 0.005, 1.0),
    ((0.0, 0.0, 0.0), (0.8, 0.81, 0.83), (0.72, 0.73, 0.75), (0.78, 0.79, 0.8), 0.018, 0.9),
    ((0.5, 0.28, 0.1), (0.4, 0.38, 0.48), (0.25, 0.3, 0.52), (0.9, 0.64, 0.46), 0.005, 0.2),
)
GRAIN = sum(noise(np.random.default_rng(0), (256, 256), cell) for cell in (2, 5, 16)) / 2
HALF = ring(8)[[4, 5, 6, 7, 0]]  # half a circle, to the right


class Spot(NamedTuple):
    """Where something stands, and how far it is turned to the right from looking ahead."""

    x: float
    z: float
    turn: float = 0.0


class View(Canvas):
    """What the camera sees. Paint from far to near, things no nearer than two meters."""

    def __init__(self, rng: Rng, height: int, width: int) -> None:
        super().__init__(height, width, Label.SKY)
        self.rng, self.eye = rng, rng.uniform(1.3, 1.7)
        self.focal, self.center = width * rng.uniform(0.85, 1.0), width * rng.normal(0.5, 0.03)
        self.horizon = height * rng.uniform(0.38, 0.46)
        self.shift, self.bend = 0.0, rng.normal(0, 0.0012)
        day = rng.choice(4, p=(0.52, 0.24, 0.1, 0.14))
        colors, self.haze, self.clouds = np.array(WEATHERS[day][:4], np.float32), *WEATHERS[day][4:]
        self.direct, self.ambient, self.high, self.far = colors
        self.sunny, self.dusk = self.direct[0] > 0.3, day == 3
        climb, around = rng.uniform(0.45, 1.0), rng.uniform(0, 2 * math.pi)
        self.sun = np.array((math.sin(around), math.tan(climb), math.cos(around))) * math.cos(climb)
        self.tile = np.roll(GRAIN, rng.integers(256, size=2), axis=(0, 1))

    def light(self, *normal: float) -> Floats:
        """What falls on a surface with this unit normal, RGB."""
        return np.asarray(self.ambient + self.direct * np.float32(max(0, float(self.sun @ normal))))

    def air(self, color: Floats, z: float | Floats) -> Floats:
        """The color (..., 3) as seen over a distance."""
        clear = np.exp(np.multiply(z, -self.haze, dtype=np.float32))[..., None]
        return np.asarray(color * clear + self.far * (1 - clear))

    def mottle(self, a: Floats, b: Floats, scale: float) -> Floats:
        """Irregular noise of about -1 to 1 that sticks to the meters a, b."""
        across, down = (np.multiply(value, scale).astype(np.int32) & 255 for value in (a, b))
        return np.take(self.tile, across * 256 + down)

    def locate(self, place: Spot, points: ArrayLike) -> Floats:
        """Meters from the camera of a thing's own meters (N, 3): to its right, up, ahead of it."""
        cos, sin = math.cos(place.turn), math.sin(place.turn)
        seen: Floats = np.asarray(points, float) @ ((cos, 0, -sin), (0, 1, 0), (sin, 0, cos))
        seen += (place.x + self.shift, -self.eye, place.z)
        seen[:, 0] += self.bend * seen[:, 2] ** 2
        return seen

    def project(self, seen: Floats) -> Floats:
        """Pixels (..., 2) of meters from the camera (..., 3)."""
        pixels = seen[..., :2] * ((self.focal, -self.focal) / seen[..., 2:])
        return np.add(pixels, (self.center, self.horizon))

    def limb(self, spot: Spot, ends: Any, radius: float, color: ArrayLike, label: int) -> None:
        """A round bar."""
        seen = self.locate(spot, ends)
        (x0, y0), (x1, y1) = self.project(seen).tolist()
        right, down = (x1 - x0, y1 - y0) if abs(x1 - x0) + abs(y1 - y0) > 1e-9 else (1.0, 0.0)
        circle = HALF @ ((right, down), (-down, right)) / math.hypot(right, down)
        first, second = np.maximum(radius * self.focal / seen[:, 2], 0.6)
        outline = np.concatenate([(x0, y0) - circle * first, (x1, y1) + circle * second])
        self.fill(outline, self.air(np.asarray(color) * self.light(0, 0.6, -0.6), spot.z), label)

    def face(self, spot: Spot, corners: Any, color: Any, label: int, decals: Any = ()) -> None:
        """A flat side, from bottom left and right to top left; decals are in shares of these."""
        seen = self.locate(spot, corners)
        right, up = seen[1] - seen[0], seen[-1] - seen[0]
        normal = np.array([up[i - 2] * right[i - 1] - up[i - 1] * right[i - 2] for i in range(3)])
        if seen[0] @ normal >= 0:
            return
        light, z = self.light(*(normal / math.hypot(*normal))), float(seen[0, 2] + seen[-2, 2]) / 2
        tints = self.air(np.array([color, *(tint for _, tint in decals)]) * light, z)
        self.fill(self.project(seen), tints[0], label)
        for (shape, _), tint in zip(decals, tints[1:], strict=True):
            spots = self.project(seen[0] + shape[:, :1] * right + shape[:, 1:] * up)
            if np.ptp(spots, axis=0).min() > 1:
                self.fill(spots, tint, label)

    def wall(self, start: Spot, end: Spot, height: float, texture: Texture, label: int) -> None:
        """What stands upright between two places."""
        (x0, _, z0), (x1, _, z1) = (self.locate(p, [[0] * 3])[0].tolist() for p in (start, end))
        ray = (np.arange(self.labels.shape[1], dtype=np.float32) + 0.5 - self.center) / self.focal
        along = (ray * z0 - x0) / ((x1 - x0) - ray * (z1 - z0) + 1e-9)
        z = z0 + along * (z1 - z0)
        columns = np.flatnonzero((along >= 0) & (along <= 1) & (z > 1))
        if not len(columns):
            return
        along, z, across = along[columns], z[columns], np.s_[columns[0] : columns[-1] + 1]
        first = max(0, int((self.horizon - self.focal * (height - self.eye) / z).min()))
        last = min(len(self.labels), int((self.horizon + self.focal * self.eye / z).max()) + 1)
        rows = np.arange(first, last, dtype=np.float32)[:, None] + 0.5
        y, length = self.eye - (rows - self.horizon) * z / self.focal, math.hypot(x1 - x0, z1 - z0)
        color = texture(along * length, y)
        mask = (y >= 0) & (y <= height) & ~np.isnan(color[..., 0])
        normal = np.array((z1 - z0, 0, x0 - x1)) / length
        normal *= -np.sign(normal @ (x0, 0, z0)) or 1.0
        light = self.light(*((0, 0.7, -0.7) if label == Label.VEGETATION else normal))
        fog = self.air(0 * light, z)
        color = color * (self.air(light, z) - fog) + fog
        np.copyto(self.color[first:last, across], color, where=mask[..., None])
        self.labels[first:last, across][mask] = label
