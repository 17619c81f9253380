"""Street furniture: lamps, traffic lights, signs, bins and shelters."""

from __future__ import annotations

import numpy as np

from segengine.datasets.drawing.streets.canvas import Canvas, Material, Spots
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.streets.materials import glass, stain, standing, upright
from segengine.datasets.drawing.streets.people import Board
from segengine.datasets.drawing.streets.plants import disc
from segengine.datasets.drawing.textures import FloatArray, lit, pick_colour

ACROSS = np.array((1.0, 0.0))
STEEL = np.array((0.42, 0.44, 0.45), np.float32)
DARK = np.full(3, 0.08, np.float32)
WHITE = np.full(3, 0.9, np.float32)
RED = np.array((0.8, 0.09, 0.09), np.float32)
BLUE = np.array((0.08, 0.25, 0.62), np.float32)
YELLOW = np.array((0.9, 0.75, 0.1), np.float32)


def post(canvas: Canvas, board: Board, height: float, width: float, colour: FloatArray) -> None:
    """An upright post, rounder than a plank by its shade."""

    def rounded(spots: Spots) -> FloatArray:
        across = np.clip(spots.u / width, 0, 1)
        return lit(colour, np.asarray(0.7 + 0.55 * np.sin(np.pi * across), np.float32))

    corners = upright(
        board.x - width / 2, board.z, ACROSS, [(0, 0), (width, 0), (width, height), (0, height)]
    )
    canvas.paint(corners, rounded, Label.POLE)
    canvas.cast_shadow(corners[:2], height)


def at(canvas: Canvas, x: float, z: float) -> Board:
    """A board that faces along the street."""
    return Board(canvas, x, z, ACROSS)


def lamp(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """A street lamp whose arm reaches over the road; the whole of it is a pole."""
    board, tall = at(canvas, x, z), rng.uniform(5.5, 9.0)
    colour = np.asarray(
        (STEEL if rng.random() < 0.7 else DARK * 2) * rng.uniform(0.7, 1.4), np.float32
    )
    post(canvas, board, tall, rng.uniform(0.13, 0.22), colour)
    reach = -np.sign(x) * rng.uniform(0.8, 2.2)
    board.limb((0, tall), (reach, tall + 0.25), 0.1, colour, Label.POLE)
    board.limb((reach, tall + 0.25), (reach * 1.35, tall + 0.25), 0.2, WHITE * 0.8, Label.POLE)


def traffic_light(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """A post with lights, at times a second set on an arm over the road."""
    board = at(canvas, x, z)
    state = int(rng.choice([0, 0, 2, 2, 1]))
    arm = rng.random() < 0.4
    post(
        canvas,
        board,
        5.6 if arm else 3.3,
        0.15,
        np.asarray(STEEL * rng.uniform(0.6, 1.2), np.float32),
    )
    if arm:
        reach = -np.sign(x) * rng.uniform(2.0, 4.0)
        board.limb((0, 5.5), (reach, 5.6), 0.13, STEEL, Label.POLE)
        _lights(board, (reach, 5.2), state)
    _lights(board, (0.0, 2.9), state)


def _lights(board: Board, centre: tuple[float, float], state: int) -> None:
    """A black box with three lamps, red on top, one of which shines."""
    u, v = centre
    box = [(u - 0.2, v - 0.55), (u + 0.2, v - 0.55), (u + 0.2, v + 0.55), (u - 0.2, v + 0.55)]
    board.part(box, DARK, Label.TRAFFIC_LIGHT)
    colours = ((1.0, 0.12, 0.08), (1.0, 0.7, 0.1), (0.1, 0.95, 0.5))
    for index, colour in enumerate(colours):
        shining = index == state
        shape = upright(
            board.x, board.z, board.along, disc((u, v + 0.34 - 0.34 * index), (0.14, 0.14), 10)
        )
        lens = np.array(colour, np.float32) * (1.0 if shining else 0.2)
        board.canvas.paint(shape, lens, Label.TRAFFIC_LIGHT, lift=2e-3, glow=shining)


def sign(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """One or two plates on a post, seen from the front, or a grey back (which is void)."""
    board, tall = at(canvas, x, z), rng.uniform(2.3, 3.2)
    post(canvas, board, tall + 0.3, 0.09, np.asarray(STEEL * rng.uniform(0.8, 1.3), np.float32))
    if rng.random() < 0.12:
        board.part(disc((0, tall), (0.36, 0.36), 14), STEEL * 1.2, Label.STATIC)
        return
    _plate(board, int(rng.integers(7)), tall)
    if rng.random() < 0.3:
        _plate(board, int(rng.integers(7)), tall - 0.78)


def _plate(board: Board, kind: int, v: float) -> None:
    """Limit, ban, warning, right of way, mandatory, no stopping, or crossing for walkers."""
    label, size = Label.TRAFFIC_SIGN, 0.37
    triangle = [(-size, v - 0.28), (size, v - 0.28), (0.0, v + 0.36)]
    diamond = [(-size, v), (0, v - size), (size, v), (0, v + size)]
    square = [(-size, v - size), (size, v - size), (size, v + size), (-size, v + size)]
    if kind in (0, 1):
        board.part(disc((0, v), (size, size), 16), RED, label)
        board.part(disc((0, v), (0.7 * size, 0.7 * size), 14), WHITE, label)
        mark = [(-0.16, v - 0.04), (0.16, v - 0.04), (0.16, v + 0.04), (-0.16, v + 0.04)]
        board.part(mark, DARK, label)
    elif kind == 2:
        board.part(triangle, RED, label)
        board.part([(0.55 * u, v - 0.04 + 0.6 * (up - v)) for u, up in triangle], WHITE, label)
    elif kind == 3:
        board.part(diamond, WHITE, label)
        board.part([(0.72 * u, v + 0.72 * (up - v)) for u, up in diamond], YELLOW, label)
    elif kind == 4:
        board.part(disc((0, v), (size, size), 16), BLUE, label)
        board.limb((-0.15, v - 0.15), (0.15, v + 0.15), 0.1, WHITE, label)
    elif kind == 5:
        board.part(disc((0, v), (size, size), 16), RED, label)
        board.part(disc((0, v), (0.75 * size, 0.75 * size), 14), BLUE, label)
        board.limb((-0.2, v + 0.2), (0.2, v - 0.2), 0.09, RED, label)
    else:
        board.part(square, BLUE, label)
        board.part([(-0.2, v - 0.22), (0.2, v - 0.22), (0.0, v + 0.25)], WHITE, label)


def gantry(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """A board with directions on two posts."""
    board = at(canvas, x, z)
    for side in (-0.8, 0.8):
        post(canvas, at(canvas, x + side, z), 3.6, 0.12, STEEL)
    back = (BLUE, YELLOW, WHITE)[rng.integers(3)]
    ink = DARK if back is not BLUE else WHITE
    board.part([(-1.2, 2.2), (1.2, 2.2), (1.2, 3.6), (-1.2, 3.6)], back, Label.TRAFFIC_SIGN)
    for row in (2.5, 2.9, 3.3):
        board.limb((-0.9, row), (rng.uniform(0.1, 0.7), row), 0.14, ink, Label.TRAFFIC_SIGN)


def rubbish_bin(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """A movable rubbish bin: dynamic, hence void."""
    board = at(canvas, x, z)
    colour = pick_colour(rng) * np.array((0.5, 0.6, 0.5))
    board.part([(-0.25, 0.0), (0.25, 0.0), (0.3, 1.0), (-0.3, 1.0)], colour, Label.DYNAMIC)
    board.part(
        [(-0.33, 0.98), (0.33, 0.98), (0.28, 1.1), (-0.28, 1.1)], colour * 0.7, Label.DYNAMIC
    )
    canvas.cast_shadow(np.array([(x - 0.3, 0, z), (x + 0.3, 0, z), (x, 0, z + 0.5)]), 1.1)


def shelter(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """A bus shelter: static, hence void."""
    panes: Material = glass(canvas, rng, 0.0, 2.3)
    deep = 1.4 * np.sign(x)
    canvas.paint(standing((x + deep, z), (x + deep, z + 3.6), 0, 2.3), panes, Label.STATIC)
    canvas.paint(
        standing((x, z + 3.6), (x + deep, z + 3.6), 0, 2.3),
        stain(canvas, pick_colour(rng)),
        Label.STATIC,
    )
    for near in (z, z + 3.6):
        post(canvas, at(canvas, x, near), 2.4, 0.1, DARK * 2)
    canvas.paint(
        standing((x - 0.2 * deep, z), (x - 0.2 * deep, z + 3.8), 2.3, 2.5), DARK * 2, Label.STATIC
    )
    canvas.paint(standing((x - 0.2 * deep, z), (x + deep, z), 2.3, 2.5), DARK * 2, Label.STATIC)
    canvas.cast_shadow(
        np.array([(x, 0, z), (x + deep, 0, z), (x + deep, 0, z + 3.6), (x, 0, z + 3.6)]),
        2.4,
        above=2.2,
    )


def wires(canvas: Canvas, x: float, z: float) -> None:
    """A mast with an arm that carries the wire over a tram track."""
    board = at(canvas, x, z)
    post(canvas, board, 6.8, 0.2, np.asarray(STEEL * 0.8, np.float32))
    board.limb((0, 6.2), (-np.sign(x) * 4.0, 6.4), 0.08, STEEL * 0.8, Label.POLE)
