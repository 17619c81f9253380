"""People on foot and on bicycles and motorcycles, and those machines without them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from segengine.datasets.drawing.streets.canvas import Canvas, Spots
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.streets.materials import stain, upright
from segengine.datasets.drawing.streets.plants import disc
from segengine.datasets.drawing.textures import FloatArray, pick_colour

Point = tuple[float, float]  # metres along the board, metres up
SKINS = ((0.85, 0.66, 0.54), (0.76, 0.55, 0.42), (0.55, 0.38, 0.28), (0.36, 0.25, 0.19))
HAIRS = ((0.1, 0.08, 0.07), (0.3, 0.2, 0.12), (0.62, 0.48, 0.28), (0.6, 0.6, 0.6))
METAL = np.full(3, 0.22, np.float32)
RUBBER = np.full(3, 0.08, np.float32)


@dataclass
class Board:
    """An upright plane on which flat parts are laid, each upon the ones before."""

    canvas: Canvas
    x: float
    z: float
    along: FloatArray  # (2,) unit direction of u over (x, z)

    def part(self, points: list[Point], colour: FloatArray, label: Label) -> None:
        """A polygon with a little dirt."""
        corners = upright(self.x, self.z, self.along, points)
        self.canvas.paint(corners, stain(self.canvas, colour, 0.4, 0.08), label)

    def limb(
        self, start: Point, end: Point, width: float, colour: FloatArray, label: Label
    ) -> None:
        """A straight limb, `width` metres thick."""
        across, up = end[0] - start[0], end[1] - start[1]
        scale = 0.5 * width / (math.hypot(across, up) or 1.0)
        du, dv = -up * scale, across * scale
        corners = [(start[0] + du, start[1] + dv), (start[0] - du, start[1] - dv),
                   (end[0] - du, end[1] - dv), (end[0] + du, end[1] + dv)]  # fmt: skip
        self.part(corners, colour, label)

    def ball(self, centre: Point, radius: float, colour: FloatArray, label: Label) -> None:
        """A head, or another round thing."""
        self.part(disc(centre, (radius * 0.85, radius), 10), colour, label)


@dataclass(frozen=True)
class Looks:
    """What somebody wears."""

    skin: FloatArray
    hair: FloatArray
    top: FloatArray
    legs: FloatArray

    @classmethod
    def choose(cls, rng: np.random.Generator) -> Looks:
        """Clothes in the colours of everything else, at times bright."""
        bright = rng.random() < 0.3
        top = rng.uniform(0.05, 0.9, 3) if bright else pick_colour(rng)
        legs = pick_colour(rng) * (0.5 if rng.random() < 0.6 else 1.0)
        return cls(
            skin=np.array(SKINS[rng.integers(len(SKINS))], np.float32),
            hair=np.array(HAIRS[rng.integers(len(HAIRS))], np.float32),
            top=np.asarray(top, np.float32),
            legs=np.asarray(legs, np.float32),
        )


def person(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """Somebody who walks or stands; one in ten is a child."""
    tall = float(rng.uniform(1.0, 1.35) if rng.random() < 0.1 else rng.uniform(1.58, 1.9))
    board, looks = Board(canvas, x, z, np.array((1.0, 0.0))), Looks.choose(rng)
    hip, neck, wide = 0.5 * tall, 0.83 * tall, rng.uniform(0.2, 0.27) * tall / 1.75
    stride = rng.uniform(0.0, 0.32) * tall / 1.75
    thick, facing = 0.16 * tall / 1.75, rng.choice([-1, 1])
    for side in (-1, 1):
        knee = (side * (0.5 * stride + 0.05) + 0.06 * facing, 0.27 * tall)
        foot = (side * (stride + 0.06), 0.04)
        board.limb((side * 0.07, hip + 0.05), knee, thick, looks.legs, Label.PERSON)
        board.limb(knee, foot, 0.75 * thick, looks.legs, Label.PERSON)
        board.limb(
            (foot[0] - 0.04, 0.03), (foot[0] + 0.13 * facing, 0.03), 0.09, RUBBER, Label.PERSON
        )
    long_coat = rng.random() < 0.3
    hem = hip - (0.25 * tall if long_coat else 0.04)
    right = [(0.8 * wide, hem), (0.72 * wide, hip + 0.12), (wide, neck - 0.06)]
    right.append((0.4 * wide, neck + 0.02))
    torso = right + [(-across, up) for across, up in reversed(right)]
    board.part(torso, looks.top, Label.PERSON)
    sleeve = np.asarray(looks.top * 0.85, np.float32)
    for side in (-1, 1):
        elbow = (side * (wide + 0.06), 0.62 * tall)
        hand = (side * (wide + 0.02) + rng.uniform(-0.2, 0.2) * facing, 0.5 * tall)
        board.limb((side * 0.9 * wide, neck - 0.05), elbow, 0.62 * thick, sleeve, Label.PERSON)
        board.limb(elbow, hand, 0.5 * thick, sleeve, Label.PERSON)
    if rng.random() < 0.3:  # a bag or rucksack belongs to its person
        bag = disc((facing * -0.9 * wide, rng.uniform(0.55, 0.7) * tall), (0.14, 0.2), 8)
        board.part(bag, pick_colour(rng), Label.PERSON)
    _head(board, rng, looks, (0.03 * facing, neck + 0.09 * tall), 0.075 * tall, Label.PERSON)
    canvas.cast_shadow(np.array([(x - wide, 0, z), (x + wide, 0, z), (x, 0, z + 0.3)]), tall)


def _head(
    board: Board, rng: np.random.Generator, looks: Looks, centre: Point, radius: float, label: Label
) -> None:
    """A head with hair; seen from behind it is all hair."""
    board.ball(centre, radius, looks.skin if rng.random() < 0.6 else looks.hair, label)
    cap = [
        (centre[0] + radius * 0.9 * math.cos(t), centre[1] + radius * 1.05 * math.sin(t))
        for t in np.linspace(0.1, math.pi - 0.1, 7)
    ]
    board.part(cap, looks.hair, label)


def cycle(
    canvas: Canvas,
    rng: np.random.Generator,
    x: float,
    z: float,
    heading: float,
    label: Label,
    ridden: bool,
) -> None:
    """A bicycle or motorcycle, at times with its rider; head-on ones are drawn from the front."""
    sin, cos = math.sin(heading), math.cos(heading)
    looks, colour = Looks.choose(rng), pick_colour(rng)
    motor = label == Label.MOTORCYCLE
    if motor and rng.random() < 0.6:
        colour = np.asarray(rng.uniform(0.05, 0.8, 3), np.float32)
    if abs(sin) < 0.35:
        board = Board(canvas, x, z, np.array((1.0, 0.0)))
        _head_on(board, rng, looks, colour, label, ridden)
    else:
        board = Board(canvas, x, z, np.array((sin, cos)))
        if ridden:
            _leg(board, looks, motor, -0.1)
        (_motorcycle if motor else _bicycle)(board, colour)
        if ridden:
            _rider(board, rng, looks, motor)
    foot = np.array(
        [
            (x - 0.9 * sin, 0, z - 0.9 * cos),
            (x + 0.9 * sin, 0, z + 0.9 * cos),
            (x + 0.2, 0, z + 0.2),
        ]
    )
    canvas.cast_shadow(foot, 1.6 if ridden else 0.8)


def _wheel(board: Board, centre: Point, radius: float, tyre: float, label: Label) -> None:
    """A tyre and spokes; one sees through, but the label takes the whole wheel."""
    x, y, low, high = *centre, -radius, radius
    square = [(x + low, y + low), (x + high, y + low), (x + high, y + high), (x + low, y + high)]

    def off(spots: Spots) -> FloatArray:
        return np.asarray(np.hypot(spots.u - radius, spots.v - radius))

    def seen(spots: Spots) -> np.ndarray:
        spokes = np.cos(9 * np.arctan2(spots.v - radius, spots.u - radius)) > 0.93
        return np.asarray((off(spots) < radius) & ((off(spots) > radius - tyre) | spokes))

    corners = upright(board.x, board.z, board.along, square)
    board.canvas.paint(corners, RUBBER, label, cover=seen, extent=lambda spots: off(spots) < radius)


def _bicycle(board: Board, colour: FloatArray) -> None:
    """From the side; it heads to the board's right."""
    label = Label.BICYCLE
    for centre in (-0.52, 0.52):
        _wheel(board, (centre, 0.34), 0.34, 0.07, label)
    crank, saddle, head = (-0.08, 0.3), (-0.2, 0.88), (0.36, 0.84)
    tubes = ((crank, saddle), (crank, head), ((-0.16, 0.75), head), ((-0.52, 0.34), crank),
             ((-0.52, 0.34), (-0.17, 0.76)), ((0.52, 0.34), (0.34, 0.95)))  # fmt: skip
    for start, end in tubes:
        board.limb(start, end, 0.055, colour, label)
    board.limb((-0.34, 0.92), (-0.08, 0.92), 0.08, RUBBER, label)
    board.limb((0.22, 1.0), (0.4, 0.96), 0.06, RUBBER, label)


def _motorcycle(board: Board, colour: FloatArray) -> None:
    """From the side: fat wheels, an engine, a tank, a seat."""
    label = Label.MOTORCYCLE
    for centre in (-0.68, 0.7):
        board.part(disc((centre, 0.32), (0.32, 0.32), 14), RUBBER, label)
        board.part(disc((centre, 0.32), (0.17, 0.17), 10), METAL * 1.6, label)
    board.part([(-0.35, 0.22), (0.3, 0.22), (0.4, 0.62), (-0.4, 0.6)], METAL, label)
    board.limb((0.7, 0.32), (0.42, 1.02), 0.09, METAL * 1.4, label)
    board.part(
        [(-0.1, 0.62), (0.42, 0.62), (0.48, 0.88), (0.3, 0.98), (-0.02, 0.84)], colour, label
    )
    board.part([(-0.85, 0.72), (-0.1, 0.62), (0.0, 0.84), (-0.8, 0.9)], RUBBER, label)
    board.part([(-0.95, 0.6), (-0.5, 0.58), (-0.75, 0.76), (-0.98, 0.74)], colour, label)
    board.limb((0.26, 1.06), (0.48, 1.0), 0.07, METAL, label)
    board.limb((-0.9, 0.28), (-0.1, 0.26), 0.1, METAL * 2.2, label)
    board.ball((0.56, 0.92), 0.1, np.full(3, 0.85, np.float32), label)


def _leg(board: Board, looks: Looks, motor: bool, swing: float) -> None:
    """One leg of a rider on the saddle."""
    if motor:
        hip, knee, foot = (-0.3, 0.9), (0.12, 0.72), (-0.02, 0.3)
    else:
        hip, knee, foot = (-0.2, 0.95), (0.16, 0.72 + swing), (-0.04, 0.28 + swing)
    board.limb(hip, knee, 0.17, looks.legs, Label.RIDER)
    board.limb(knee, foot, 0.13, looks.legs, Label.RIDER)
    board.limb((foot[0] - 0.04, foot[1]), (foot[0] + 0.18, foot[1]), 0.09, RUBBER, Label.RIDER)


def _rider(board: Board, rng: np.random.Generator, looks: Looks, motor: bool) -> None:
    """Somebody who leans forward with the hands on the bar."""
    _leg(board, looks, motor, 0.12)
    lean = rng.uniform(0.1, 0.3)
    hip = (-0.28, 0.88)
    neck = (hip[0] + lean + 0.1, 1.5)
    board.limb(hip, neck, 0.3, looks.top, Label.RIDER)
    elbow, hand = (neck[0] + 0.2, 1.2), (0.3, 1.02)
    sleeve = np.asarray(looks.top * 0.85, np.float32)
    board.limb((neck[0], 1.42), elbow, 0.12, sleeve, Label.RIDER)
    board.limb(elbow, hand, 0.1, sleeve, Label.RIDER)
    _rider_head(board, rng, looks, (neck[0] + 0.08, 1.64), motor)


def _rider_head(
    board: Board, rng: np.random.Generator, looks: Looks, centre: Point, motor: bool
) -> None:
    """Mostly under a helmet, which covers the whole head on motorcycles."""
    _head(board, rng, looks, centre, 0.13, Label.RIDER)
    helmet = np.asarray(rng.uniform(0.05, 0.9, 3), np.float32)
    if motor:
        board.ball(centre, 0.16, helmet, Label.RIDER)
        board.limb(
            (centre[0] + 0.02, centre[1]), (centre[0] + 0.14, centre[1]), 0.08, RUBBER, Label.RIDER
        )
    elif rng.random() < 0.6:
        points = disc((centre[0], centre[1] + 0.02), (0.15, 0.15), 12)
        board.part([point for point in points if point[1] >= centre[1]], helmet, Label.RIDER)


def _head_on(
    board: Board,
    rng: np.random.Generator,
    looks: Looks,
    colour: FloatArray,
    label: Label,
    ridden: bool,
) -> None:
    """Wheel, bar and rider from the front or the back."""
    motor = label == Label.MOTORCYCLE
    thick = 0.2 if motor else 0.08
    board.limb((0.0, 0.0), (0.0, 0.66), thick, RUBBER, label)
    if motor:
        board.part(
            [(-0.2, 0.35), (0.2, 0.35), (0.26, 0.85), (0.1, 1.0), (-0.1, 1.0), (-0.26, 0.85)],
            colour,
            label,
        )
        board.ball((0.0, 0.82), 0.1, np.array((0.9, 0.3, 0.25), np.float32), label)
    else:
        board.limb((0.0, 0.5), (0.0, 1.0), 0.07, colour, label)
    if ridden:
        wide = 0.27 if motor else 0.19
        for side in (-1, 1):
            board.limb((side * 0.1, 0.95), (side * wide, 0.65), 0.17, looks.legs, Label.RIDER)
            board.limb(
                (side * wide, 0.65), (side * (wide - 0.05), 0.3), 0.13, looks.legs, Label.RIDER
            )
        torso = [
            (-0.19, 0.85),
            (0.19, 0.85),
            (0.25, 1.42),
            (0.1, 1.52),
            (-0.1, 1.52),
            (-0.25, 1.42),
        ]
        board.part(torso, looks.top, Label.RIDER)
        for side in (-1, 1):
            board.limb((side * 0.24, 1.4), (side * 0.36, 1.05), 0.12, looks.top * 0.85, Label.RIDER)
        _rider_head(board, rng, looks, (0.0, 1.65), motor)
    reach = 0.38 if motor else 0.3
    board.limb((-reach, 1.02), (reach, 1.02), 0.06, METAL, label)
