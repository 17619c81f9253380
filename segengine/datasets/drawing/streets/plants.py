"""Trees, hedges and the woods at the end of the street."""

from __future__ import annotations

import math

import numpy as np

from segengine.datasets.drawing.streets.canvas import Canvas, Cover, Spots, everywhere
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.streets.materials import foliage, ragged, stain, standing, upright
from segengine.datasets.drawing.textures import FloatArray, smoothstep

LEAVES = {
    "spring": ((0.3, 0.42, 0.14), (0.36, 0.44, 0.2), (0.22, 0.34, 0.13)),
    "summer": ((0.2, 0.3, 0.12), (0.26, 0.34, 0.14), (0.15, 0.25, 0.13)),
    "autumn": ((0.55, 0.36, 0.12), (0.46, 0.28, 0.12), (0.4, 0.38, 0.14), (0.24, 0.3, 0.14)),
    "winter": ((0.13, 0.21, 0.13), (0.18, 0.24, 0.14)),  # what stays green
}
BARK = np.array((0.27, 0.23, 0.19), np.float32)
ACROSS = np.array((1.0, 0.0))


def leaf_colour(rng: np.random.Generator, season: str) -> FloatArray:
    """A colour of the season's leaves."""
    palette = LEAVES[season]
    colour = np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.85, 1.3)
    return np.asarray(colour * (1 + rng.normal(0, 0.06, 3)), np.float32)


def disc(
    centre: tuple[float, float], half: tuple[float, float], count: int = 14
) -> list[tuple[float, float]]:
    """Points of an ellipse."""
    turns = [2 * math.pi * i / count for i in range(count)]
    return [(centre[0] + half[0] * math.cos(t), centre[1] + half[1] * math.sin(t)) for t in turns]


def tree(
    canvas: Canvas, rng: np.random.Generator, place: tuple[float, float], size: float = 1.0
) -> None:
    """A tree with a crown of leafy clumps; in winter most are bare."""
    x, z = place
    season = canvas.weather.season
    height = rng.uniform(5, 11) * size
    crown, trunk = rng.uniform(0.28, 0.4) * height, rng.uniform(0.12, 0.24) * size
    lean = rng.normal(0, 0.03) * height
    top = height - crown
    shape = [(-trunk, 0.0), (trunk, 0.0), (lean + 0.5 * trunk, top), (lean - 0.5 * trunk, top)]
    canvas.paint(upright(x, z, ACROSS, shape), stain(canvas, BARK, 0.6, 0.15), Label.VEGETATION)
    foot = np.array([(x - trunk, 0, z), (x + trunk, 0, z)])
    canvas.cast_shadow(foot, height * 0.6)
    shade = [
        (x + crown * math.cos(t), 0.0, z + crown * math.sin(t)) for t in np.arange(0, 6.2, 0.6)
    ]
    if season == "winter" and rng.random() < 0.75:
        bare_crown(canvas, rng, (x, z), (lean, height - crown), crown)
        return
    canvas.cast_shadow(np.array(shade), top, above=0.9 * top)
    colour = leaf_colour(rng, season)
    conifer = rng.random() < 0.15
    for index in range(int(rng.integers(4, 8)) if z < 45 else 3):
        turn, far = rng.uniform(0, 2 * math.pi), crown * rng.uniform(0.0, 0.55)
        centre = (lean + far * math.cos(turn), height - crown + far * math.sin(turn))
        radius = crown * rng.uniform(0.5, 0.75)
        half = (radius * rng.uniform(0.9, 1.2), radius * rng.uniform(0.75, 1.0))
        if conifer:
            share = index / 7
            centre, radius = (lean, 0.15 * height + share * 0.8 * height), crown * 0.8 * (1 - share)
            half = (max(0.3, radius), max(0.5, radius))
        blob(canvas, rng, (x, z - 0.05 * index), centre, half, colour, height)


def blob(
    canvas: Canvas,
    rng: np.random.Generator,
    place: tuple[float, float],
    centre: tuple[float, float],
    half: tuple[float, float],
    colour: FloatArray,
    top: float,
) -> None:
    """A clump of leaves around `centre` (metres across and up at the place)."""
    left, right = centre[0] - half[0], centre[0] + half[0]
    low, high = centre[1] - half[1], centre[1] + half[1]
    box = [(left, low), (right, low), (right, high), (left, high)]
    leaves = foliage(canvas, rng, colour, 2 * half[1])
    canvas.paint(
        upright(*place, ACROSS, box),
        leaves,
        Label.VEGETATION,
        cover=ragged(canvas, rng, half, half),
    )


def bare_crown(
    canvas: Canvas,
    rng: np.random.Generator,
    place: tuple[float, float],
    centre: tuple[float, float],
    radius: float,
) -> None:
    """Twigs against the sky; the label takes the crown as a whole."""
    offset = rng.uniform(0, 60, 2)

    def twigs(spots: Spots) -> np.ndarray:
        u, v = spots.u + offset[0], spots.v + offset[1]
        thick = np.abs(canvas.grain(u, v, 2.2)) < 0.22
        return np.asarray(thick | (np.abs(canvas.grain(u + 9, v, 0.9)) < 0.3))

    shape = disc(centre, (0.8 * radius, 0.9 * radius))
    canvas.paint(
        upright(*place, ACROSS, shape),
        stain(canvas, BARK, 0.5, 0.2),
        Label.VEGETATION,
        cover=twigs,
        extent=everywhere,
    )


def _top_edge(
    canvas: Canvas, rng: np.random.Generator, height: float, fray: float, cell: float
) -> Cover:
    offset = rng.uniform(0, 60)

    def below(spots: Spots) -> np.ndarray:
        rough = canvas.grain(spots.u + offset, spots.v, cell)
        return np.asarray(spots.v < height - fray * (1.2 + rough))

    return below


def hedge(
    canvas: Canvas,
    rng: np.random.Generator,
    near: tuple[float, float],
    far: tuple[float, float],
    height: float,
    colour: FloatArray,
) -> None:
    """A stretch of hedge or bushes."""
    leaves = foliage(canvas, rng, colour, height)
    edge = _top_edge(canvas, rng, height, 0.12 * height, 1.0)
    end = (near[0] + math.copysign(1.0, near[0]), near[1])
    for one, other in ((near, far), (near, end)):
        canvas.paint(standing(one, other, 0, height), leaves, Label.VEGETATION, cover=edge)
    canvas.cast_shadow(np.array([(near[0], 0, near[1]), (far[0], 0, far[1])]), height)


def woods(
    canvas: Canvas,
    rng: np.random.Generator,
    near: tuple[float, float],
    far: tuple[float, float],
    height: float,
) -> None:
    """A dense band of trees; bare ones in winter still close the view."""
    colour = leaf_colour(rng, canvas.weather.season)
    if canvas.weather.season == "winter" and rng.random() < 0.6:
        colour = np.asarray(BARK * rng.uniform(1.0, 1.6), np.float32)
    leaves = foliage(canvas, rng, colour, height)

    def deep(spots: Spots) -> FloatArray:
        return np.asarray(
            leaves(spots) * (0.55 + 0.5 * smoothstep(spots.v, 0, 3)[:, None]), np.float32
        )

    edge = _top_edge(canvas, rng, height, 0.16 * height, 0.7 * height)
    canvas.paint(standing(near, far, 0, height), deep, Label.VEGETATION, cover=edge)
