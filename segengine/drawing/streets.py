"""Sample streets: drawn pictures as from a car in a city, with the labels of Cityscapes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from segengine.drawing import roadside, vehicles
from segengine.drawing.canvas import Floats, Rng, eight_bits, noise, pick, ring
from segengine.drawing.perspective import Label, Spot, View

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
YARDS = (Label.FENCE, Label.WALL, Label.VEGETATION)  # in front of houses
CYCLES = {Label.BICYCLE, Label.MOTORCYCLE}
SOMETIMES = (Label.BUS, Label.TRUCK, Label.RIDER, *CYCLES, Label.FENCE)


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

    def __init__(self, rng: Rng, shows: set[Label]) -> None:
        self.rng, self.view = rng, View(rng, SIZE[0] * 2, SIZE[1] * 2)
        self.shows = shows | {label for label in SOMETIMES if rng.random() < 0.1}
        self.half = rng.uniform(5.0 if Label.TRAIN in shows else 3.3, 6.3)
        self.parking = self.half > 5
        self.lane = (self.half - 2.1 * self.parking) / 2
        self.view.shift = -self.lane * rng.uniform(0.8, 1.1)
        self.verge = 1.8 * (rng.random(2) < (1 if Label.TERRAIN in shows else 0.35))
        self.edges = self.half + self.verge + rng.uniform(1.8, 3.5, 2)  # where the fronts are
        near = rng.uniform(13, 22 if Label.TRAFFIC_LIGHT in shows else 80)
        self.crossing = (near, near + rng.uniform(6, 9))
        self.things: list[tuple[float, Callable[..., None], Any]] = []  # how far, how to paint it
        self.shadows = Image.new("L", (SIZE[1] * 2, SIZE[0] * 2))
        for side in (0, 1):
            self.fronts(side)
            self.pavement(side)
        self.traffic()

    def add(self, paint: Callable[..., None], spot: Spot, *words: object, back: float = 0) -> None:
        """Have something painted after what is farther away."""
        self.things.append((spot.z + back, paint, (self.view, spot, *words)))

    def shade(self, spot: Spot, outline: Floats, *heights: float) -> None:
        """Have level slabs with that outline (N, 2) cast a shadow on the ground."""
        view, up = self.view, np.reshape(heights if self.view.sunny else 0, (-1, 1, 1))
        slabs = view.locate(spot, outline @ ((1, 0, 0), (0, 0, 1)))
        slabs = slabs - up / view.sun[1] * view.sun * (1, 0, 1)
        slabs[..., 2] = slabs[..., 2].clip(0.5)
        for pixels in view.project(slabs).reshape(len(up), -1).tolist():
            ImageDraw.Draw(self.shadows).polygon(pixels, fill=1)

    def free(self, z: float, length: float = 0) -> bool:
        """Whether this is out of the crossing."""
        return not self.crossing[0] - 4 - length < z < self.crossing[1] + 4

    def paint(self) -> View:
        """The street, from far to near."""
        sky(self.view)
        ground(self.view, self)
        roadside.boundary(self.view, Spot(-60, FAR), Spot(60, FAR), Label.VEGETATION, 7)
        for _, paint, words in sorted(self.things, key=lambda thing: -thing[0]):
            paint(*words)
        return self.view

    def fronts(self, side: int) -> None:
        """Houses in a row, or with yards behind walls, fences and hedges."""
        rng, sign, edge = self.rng, 2 * side - 1, self.edges[side]
        fixed = sorted(self.shows & {Label.FENCE, Label.WALL})
        city = rng.random() < 0.75 and not (fixed and side)
        level = rng.uniform(8, 16) if city else rng.uniform(4, 7)
        for start, stop in ((2.5, self.crossing[0] - 2.5), (self.crossing[1] + 2.5, FAR)):
            lots = np.linspace(start, stop, max(2, round((stop - start) / rng.uniform(10, 16)) + 1))
            for near, far in pairwise(lots.tolist() if stop > start else ()):
                height, inset = level * rng.uniform(0.75, 1.25), 0.0
                if not city or rng.random() < 0.08:
                    kind = rng.choice(fixed if fixed and near < 30 else YARDS)
                    ends, inset = [Spot(sign * edge, z) for z in (near, far)], rng.uniform(4, 7)
                    self.add(roadside.boundary, *ends, kind, rng.uniform(1, 1.9), back=200)
                    x, z = sign * (edge + rng.uniform(1, inset)), rng.uniform(max(near, 6), far)
                    self.add(roadside.tree, Spot(x, z), back=300)
                ends = [Spot(sign * (edge + inset), z) for z in (near + inset / 4, far)]
                self.add(roadside.house, *ends, height, city and rng.random() < 0.5, back=500)
                deep = far - near if near > 3 else 30.0  # behind the camera too
                middle = Spot(sign * (edge + inset + 4.5), far - deep / 2)
                self.shade(middle, SQUARE * (4.5, deep / 2), *np.arange(0, height, 3))

    def pavement(self, side: int) -> None:
        """Trees, lamps, signs, lights, people and parked cycles."""
        rng, sign, (near, far) = self.rng, 2 * side - 1, self.crossing
        curb, edge = self.half + 0.5, self.edges[side] - 0.4
        lamps, signs, trees = (np.arange(rng.uniform(9, 17), 70, gap) for gap in (24, 17, 12))
        posts = [(Label.POLE, z) for z in lamps] + [(Label.TRAFFIC_SIGN, z) for z in signs]
        posts += [(Label.TRAFFIC_LIGHT, z) for z in (near - 3.5, far + 3)]
        for kind, z in posts:
            self.add(roadside.post, Spot(sign * curb, z), kind)
        for z in filter(self.free, trees if rng.random() < 0.5 else ()):
            where = Spot(sign * (curb + 0.4), z)
            self.add(roadside.tree, where)
            self.shade(where, ring(12) * 1.8, 4.2)
        people = [(rng.uniform(curb + 0.6, edge), z, 0.0) for z in rng.uniform(8, 60, 5)]
        people += [(rng.uniform(0, curb), near - 2, 1.5) for _ in range(rng.integers(3))]
        for x, z, turn in people:
            where = Spot(sign * x, z, rng.normal(turn, 0.3) + rng.choice([0, np.pi]))
            self.add(vehicles.figure, where, Label.PERSON)
            self.shade(where, SQUARE * (0.2, 0.15), *np.linspace(0, 1.7, 6))
        for label in self.shows & CYCLES:
            z = (curb + 0.8 + sign * self.view.shift) * rng.uniform(2.3, 3)  # just in the picture
            turn = sign * rng.uniform(0.8, 1.3)
            for index in range(rng.integers(1, 4)):
                self.add(vehicles.figure, Spot(sign * (curb + 0.8), z + index, turn), label)

    def traffic(self) -> None:
        """Vehicles, lane by lane."""
        rng, road = self.rng, self.half
        lanes = [(self.lane, 0.0), (-self.lane, np.pi), (road - 1.1, 0.0), (1.1 - road, np.pi)]
        queues: tuple[list[Label], ...] = ([], [], [], [])
        for kind in sorted(vehicles.SIZES.keys() & self.shows - {Label.CAR}):
            comes = kind != Label.RIDER and rng.random() < 0.4 and Label.TRAIN not in self.shows
            queues[comes or kind == Label.TRAIN].append(kind)
        for index, (x, turn) in enumerate(lanes[: 4 if self.parking else 2]):
            z = rng.uniform(15, 21) if index < 2 or self.shows & CYCLES else rng.uniform(5, 9)
            while z < 64:
                kind = queues[index].pop() if queues[index] else Label.CAR
                wide, long, tall = vehicles.SIZES[kind]
                if kind != Label.CAR or (rng.random() < 0.55 and self.free(z, long)):
                    where = Spot(x, z + long / 2, turn + rng.normal(0, 0.015))
                    paint = vehicles.figure if kind == Label.RIDER else vehicles.vehicle
                    self.add(paint, where, kind, back=-long / 2)
                    self.shade(where, SQUARE * (wide / 2, long / 2), *np.linspace(0, tall, 5))
                z += long + (rng.uniform(0.8, 2) if index > 1 else rng.uniform(5, 20))


def sky(view: View) -> None:
    """Bluer upward, with clouds."""
    height, width = int(view.horizon) + 9, view.labels.shape[1]
    up = np.linspace(1, 0, height, dtype=np.float32)[:, None, None]
    clouds: Any = sum(noise(view.rng, (height, width), cell) * cell for cell in (60, 25, 9)) / 60
    thick = np.clip(clouds * 1.2 + view.clouds - 0.1, 0, 0.85)[..., None]
    blue = view.far + (view.high - view.far) * up
    view.color[:height] = blue + thick * (view.far * 0.5 + 0.45 - blue)


def ground(view: View, street: Street) -> None:
    """Road, curbs, pavements and grass, with what is painted on them."""
    rng, (height, width), (near, far) = view.rng, view.labels.shape, street.crossing
    first = int(view.horizon) + 2
    rows = np.arange(first, height, dtype=np.float32)[:, None] + 0.5 - view.horizon
    z = np.minimum(view.focal * view.eye / rows, 400)  # (rows, 1)
    column = np.arange(width, dtype=np.float32) + 0.5 - view.center
    x = column * z / view.focal - view.shift - np.float32(view.bend) * z**2
    away, out, side = np.maximum(near - z, z - far), np.abs(x) - street.half, (x > 0).astype(int)
    grass = (out > 0.25) & (out < 0.25 + street.verge[side])
    grass |= out > (street.edges - street.half)[side]
    road = (out < 0) | (away < 2.5 * np.exp(-np.maximum(out, 0) / 1.5) - 0.5)
    kind = np.where(road, 0, 1 + grass)
    tone = 1 + 0.1 * view.mottle(x, z, 1.3) + 0.12 * view.mottle(x, z, 16) / (1 + z / 12)
    tone += 0.3 * view.mottle(x, z, 9) * (kind == 2)
    tone[~road & (out < 0.2)] += 0.25  # curbs
    rails = (Label.TRAIN in street.shows) & (np.abs(np.abs(x + street.lane) - 0.72) < 0.05)
    line = rails | (np.abs(x) < 0.08) & (z % 8 < 4) | street.parking & (np.abs(out + 2.1) < 0.06)
    line = line & (away > 4) | (away > 0.6) & (away < 3.4) & (np.sin(5.7 * x) > 0) & (out < -0.3)
    line |= (out < -0.3) & (x > 0) & (near - z > 4.2) & (near - z < 4.7)
    asphalt = rng.uniform(0.3, 0.46) + rng.normal(0, 0.012, 3)
    palette = asphalt, pick(rng, roadside.STONES) * 0.6 + 0.16, rng.normal((0.3, 0.38, 0.17), 0.03)
    color = np.take(np.array(palette, np.float32), kind, axis=0) * tone[..., None]
    color[line & road] = 0.78
    light = view.light(0, 1, 0)
    lights = np.stack([light, np.minimum(view.ambient, 0.75 * light)])
    color *= np.take(lights, np.asarray(street.shadows)[first:], axis=0)
    view.color[first:] = view.air(color, z)
    view.labels[first:] = np.array([Label.ROAD, Label.SIDEWALK, Label.TERRAIN])[kind]


def develop(view: View) -> tuple[np.ndarray, np.ndarray]:
    """The picture as the camera takes it: half the sides, the car's hood, a rim, and grain."""
    rng, (height, width) = view.rng, view.labels.shape
    outline = ring(48) * (width * 0.62, height * 0.31) + (width * 0.5, height * 1.22)
    view.fill(outline, view.high, Label.EGO_VEHICLE)
    shine = np.interp(np.arange(height), (0.9 * height, height), (1, 0.2)) * rng.uniform(0.1, 0.7)
    row, column = np.nonzero(view.labels == Label.EGO_VEHICLE)
    view.color[row, column] *= shine[row, None]
    small: Any = sum(view.color[y::2, x::2] for y in (0, 1) for x in (0, 1)) / 4
    small = small * np.clip(0.45 / small.mean(), 0.85, 1.5) + rng.normal(0, 0.01, (*SIZE, 1))
    a, b, c, d = (view.labels[y::2, x::2] for y in (0, 1) for x in (0, 1))
    labels = np.where((b == c) | (b == d), b, np.where(c == d, c, a))  # what most of the four are
    labels[[0, -1]] = labels[:, [0, -1]] = Label.OUT_OF_ROI
    return eight_bits(small), labels
