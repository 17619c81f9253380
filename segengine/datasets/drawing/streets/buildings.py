"""Buildings, walls and fences: the same plaster and bricks, told apart by their shapes."""

from __future__ import annotations

import numpy as np

from segengine.datasets.drawing.streets.canvas import Canvas, Material, Spots, everywhere
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.streets.materials import bricks, masonry, stain, standing
from segengine.datasets.drawing.textures import FloatArray, mix, pick_colour

Place = tuple[float, float]  # (x, z) in metres
ROOFS = ((0.45, 0.26, 0.2), (0.3, 0.27, 0.26), (0.38, 0.34, 0.33), (0.5, 0.33, 0.24))


def facade(canvas: Canvas, rng: np.random.Generator, height: float, shops: bool) -> Material:
    """Rows of windows, a ground floor with shops or doors, ledges and a cornice."""
    base, trim = masonry(canvas, rng), pick_colour(rng)
    floor, bay = rng.uniform(2.9, 3.6), rng.uniform(1.8, 3.6)
    wide, tall = rng.uniform(0.38, 0.8), rng.uniform(0.45, 0.72)
    ground = rng.uniform(3.2, 4.3) if shops else floor
    ledge, frame = rng.random() < 0.6, rng.random() < 0.6
    seed, mirror = rng.uniform(0, 90), rng.uniform(0.1, 0.7)
    lamps = 0.3 if canvas.weather.kind == "dusk" else 0.02

    def colours(spots: Spots) -> FloatArray:
        u, v = spots.u, spots.v - ground
        level, column = np.floor(v / floor), np.floor(u / bay)
        across = np.abs(u / bay % 1 - 0.5) * 2
        up = np.abs(v / floor % 1 - 0.52) * 2
        street = v < 0
        across = np.where(street & shops, np.abs(u / (2 * bay) % 1 - 0.5) * 2, across)
        up = np.where(street & shops, np.abs((v + ground * 0.55) / ground) * 2.4, up)
        reach = np.where(street & shops, 0.86, wide)
        pane = (
            (across < reach)
            & (up < np.where(street & shops, 0.95, tall))
            & (v < height - ground - 0.4)
        )
        tone = canvas.grain(column * 7.7 + seed, level * 3.9, 3.0)
        picture = base(spots)
        if frame:
            picture = mix(
                picture, trim, _weight((across < reach + 0.12) & (up < tall + 0.16) & ~street, 0.7)
            )
        shine = np.clip(0.3 + 0.25 * tone + 0.5 * (v / floor % 1), 0, 1)
        panes = mix(
            np.full((len(u), 3), 0.1, np.float32), canvas.weather.top, _weight(shine, mirror)
        )
        panes = mix(
            panes, np.array((1.3, 1.0, 0.6), np.float32), _weight(tone > 2 - 6 * lamps, 0.8)
        )
        cross = (across < 0.08) & ~street
        picture = mix(picture, panes, _weight(pane & ~cross, 1.0))
        signs = (
            street & shops & (v > -0.9) & (v < -0.25) & (canvas.grain(column * 3, column, 9) > -0.2)
        )
        picture = mix(picture, trim * 1.2, _weight(signs, 0.8))
        edge = (np.abs(v / floor % 1) < 0.06) & ~street & ledge
        top = spots.v > height - 0.35
        return mix(picture, trim, _weight(edge | top, 0.5))

    return colours


def _weight(where: np.ndarray, strength: float) -> FloatArray:
    return np.asarray(where * np.float32(strength), np.float32)


def row_house(
    canvas: Canvas, rng: np.random.Generator, near: Place, far: Place, out: int, shops: float
) -> None:
    """A building of a closed row between two places on the street; `out` is away from the road."""
    height = float(rng.uniform(8, 20))
    deep = 12.0 * out
    front = facade(canvas, rng, height, bool(rng.random() < shops))
    side = masonry(canvas, rng)
    canvas.paint(standing(near, far, 0, height), front, Label.BUILDING)
    back = (near[0] + deep, near[1])
    canvas.paint(standing(near, back, 0, height), side, Label.BUILDING)
    footprint = np.array(
        [
            (near[0], 0, near[1]),
            (far[0], 0, far[1]),
            (far[0] + deep, 0, far[1]),
            (back[0], 0, back[1]),
        ]
    )
    canvas.cast_shadow(footprint, height)
    if rng.random() < 0.6:
        roof = stain(canvas, np.array(ROOFS[rng.integers(len(ROOFS))], np.float32), 1.0, 0.1)
        rise, back_by = rng.uniform(2.5, 5), 5.0 * out
        ridge = [
            (far[0] + back_by, height + rise, far[1]),
            (near[0] + back_by, height + rise, near[1]),
        ]
        eaves = [(near[0], height, near[1]), (far[0], height, far[1])]
        canvas.paint(np.array([*eaves, *ridge]), roof, Label.BUILDING)
        gable = [(near[0], height, near[1]), ridge[1], (near[0] + 2 * back_by, height, near[1])]
        canvas.paint(np.array(gable), side, Label.BUILDING)


def house(canvas: Canvas, rng: np.random.Generator, near: Place, out: int) -> None:
    """A detached house with a gable roof, its nearest corner at `near`."""
    wide, deep = rng.uniform(8, 13), rng.uniform(8, 11)
    height, rise = rng.uniform(3.2, 6.2), rng.uniform(2.5, 4.5)
    (x1, z1), (x2, z2) = near, (near[0] + out * deep, near[1] + wide)
    walls = facade(canvas, rng, height + 2, False)
    roof = stain(canvas, np.array(ROOFS[rng.integers(len(ROOFS))], np.float32), 0.8, 0.12)
    canvas.paint(standing((x1, z1), (x1, z2), 0, height), walls, Label.BUILDING)
    canvas.paint(standing((x1, z1), (x2, z1), 0, height), walls, Label.BUILDING)
    over, top = 0.5 * out, height + rise
    if rng.random() < 0.5:  # the gable faces the camera
        middle = (x1 + x2) / 2
        canvas.paint(
            np.array([(x1, height, z1), (x2, height, z1), (middle, top, z1)]), walls, Label.BUILDING
        )
        for edge in (x1 - over, x2 + over):
            slope = [
                (edge, height - 0.2, z1 - 0.4),
                (edge, height - 0.2, z2),
                (middle, top, z2),
                (middle, top, z1 - 0.4),
            ]
            canvas.paint(np.array(slope), roof, Label.BUILDING)
    else:
        middle = (z1 + z2) / 2
        canvas.paint(
            np.array([(x1, height, z1), (x1, height, z2), (x1, top, middle)]), walls, Label.BUILDING
        )
        slope = [
            (x1 - over, height - 0.2, z1 - 0.4),
            (x2, height - 0.2, z1 - 0.4),
            (x2, top, middle),
            (x1 - over, top, middle),
        ]
        canvas.paint(np.array(slope), roof, Label.BUILDING)
    canvas.cast_shadow(
        np.array([(x1, 0, z1), (x1, 0, z2), (x2, 0, z2), (x2, 0, z1)]), height + rise / 2
    )


def wall(
    canvas: Canvas,
    rng: np.random.Generator,
    near: Place,
    far: Place,
    material: Material,
    height: float,
) -> None:
    """A stretch of a free-standing wall with a coping."""
    thick = 0.35 * np.sign(near[0])
    canvas.paint(standing(near, far, 0, height), material, Label.WALL)
    canvas.paint(standing(near, (near[0] + thick, near[1]), 0, height), material, Label.WALL)
    coping = np.full(3, 0.55, np.float32)
    canvas.paint(standing(near, far, height - 0.14, height), coping, Label.WALL)
    canvas.cast_shadow(np.array([(near[0], 0, near[1]), (far[0], 0, far[1])]), height)


def wall_material(canvas: Canvas, rng: np.random.Generator) -> Material:
    """Plaster, concrete or stone as on houses, at times sprayed upon."""
    base = masonry(canvas, rng) if rng.random() < 0.6 else bricks(canvas, pick_colour(rng), 0.4)
    if rng.random() < 0.6:
        return base
    spray = rng.uniform(0.2, 0.9, 3).astype(np.float32)

    def colours(spots: Spots) -> FloatArray:
        strokes = np.abs(canvas.grain(spots.u, spots.v, 2.5)) < 0.25
        return mix(base(spots), spray, _weight(strokes & (spots.v < 1.5), 0.8))

    return colours


def fence(
    canvas: Canvas,
    rng: np.random.Generator,
    near: Place,
    far: Place,
    style: int,
    colour: FloatArray,
    height: float,
) -> None:
    """A stretch of fence: pickets, bars with rails, or wire mesh; one sees through the gaps."""
    gap = (0.16, 0.14, 0.1)[style]

    def bars(spots: Spots) -> np.ndarray:
        rails = (np.abs(spots.v - 0.2 * height) < 0.06) | (np.abs(spots.v - 0.85 * height) < 0.06)
        posts = spots.u % 2.4 < 0.12
        width = (0.62, 0.36, 0.3)[style]
        pickets = (spots.u % gap) < width * gap
        mesh = (style == 2) & (spots.v % gap < width * gap)
        return np.asarray(rails | posts | pickets | mesh)

    grain = stain(canvas, colour, 0.8, 0.08)
    canvas.paint(
        standing(near, far, 0.0, height), grain, Label.FENCE, cover=bars, extent=everywhere
    )
    canvas.cast_shadow(np.array([(near[0], 0, near[1]), (far[0], 0, far[1])]), 0.6 * height)
