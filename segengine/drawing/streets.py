"""Sample streets: drawn pictures as from a car in a city, with the labels of Cityscapes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from segengine.drawing import roadside, vehicles
from segengine.drawing.canvas import noise
from segengine.drawing.perspective import Floats, Label, Place, View, pick, ring

__all__ = ["SIZE", "THEMES", "Label", "draw_street"]

SIZE = (128, 256)  # (height, width): half the sides' ratio of the real ones, an eighth of the sides
SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
FAR = 95.0  # meters to where the street ends for the eye
THEMES = (  # what is sure to be seen; the pictures take turns
    (Label.BUS, Label.TRAFFIC_LIGHT, Label.PERSON),
    (Label.MOTORCYCLE, Label.FENCE, Label.TERRAIN),
    (Label.TRAIN, Label.TRAFFIC_SIGN, Label.POLE),
    (Label.TRUCK, Label.WALL, Label.VEGETATION),
    (Label.RIDER, Label.BICYCLE, Label.BUILDING),
)
SOMETIMES = (Label.BUS, Label.TRUCK, Label.RIDER, Label.MOTORCYCLE, Label.BICYCLE, Label.FENCE)


def draw_street(seed: int, split: int, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Picture `index` of a split: RGB (H, W, 3) and official label ids (H, W), both uint8."""
    rng, theme = np.random.default_rng([seed, split, index]), THEMES[index % len(THEMES)]
    for _ in range(9):
        picture, labels = develop(Street(rng, set(theme)).paint())
        if all((labels == label).sum() >= 24 for label in theme):
            break
    return picture, labels


class Street:
    """The plan of a street, and all that stands in it."""

    def __init__(self, rng: np.random.Generator, shows: set[Label]) -> None:
        self.rng, self.view = rng, View(rng, SIZE[0] * 2, SIZE[1] * 2)
        self.shows = shows | {label for label in SOMETIMES if rng.random() < 0.1}
        self.half = rng.uniform(5.0 if Label.TRAIN in shows else 3.3, 6.3)
        self.parking = self.half > 5
        self.lane = (self.half - 2.1 * self.parking) / 2
        self.view.shift = -self.lane * rng.uniform(0.8, 1.1)
        self.verge = 1.8 * (rng.random(2) < (1 if Label.TERRAIN in shows else 0.35))
        self.edges = self.half + self.verge + rng.uniform(1.8, 3.5, 2)  # where the fronts are
        lights = Label.TRAFFIC_LIGHT in shows
        near, crossed = rng.uniform(13, 22 if lights else 40), lights or rng.random() < 0.4
        self.crossing = (near, near + rng.uniform(6, 9)) if crossed else (0.0, 0.0)
        self.roofs = np.zeros((2, 160))  # heights of the houses on either side, per meter
        self.things: list[tuple[float, Callable[[], None]]] = []  # how far, and how to paint it
        self.shadows = Image.new("L", (SIZE[1] * 2, SIZE[0] * 2))
        for side in (0, 1):
            self.fronts(side)
            self.pavement(side)
        self.traffic()

    def add(self, paint: Callable[..., None], at: Place, *words: object, back: float = 0) -> None:
        """Have something painted after what is farther away."""
        self.things.append((at.z + back, partial(paint, self.view, at, *words)))

    def shade(self, at: Place, outline: Floats, *heights: float) -> None:
        """Have level slabs with that outline (N, 2) cast a shadow on the ground."""
        for height in heights if self.view.sunny else (0.0,):
            corners = self.view.locate(at, outline @ ((1, 0, 0), (0, 0, 1)))
            corners -= self.view.sun * (height / self.view.sun[1]) * (1, 0, 1)
            if corners[:, 2].min() > 2:
                pixels = [tuple(corner) for corner in self.view.project(corners).tolist()]
                ImageDraw.Draw(self.shadows).polygon(pixels, fill=1)

    def free(self, z: float, length: float = 0) -> bool:
        """Whether this is out of the crossing."""
        return not self.crossing[0] - 4 - length < z < self.crossing[1] + 4

    def paint(self) -> View:
        """The street, from far to near."""
        sky(self.view)
        ground(self.view, self)
        ends = Place(-60, FAR + 9), Place(60, FAR + 9)
        roadside.boundary(self.view, *ends, Label.VEGETATION, self.rng.uniform(5, 9))
        for _, paint in sorted(self.things, key=lambda thing: -thing[0]):
            paint()
        return self.view

    def fronts(self, side: int) -> None:
        """Houses in a row, or with yards behind walls, fences and hedges."""
        rng, sign, edge = self.rng, 2 * side - 1, self.edges[side]
        fixed = [label for label in (Label.FENCE, Label.WALL) if label in self.shows]
        city = rng.random() < 0.75 and not (fixed and side)
        level = rng.uniform(8, 16) if city else rng.uniform(4, 7)
        for start, stop in ((2.5, self.crossing[0] - 2.5), (self.crossing[1] + 2.5, FAR)):
            lots = np.linspace(start, stop, max(2, round((stop - start) / rng.uniform(10, 16)) + 1))
            for near, far in pairwise(lots.tolist() if stop > start else ()):
                height, inset = level * rng.uniform(0.75, 1.25), 0.0
                if not city or rng.random() < 0.08:
                    anything = (Label.FENCE, Label.WALL, Label.VEGETATION)
                    kind = rng.choice(fixed if fixed and near < 30 else anything)
                    ends, inset = [Place(sign * edge, z) for z in (near, far)], rng.uniform(4, 7)
                    self.add(roadside.boundary, *ends, kind, rng.uniform(1, 1.9), back=200)
                    at = sign * (edge + rng.uniform(1, inset)), rng.uniform(max(near, 6), far)
                    self.add(roadside.tree, Place(*at), back=300)
                ends = [Place(sign * (edge + inset), z) for z in (near + inset / 4, far)]
                self.add(roadside.house, *ends, height, city and rng.random() < 0.5, back=500)
                self.roofs[side, int(near) : int(far)] = height * (0.4 if inset else 1)

    def pavement(self, side: int) -> None:
        """Trees, lamps, signs, lights, people and parked cycles."""
        rng, sign, curb = self.rng, 2 * side - 1, self.half + 0.5
        for kind, gap in ((Label.POLE, 24), (Label.TRAFFIC_SIGN, 17)):
            for z in np.arange(rng.uniform(9, 17), 70, gap):
                self.add(roadside.post, Place(sign * curb, z), kind)
        for z in np.arange(rng.uniform(9, 17), 70 if rng.random() < 0.5 else 0, 12):
            where = Place(sign * (curb + 0.4), z)
            if self.free(z):
                self.add(roadside.tree, where)
                self.shade(where, ring(12) * 1.8, 4.2)
        for z in (self.crossing[0] - 3.5, self.crossing[1] + 3) if self.crossing[0] > 0 else ():
            where, lit = Place(sign * (curb + 0.1), z), rng.choice([0, 2])
            self.add(roadside.post, where, Label.TRAFFIC_LIGHT, lit)
        for z in np.cumsum(rng.uniform(2, 16, 4)) + 7:
            x, turn = rng.uniform(curb + 0.6, self.edges[side] - 0.4), rng.choice([0, np.pi])
            where = Place(sign * x, z, turn + rng.normal(0, 0.4))
            self.add(vehicles.figure, where, Label.PERSON)
            self.shade(where, SQUARE * (0.2, 0.15), *np.linspace(0, 1.7, 6))
        for label in self.shows & {Label.BICYCLE, Label.MOTORCYCLE}:
            z = (curb + 0.8 + sign * self.view.shift) * rng.uniform(2.3, 3)  # just in the picture
            turn = sign * rng.uniform(0.8, 1.3)
            for index in range(rng.integers(1, 4)):
                self.add(vehicles.cycle, Place(sign * (curb + 0.8), z + index, turn), label, False)

    def traffic(self) -> None:
        """Vehicles, lane by lane, and whoever crosses the road."""
        rng, road = self.rng, self.half
        lanes = [(self.lane, 0.0), (-self.lane, np.pi), (road - 1.1, 0.0), (1.1 - road, np.pi)]
        queues: tuple[list[Label], ...] = ([], [], [], [])
        for kind in sorted(vehicles.SIZES.keys() & self.shows - {Label.CAR}):
            comes = kind != Label.RIDER and rng.random() < 0.4 and Label.TRAIN not in self.shows
            queues[comes or kind == Label.TRAIN].append(kind)
        for index, (x, turn) in enumerate(lanes[: 4 if self.parking else 2]):
            z = rng.uniform(5, 9) if index > 1 else rng.uniform(15, 21)
            z += 14 if index > 1 and self.shows & {Label.BICYCLE, Label.MOTORCYCLE} else 0
            while z < 64:
                kind = queues[index].pop() if queues[index] else Label.CAR
                wide, long, tall = vehicles.SIZES[kind]
                if kind != Label.CAR or (rng.random() < 0.55 and self.free(z, long)):
                    where = Place(x, z + long / 2, turn + rng.normal(0, 0.015))
                    self.add(vehicles.vehicle, where, kind, back=-long / 2)
                    self.shade(where, SQUARE * (wide / 2, long / 2), *np.linspace(0, tall, 5))
                z += long + (rng.uniform(0.8, 2) if index > 1 else rng.uniform(5, 20))
        for x in rng.uniform(-road, road, rng.integers(0, 4) if self.crossing[0] > 0 else 0):
            where = Place(x, self.crossing[0] - rng.uniform(0.8, 3), rng.choice([-1.5, 1.5]))
            self.add(vehicles.figure, where, Label.PERSON)


def sky(view: View) -> None:
    """Bluer upward, with clouds."""
    height, width = int(view.horizon) + 9, view.labels.shape[1]
    up = np.linspace(1, 0, height, dtype=np.float32)[:, None, None]
    shapes = [noise(view.rng, (height, width), cell) * cell for cell in (60, 25, 9)]
    clouds = np.sum(shapes, axis=0)[..., None] / np.float32(60)
    thick = np.clip(clouds * 1.2 + np.float32(view.clouds - 0.1), 0, 1) * np.float32(0.85)
    white = view.far * 0.5 + 0.5 - 0.15 * np.clip(clouds, 0, 1)
    view.color[:height] = (view.far * (1 - up) + view.high * up) * (1 - thick) + white * thick


def ground(view: View, street: Street) -> None:
    """Road, curbs, pavements and grass, with what is painted on them."""
    rng, (height, width), (near, far) = view.rng, view.labels.shape, street.crossing
    first = int(view.horizon) + 2
    rows = np.arange(first, height, dtype=np.float32)[:, None] + 0.5 - view.horizon
    z = np.minimum(view.focal * view.eye / rows, 400)  # (rows, 1)
    column = np.arange(width, dtype=np.float32) + 0.5 - view.center
    x = column * z / view.focal - view.shift - np.float32(view.bend) * z**2
    away, labels = np.maximum(near - z, z - far), np.full(x.shape, Label.ROAD, np.uint8)
    tone = 1 + 0.1 * view.mottle(x, z, 1.3) + 0.12 * view.mottle(x, z, 16) / (1 + z / 12)
    kinds = np.array([Label.SIDEWALK, Label.TERRAIN, Label.SIDEWALK, Label.TERRAIN], np.uint8)
    shade = np.asarray(street.shadows)[first:] > 0
    for side, sign in enumerate((-1, 1)):
        out, edge = sign * x - street.half, street.edges[side] - street.half
        strip = kinds[np.searchsorted((0.25, 0.25 + street.verge[side], edge), out)]
        strip[away < 2.5 * np.exp(-np.maximum(out, 0) / 1.5) - 0.5] = Label.ROAD
        labels = np.where(out > 0, strip, labels)
        curb = (out > 0) & (out < 0.2) & (strip != Label.ROAD)
        tone += np.float32(0.25) * curb - np.float32(0.15) * (np.abs(out + 0.12) < 0.12)
        if view.sunny and view.sun[0] * sign > 0.1:  # the shadows of the houses on this side
            ray = (edge - out) / np.float32(view.sun[0] * sign)  # how far the light came from them
            where = np.clip(z + ray * view.sun[2], 0, 159).astype(int)
            shade |= ray * view.sun[1] < street.roofs[side][where]
    slabs = (np.minimum(x % 0.9, z % 0.9) < 0.07) & (z < 25) & (labels == Label.SIDEWALK)
    tone += 0.3 * view.mottle(x, z, 9) * (labels == Label.TERRAIN) - np.float32(0.12) * slabs
    inside, open_road = np.abs(x) < street.half - 0.3, away > 4
    on = open_road & (np.abs(x) < 0.08) & (z % 8 < 4)
    on |= open_road & street.parking & (np.abs(np.abs(x) - street.half + 2.1) < 0.06)
    on |= inside & (away > 0.6) & (away < 3.4) & (x % 1.1 < 0.55)
    on |= inside & (x > 0) & (near - z > 4.2) & (near - z < 4.7)
    palette = np.zeros((256, 3), np.float32)
    palette[Label.ROAD] = rng.uniform(0.3, 0.46) + rng.normal(0, 0.012, 3)
    palette[Label.SIDEWALK] = pick(rng, roadside.STONES) * 0.6 + 0.16
    palette[Label.TERRAIN] = rng.normal((0.3, 0.38, 0.17), 0.03)
    color = palette[labels] * tone[..., None]
    color[on & (labels == Label.ROAD)] = 0.78
    if Label.TRAIN in street.shows:
        track = np.abs(x + street.lane)
        color[track < 1.2] *= 0.85
        labels[(track < 1.2) & open_road] = Label.RAIL_TRACK
        color[np.abs(track - 0.72) < 0.07] = 0.56
    full = view.light(0, 1, 0)
    color *= np.where(shade[..., None], view.ambient if view.sunny else 0.75 * full, full)
    view.color[first:], view.labels[first:] = view.air(color, z), labels


def develop(view: View) -> tuple[np.ndarray, np.ndarray]:
    """The picture as the camera takes it: half the sides, the car's hood, a rim, and grain."""
    rng, (height, width) = view.rng, view.labels.shape
    middle = width * rng.normal(0.5, 0.02)
    hood = view.ellipse((middle, height * 1.22), (width * 0.62, height * 0.31))
    shine = np.interp(np.arange(height), (0.9 * height, height), (1, 0.2)) * rng.uniform(0.1, 0.7)
    view.paint(hood, shine[:, None, None] * view.high + np.zeros((1, width, 1)), Label.EGO_VEHICLE)
    small: Any = sum(view.color[y::2, x::2] for y in (0, 1) for x in (0, 1)) / 4
    small = small * np.clip(0.45 / small.mean(), 0.85, 1.5) + rng.normal(0, 0.01, (*SIZE, 1))
    a, b, c, d = (view.labels[y::2, x::2] for y in (0, 1) for x in (0, 1))
    labels = np.where((b == c) | (b == d), b, np.where(c == d, c, a))  # what most of the four are
    labels[[0, -1]] = labels[:, [0, -1]] = Label.OUT_OF_ROI
    return (small.clip(0, 1) * 255 + 0.5).astype(np.uint8), labels
