"""Materials that several classes share, so that colour and texture alone tell little."""

from __future__ import annotations

import numpy as np

from segengine.datasets.drawing.streets.canvas import Canvas, Cover, Material, Spots
from segengine.datasets.drawing.textures import FloatArray, lit, mix, pick_colour, smoothstep


def upright(x: float, z: float, along: FloatArray, points: list[tuple[float, float]]) -> FloatArray:
    """A polygon (N, 3) from (metres along, metres up) on an upright plane through (x, z)."""
    flat = np.array(points, float)
    corners = np.zeros((len(flat), 3))
    corners[:, [0, 2]] = np.array((x, z)) + flat[:, :1] * along
    corners[:, 1] = flat[:, 1]
    return corners


def standing(
    one: tuple[float, float], other: tuple[float, float], low: float, high: float
) -> FloatArray:
    """An upright rectangle (4, 3) over the line from `one` to `other`, each (x, z)."""
    (x1, z1), (x2, z2) = one, other
    return np.array([(x1, low, z1), (x2, low, z2), (x2, high, z2), (x1, high, z1)])


def stain(canvas: Canvas, colour: FloatArray, cell: float = 2.0, amount: float = 0.07) -> Material:
    """Plaster, concrete or painted metal: one colour with dirt."""
    du = float(colour.sum()) * 977 % 50  # so that not all things bear the same stains

    def colours(spots: Spots) -> FloatArray:
        rough = canvas.grain(spots.u + du, spots.v + du, cell)
        return lit(colour, np.asarray(1 + amount * rough, np.float32))

    return colours


def bricks(canvas: Canvas, colour: FloatArray, course: float = 0.25) -> Material:
    """Brickwork or ashlar with joints; `course` is the height of a row in metres."""

    def colours(spots: Spots) -> FloatArray:
        row = np.floor(spots.v / course)
        across = spots.u / (2.2 * course) + 0.5 * (row % 2)
        tone = canvas.grain(np.floor(across) * 7.3, row * 5.1, 3.0)
        joint = np.minimum(np.abs(across % 1 - 0.5) * 2.2, np.abs(spots.v / course % 1 - 0.5))
        fade = np.clip(25 / spots.depth, 0, 1)
        shade = 1 + 0.09 * fade * tone - 0.25 * fade * (joint > 0.42)
        return lit(colour, np.asarray(shade, np.float32))

    return colours


def masonry(canvas: Canvas, rng: np.random.Generator) -> Material:
    """What walls and buildings are made of: plaster, concrete, bricks or ashlar."""
    colour = pick_colour(rng)
    kind = rng.integers(4)
    if kind == 0:
        return bricks(canvas, np.asarray(colour * (1.0, 0.85, 0.78), np.float32), 0.25)
    if kind == 1:
        return bricks(canvas, colour, rng.uniform(0.4, 0.7))
    return stain(canvas, np.asarray(0.25 * 0.7 + 0.75 * colour, np.float32))


def glass(canvas: Canvas, rng: np.random.Generator, low: float, high: float) -> Material:
    """A pane between two heights v that mirrors the sky above and the dark street below."""
    weather = canvas.weather
    dark = np.asarray(rng.uniform(0.04, 0.16) * np.ones(3) + rng.normal(0, 0.01, 3), np.float32)
    share = np.float32(rng.uniform(0.15, 0.75))

    def colours(spots: Spots) -> FloatArray:
        up = smoothstep(spots.v, low, high)
        wave = smoothstep(canvas.grain(spots.u, spots.v, 3.0), -1.0, 1.5)
        base = np.broadcast_to(dark, (len(spots.u), 3))
        return mix(base, weather.top, np.asarray(share * up * (0.4 + 0.6 * wave), np.float32))

    return colours


def foliage(canvas: Canvas, rng: np.random.Generator, colour: FloatArray, top: float) -> Material:
    """Leaves: clumps lit from above; `top` is where v is in full light."""
    offset = rng.uniform(0, 60, 2)

    def colours(spots: Spots) -> FloatArray:
        u, v = spots.u + offset[0], spots.v + offset[1]
        clumps = canvas.grain(u, v, 1.6) + 0.7 * canvas.grain(u, v, 0.5)
        shade = 0.62 + 0.3 * smoothstep(spots.v, 0.2 * top, top) + 0.2 * clumps
        return lit(colour, np.asarray(np.clip(shade, 0.15, 1.5), np.float32))

    return colours


def ragged(
    canvas: Canvas, rng: np.random.Generator, centre: tuple[float, float], half: tuple[float, float]
) -> Cover:
    """A leafy ellipse around `centre` (u, v): what is inside a frayed outline."""
    offset = rng.uniform(0, 60, 2)

    def inside(spots: Spots) -> np.ndarray:
        off = np.hypot((spots.u - centre[0]) / half[0], (spots.v - centre[1]) / half[1])
        rough = canvas.grain(spots.u + offset[0], spots.v + offset[1], 0.9 * min(half))
        return np.asarray(off + 0.13 * rough < 0.9)

    return inside
