"""The canvas: colours, labels and distances of every pixel, drawn together.

Whatever is painted changes colour and label through one and the same mask, so that the edges of
image and mask agree. Hidden surfaces are found by distance, pixel by pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from segengine.datasets.drawing.streets.camera import Camera, Plane
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.streets.weather import Weather
from segengine.datasets.drawing.textures import FloatArray, blur, fractal_noise


@dataclass(frozen=True)
class Spots:
    """Pixels of a surface: where they lie on it (u, v in metres) and how far away; each (K,)."""

    u: FloatArray
    v: FloatArray
    depth: FloatArray


Material = Callable[[Spots], FloatArray]  # colours (K, 3), or one (3,), in 0..1
Cover = Callable[[Spots], np.ndarray]  # (K,) bool: where there is something


def everywhere(spots: Spots) -> np.ndarray:
    """The extent of what is annotated with all its gaps."""
    return np.ones(len(spots.u), bool)


class Grain:
    """Rough noise of spread about 1 as a texture over metres, the same for the same place."""

    SIDE, CELL = 256, 64

    def __init__(self, rng: np.random.Generator) -> None:
        tile = fractal_noise(rng, (self.SIDE, self.SIDE), self.CELL, 6)
        self.tile = (tile - tile.mean()) / tile.std()

    def __call__(self, u: FloatArray, v: FloatArray, cell: float) -> FloatArray:
        """The noise at (u, v), bumps about `cell` metres wide."""
        scale, last = self.CELL / cell, self.SIDE - 1
        rows, columns = (v * scale).astype(int) & last, (u * scale).astype(int) & last
        return np.asarray(self.tile[rows, columns], np.float32)


class Canvas:
    """What has been drawn so far.

    Attributes:
        picture: (H, W, 3) in 0..1.
        labels: (H, W) uint8 official label ids.
        nearness: (H, W) 1 / depth in metres; 0 is the sky.
    """

    def __init__(self, camera: Camera, weather: Weather, rng: np.random.Generator) -> None:
        self.camera, self.weather = camera, weather
        self.grain = Grain(rng)
        self.picture: FloatArray = weather.sky(rng, camera.size, camera.horizon())
        self.labels = np.full(camera.size, Label.SKY, np.uint8)
        self.nearness = np.zeros(camera.size, np.float32)
        height, width = camera.size
        self._rows = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)
        self._columns = np.arange(width, dtype=np.float32)[None] + np.float32(0.5)
        self._ground = np.zeros(camera.size, np.float32)  # nearness of the bare ground
        self._shadow = Image.new("L", camera.size[::-1])
        self._contact = Image.new("L", camera.size[::-1])

    def paint(
        self,
        corners: FloatArray,
        material: Material | FloatArray,
        label: Label,
        *,
        lift: float = 1e-3,
        cover: Cover | None = None,
        extent: Cover | None = None,
        glow: bool = False,
    ) -> None:
        """A flat polygon (N, 3) in metres.

        Args:
            material: the colour, or what gives the colours of its pixels.
            lift: how much nearer it counts, as a share; what lies upon a surface needs some.
            cover: where there is something to see; elsewhere one sees what was drawn before.
            extent: where its label holds, if that is more: people annotate fences, wheels and bare
                trees with their gaps.
            glow: whether it shines by itself.
        """
        visible = self._visible(corners, lift)
        if visible is None:
            return
        plane, rows, columns, nearness = visible
        spots = self._spots(plane, rows, columns, nearness)
        if cover is not None:
            shown = cover(spots)
            held = shown if extent is None else shown | extent(spots)
            self._mark(rows[held], columns[held], label, nearness[held])
            rows, columns = rows[shown], columns[shown]
            spots = Spots(spots.u[shown], spots.v[shown], spots.depth[shown])
        else:
            self._mark(rows, columns, label, nearness)
        colours = material(spots) if callable(material) else material
        self.picture[rows, columns] = colours if glow else colours * self._light(plane)

    def _mark(
        self, rows: np.ndarray, columns: np.ndarray, label: Label, nearness: FloatArray
    ) -> None:
        self.labels[rows, columns] = label
        self.nearness[rows, columns] = nearness

    def _light(self, plane: Plane) -> FloatArray:
        """Light (3,) on the side of the plane that one sees."""
        towards = self.camera.position - plane.origin
        facing = plane.normal if plane.normal @ towards > 0 else -plane.normal
        return self.weather.falling_on(facing)

    def _visible(
        self, corners: FloatArray, lift: float
    ) -> tuple[Plane, np.ndarray, np.ndarray, FloatArray] | None:
        """(plane, rows, columns, nearness) of the polygon's pixels that nothing hides."""
        outline = self.camera.outline(corners)
        if len(outline) < 3:
            return None
        points = outline.tolist()
        across, down = [x for x, _ in points], [y for _, y in points]
        if max(across) - min(across) < 1 and max(down) - min(down) < 1:
            return None  # too far away to be seen
        height, width = self.camera.size
        left, right = max(0, math.floor(min(across))), min(width, math.ceil(max(across)) + 1)
        top, bottom = max(0, math.floor(min(down))), min(height, math.ceil(max(down)) + 1)
        if right <= left or bottom <= top:
            return None
        plane = Plane.through(corners)
        away = float(plane.normal @ (plane.origin - self.camera.position))
        if abs(away) < 1e-4:  # seen exactly from the side
            return None
        mask = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in points], fill=1)
        constant, by_x, by_y = (part / away for part in self.camera.linear(plane.normal))
        nearness = self._columns[:, left:right] * by_x + (self._rows[top:bottom] * by_y + constant)
        there = self.nearness[top:bottom, left:right]
        rows, columns = np.nonzero(np.asarray(mask) & (nearness * (1 + lift) > there))
        if not len(rows):
            return None
        return plane, rows + top, columns + left, nearness[rows, columns]

    def _spots(
        self, plane: Plane, rows: np.ndarray, columns: np.ndarray, nearness: FloatArray
    ) -> Spots:
        """Where the pixels lie on the plane."""
        depth = 1 / np.maximum(nearness, 1e-4)
        start = self.camera.position - plane.origin
        places = []
        for direction in (plane.along, plane.up):
            constant, across, down = self.camera.linear(direction)
            ray = constant + across * (columns + 0.5) + down * (rows + 0.5)
            places.append(float(start @ direction) + depth * ray)
        return Spots(places[0], places[1], depth)

    def lay_ground(
        self, ground: Callable[[FloatArray, FloatArray], tuple[FloatArray, np.ndarray]]
    ) -> None:
        """The ground up to the horizon; `ground` gives (colours, labels) at (x, z) in metres."""
        plane = Plane(
            np.zeros(3), np.array((1.0, 0, 0)), np.array((0, 0, 1.0)), np.array((0, 1.0, 0))
        )
        constant, across, down = self.camera.linear(plane.normal)
        nearness = self._columns * across + (self._rows * down + constant)
        nearness /= -float(self.camera.position[1])
        rows, columns = np.nonzero(nearness > 1 / 600)
        spots = self._spots(plane, rows, columns, nearness[rows, columns])
        colours, labels = ground(spots.u, spots.v)
        self.picture[rows, columns] = colours * self.weather.falling_on(plane.normal)
        self.labels[rows, columns] = labels
        self.nearness[rows, columns] = nearness[rows, columns]
        self._ground = self.nearness.copy()

    def cast_shadow(self, footprint: FloatArray, height: float, above: float = 0.0) -> None:
        """The shadow on the ground of a body over a footprint (N, 3), from `above` to `height`."""
        slope = self.weather.shadow_slope()
        low, high = footprint + slope * above, footprint + slope * height
        draw = ImageDraw.Draw(self._shadow)
        sides = [np.stack([low[i - 1], low[i], high[i], high[i - 1]]) for i in range(len(low))]
        for corners in (low, high, *sides):
            _fill(draw, self.camera.outline(corners))
        if above == 0:
            _fill(ImageDraw.Draw(self._contact), self.camera.outline(footprint))

    def drop_shadows(self) -> None:
        """Darken the ground that is still to be seen, under and beside what stands on it."""
        bare = (self.nearness == self._ground) & (self._ground > 0)
        cast = blur(np.asarray(self._shadow, np.float32) / 255, 1.0)
        contact = blur(np.asarray(self._contact, np.float32) / 255, 2.5)
        shade = (1 - self.weather.shadow * cast) * (1 - 0.55 * contact)
        self.picture[bare] *= shade[bare][:, None]


def _fill(draw: ImageDraw.ImageDraw, outline: FloatArray) -> None:
    if len(outline) >= 3:
        draw.polygon([tuple(point) for point in outline], fill=255)
