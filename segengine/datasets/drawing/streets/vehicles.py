"""Cars and trucks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segengine.datasets.drawing.streets.bodies import (
    BLACK,
    Frame,
    Point,
    car_paint,
    ends,
    loft,
    wheels,
)
from segengine.datasets.drawing.streets.canvas import Canvas, Material, Spots
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.streets.materials import glass, stain
from segengine.datasets.drawing.textures import FloatArray, mix, pick_colour

DETAILED = 50.0  # metres; nobody sees wheels and windows of what is farther away


@dataclass(frozen=True)
class Build:
    """Measures of a kind of car, metres: where the cabin starts, its roof, and where it ends."""

    length: float
    width: float
    belt: float  # height of the windows' lower edge
    roof: float  # height of the roof
    cabin: tuple[float, float, float, float]  # along: rear foot, rear top, front top, front foot


BUILDS = (
    Build(4.0, 1.74, 0.92, 1.46, (0.05, 0.45, 2.2, 3.05)),  # hatchback
    Build(4.6, 1.8, 0.92, 1.42, (0.6, 1.3, 2.6, 3.5)),  # saloon
    Build(4.7, 1.82, 0.95, 1.47, (0.05, 0.5, 2.7, 3.6)),  # estate
    Build(4.5, 1.86, 1.05, 1.68, (0.05, 0.4, 2.6, 3.3)),  # off-roader
    Build(4.9, 1.9, 1.1, 1.95, (0.02, 0.15, 3.6, 4.4)),  # van
)


def car(canvas: Canvas, rng: np.random.Generator, x: float, z: float, heading: float) -> None:
    """A car of some kind."""
    build = BUILDS[rng.integers(len(BUILDS))]
    frame = Frame(x, z, heading, build.width)
    length, belt = build.length, build.belt
    paint, panes = car_paint(canvas, rng), glass(canvas, rng, 0.0, 0.6)
    body = [
        (0.05, 0.28),
        (0.0, 0.6),
        (0.08, belt - 0.02),
        (build.cabin[3], belt),
        (length - 0.15, belt - 0.16),
        (length, 0.6),
        (length - 0.05, 0.28),
    ]
    loft(canvas, frame, body, [paint] * 6 + [BLACK], paint, Label.CAR)
    rear, rear_top, front_top, front = build.cabin
    cabin = [(rear, belt), (rear_top, build.roof), (front_top, build.roof), (front, belt)]
    screen = _framed(panes, paint, build.width - 0.25)
    loft(canvas, frame, cabin, [screen, paint, screen], paint, Label.CAR, (0.05, 0.2))
    canvas.cast_shadow(frame.footprint(length), 0.9 * build.roof)
    if z > DETAILED:
        return
    low, high = belt + 0.06, build.roof - 0.1
    slope_rear, slope_front = rear_top - rear, front - front_top
    slope_rear, slope_front = (s / (build.roof - belt) for s in (slope_rear, slope_front))
    middle = (rear_top + front_top) / 2
    for start, stop in ((rear + 0.2, middle - 0.04), (middle + 0.04, front - 0.2)):
        tilt = (slope_rear, 0.0) if start < middle else (0.0, slope_front)
        window: list[Point] = [
            (start + tilt[0] * 0.06, low),
            (stop - tilt[1] * 0.06, low),
            (stop - tilt[1] * (high - belt), high),
            (start + tilt[0] * (high - belt), high),
        ]
        for right in frame.faces():
            canvas.paint(frame.side(window, right, (0.06, 0.17)), panes, Label.CAR, lift=0.004)
    ends(canvas, frame, length, 0.62, 0.8, Label.CAR)
    canvas.paint(frame.end(-0.012, 0.28, 0.48, -1, 1), BLACK, Label.CAR, lift=0.006)
    wheels(canvas, frame, (0.75, length - 0.85), 0.32, Label.CAR)


def _framed(pane: Material, paint: Material, width: float) -> Material:
    """A front or rear window between painted pillars."""

    def colours(spots: Spots) -> FloatArray:
        inside = (np.abs(spots.u - width / 2 - 0.08) < width / 2 - 0.1) & (spots.v > 0.07)
        return mix(paint(spots), pane(spots), np.asarray(1.0 * inside, np.float32))

    return colours


def truck(canvas: Canvas, rng: np.random.Generator, x: float, z: float, heading: float) -> None:
    """A lorry: a box, a tarpaulin or an open load behind a cab."""
    frame = Frame(x, z, heading, 2.5)
    long, high = rng.uniform(4.5, 8.5), rng.uniform(3.0, 3.8)
    kind = rng.integers(3)
    base = car_paint(canvas, rng) if kind else stain(canvas, pick_colour(rng), 1.5, 0.06)
    cargo = _lettered(canvas, rng, base) if kind < 2 else base
    if kind == 2:
        high = rng.uniform(1.9, 2.4)
    box: list[Point] = [(0, 1.0), (0, high), (long, high), (long, 1.0)]
    loft(canvas, frame, box, [_doors(cargo), cargo, cargo, BLACK], cargo, Label.TRUCK)
    if kind == 2:  # sand, rubble or scrap
        load = stain(canvas, pick_colour(rng), 0.5, 0.25)
        heap: list[Point] = [
            (0.1, high - 0.1),
            (0.25 * long, high + 0.5),
            (0.7 * long, high + 0.6),
            (long - 0.1, high - 0.1),
        ]
        loft(canvas, frame, heap, [load] * 3, load, Label.TRUCK, (0.05, 0.6))
    cab_paint, panes = car_paint(canvas, rng), glass(canvas, rng, 0.0, 1.0)
    start, length, top = long + 0.2, long + 2.2, rng.uniform(2.5, 3.1)
    cab: list[Point] = [
        (start, 0.5),
        (start, top),
        (length - 0.25, top),
        (length - 0.05, 1.5),
        (length, 0.5),
    ]
    loft(
        canvas, frame, cab, [cab_paint, cab_paint, panes, cab_paint, BLACK], cab_paint, Label.TRUCK
    )
    for right in frame.faces():
        window: list[Point] = [
            (start + 0.7, 1.6),
            (length - 0.2, 1.6),
            (length - 0.35, top - 0.25),
            (start + 0.7, top - 0.25),
        ]
        canvas.paint(frame.side(window, right, (-0.01, -0.01)), panes, Label.TRUCK, lift=0.006)
    chassis: list[Point] = [(0, 0.55), (0, 1.0), (length - 0.1, 1.0), (length - 0.1, 0.55)]
    loft(canvas, frame, chassis, [BLACK] * 4, BLACK, Label.TRUCK, (0.2, 0.2))
    ends(canvas, frame, length, 0.75, 0.92, Label.TRUCK)
    wheels(canvas, frame, (0.9, 1.9, length - 0.9), 0.5, Label.TRUCK)
    canvas.cast_shadow(frame.footprint(length), high)


def _doors(base: Material) -> Material:
    """The rear doors of a box: a gap and bars."""

    def colours(spots: Spots) -> FloatArray:
        dark = np.abs(np.abs(spots.u - 1.25) - 0.25) > 0.22
        dark &= np.abs(spots.u - 1.25) < 0.53
        return np.asarray(base(spots) * (1 - 0.45 * dark[:, None]), np.float32)

    return colours


def _lettered(canvas: Canvas, rng: np.random.Generator, base: Material) -> Material:
    """A stripe and something like letters."""
    ink, height = rng.uniform(0.05, 0.9, 3).astype(np.float32), rng.uniform(0.6, 1.4)

    def colours(spots: Spots) -> FloatArray:
        letters = canvas.grain(np.floor(spots.u / 0.16), spots.v, 2.5) > 0.2
        letters &= np.abs(spots.v - height - 0.4) < 0.28
        stripe = np.abs(spots.v - height + 0.25) < 0.08
        inside = (spots.u > 0.6) & (spots.u < 4)
        return mix(base(spots), ink, np.asarray(0.9 * ((letters & inside) | stripe), np.float32))

    return colours
