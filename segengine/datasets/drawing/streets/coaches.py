"""Buses and trams."""

from __future__ import annotations

import numpy as np

from segengine.datasets.drawing.streets.bodies import BLACK, Frame, Point, ends, loft, wheels
from segengine.datasets.drawing.streets.canvas import Canvas, Material, Spots
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.streets.materials import glass
from segengine.datasets.drawing.textures import FloatArray, mix

Livery = tuple[FloatArray, FloatArray]  # colours (3,) of the body and of its stripe


def _coach(
    canvas: Canvas, rng: np.random.Generator, livery: Livery, belt: float, top: float
) -> Material:
    """The flank of a bus or tram: one band of windows, doors, a stripe."""
    base, stripe = livery
    doors = rng.uniform(3.4, 5.5)
    panes = glass(canvas, rng, belt, top + 0.4)
    bay = rng.uniform(1.2, 1.7)

    def colours(spots: Spots) -> FloatArray:
        door = spots.u % doors < 1.2
        window = (spots.v > np.where(door, 0.25, belt)) & (spots.v < top)
        pillar = np.where(door, np.abs(spots.u % doors - 0.6) < 0.05, spots.u % bay < 0.1)
        picture = (
            np.broadcast_to(base, (len(spots.u), 3))
            * (1 + 0.04 * canvas.grain(spots.u, spots.v, 2.0))[:, None]
        )
        band = np.abs(spots.v - belt + 0.3) < 0.14
        picture = mix(np.asarray(picture, np.float32), stripe, np.asarray(1.0 * band, np.float32))
        return mix(picture, panes(spots), np.asarray(1.0 * (window & ~pillar), np.float32))

    return colours


def _livery(rng: np.random.Generator) -> Livery:
    """(body, stripe) of public transport: yellow, red, white, blue, green."""
    colours = np.array(
        (
            (0.85, 0.68, 0.12),
            (0.68, 0.1, 0.1),
            (0.84, 0.84, 0.82),
            (0.14, 0.27, 0.5),
            (0.2, 0.45, 0.3),
            (0.6, 0.62, 0.65),
        ),
        np.float32,
    )
    body, stripe = rng.choice(len(colours), 2, replace=False)
    return np.asarray(colours[body], np.float32), np.asarray(colours[stripe], np.float32)


def bus(canvas: Canvas, rng: np.random.Generator, x: float, z: float, heading: float) -> None:
    """A city bus: one box with large windows to its front and rear and a lit route."""
    frame, length, top = Frame(x, z, heading, 2.5), rng.uniform(9.5, 12), rng.uniform(2.9, 3.2)
    livery = _livery(rng)
    flank = _coach(canvas, rng, livery, 1.0, top - 0.65)
    base, panes = livery[0], glass(canvas, rng, 0.0, 1.5)
    body: list[Point] = [
        (0.0, 0.35),
        (0.0, top - 0.1),
        (0.15, top),
        (length - 0.3, top),
        (length - 0.1, top - 0.3),
        (length, 1.0),
        (length, 0.35),
    ]
    loft(canvas, frame, body, [base, base, base, base, panes, base, BLACK], flank, Label.BUS)
    canvas.paint(frame.end(-0.01, 1.45, top - 0.5, -0.8, 0.8), panes, Label.BUS, lift=0.006)
    for along in (-0.02, length + 0.01):
        canvas.paint(
            frame.end(along, top - 0.42, top - 0.18, -0.6, 0.6), BLACK, Label.BUS, lift=0.012
        )
        amber = np.array((1.0, 0.62, 0.1), np.float32)
        canvas.paint(
            frame.end(along, top - 0.36, top - 0.24, -0.45, 0.2),
            amber,
            Label.BUS,
            lift=0.014,
            glow=True,
        )
    ends(canvas, frame, length, 0.62, 0.82, Label.BUS)
    wheels(canvas, frame, (2.6, length - 2.4), 0.48, Label.BUS)
    canvas.cast_shadow(frame.footprint(length), top)


def train(canvas: Canvas, rng: np.random.Generator, x: float, z: float, heading: float) -> None:
    """A tram of two or three cars, with a pantograph, seen from either end."""
    top, cars = rng.uniform(3.1, 3.5), int(rng.integers(2, 4))
    livery = _livery(rng)
    flank = _coach(canvas, rng, livery, 1.15, top - 0.75)
    base, panes = livery[0], glass(canvas, rng, 0.0, 1.4)
    span = 9.5
    frame = Frame(x, z, heading, 2.4)
    for index in range(cars):
        start, stop = index * span, (index + 1) * span - 0.5
        first, last = 0.9 * (index == 0), 0.9 * (index == cars - 1)
        body: list[Point] = [
            (start, 0.25),
            (start, 1.15),
            (start + first, top - 0.5),
            (start + first + 0.2, top),
            (stop - last - 0.2, top),
            (stop - last, top - 0.5),
            (stop, 1.15),
            (stop, 0.25),
        ]
        over: list[Material | FloatArray] = [
            base,
            panes if index == 0 else BLACK,
            base,
            base,
            base,
            panes if index == cars - 1 else BLACK,
            base,
            BLACK,
        ]
        loft(canvas, frame, body, over, flank, Label.TRAIN)
        joint: list[Point] = [
            (stop, 0.5),
            (stop, top - 0.2),
            (stop + 0.5, top - 0.2),
            (stop + 0.5, 0.5),
        ]
        if index < cars - 1:
            loft(canvas, frame, joint, [BLACK] * 4, BLACK, Label.TRAIN, (0.1, 0.1))
    length = cars * span - 0.5
    canvas.paint(frame.end(0.95, top - 0.45, top - 0.2, -0.5, 0.5), BLACK, Label.TRAIN, lift=0.03)
    arms: list[Point] = [(4.0, top), (5.2, top + 0.9), (5.3, top + 0.9), (4.2, top)]
    canvas.paint(frame.side(arms, 1, (1.2, 1.2)), BLACK, Label.TRAIN)
    canvas.paint(frame.end(5.25, top + 0.85, top + 0.95, -0.6, 0.6), BLACK, Label.TRAIN)
    ends(canvas, frame, length, 0.7, 0.9, Label.TRAIN)
    canvas.cast_shadow(frame.footprint(length), top)
