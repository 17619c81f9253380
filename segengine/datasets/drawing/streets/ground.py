"""The ground: carriageway, pavements, grass, rails and what is painted on the road."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segengine.datasets.drawing.streets.canvas import Canvas
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.streets.layout import Street
from segengine.datasets.drawing.textures import FloatArray, lit, mix, smoothstep

GRASS = {
    "spring": (0.36, 0.48, 0.2),
    "summer": (0.44, 0.46, 0.22),
    "autumn": (0.42, 0.38, 0.2),
    "winter": (0.42, 0.4, 0.28),
}
PAINT = np.array((0.86, 0.86, 0.84), np.float32)
RAIL_GAUGE = 1.45  # metres


@dataclass(frozen=True)
class Surfaces:
    """Colours of the ground of one scene; the road's and the pavement's are near each other."""

    road: FloatArray
    pavement: FloatArray
    grass: FloatArray
    cobbled: bool
    slabs: float  # side of a slab in metres, 0 for asphalt
    worn: float  # how faded the paint is, 0..1

    @classmethod
    def choose(cls, rng: np.random.Generator, street: Street, season: str) -> Surfaces:
        """Greys with a tint, and the season's grass."""
        road = rng.uniform(0.3, 0.52) * (1 + rng.normal(0, 0.025, 3))
        pavement = np.clip(road.mean() * rng.uniform(0.85, 1.5), 0.28, 0.68)
        tint = rng.choice([0.0, 0.0, 1.0]) * np.array((0.08, 0.0, -0.07))
        grass = np.array(GRASS[season]) * rng.uniform(0.8, 1.15) * (1 + rng.normal(0, 0.05, 3))
        if season == "winter" and rng.random() < 0.35:
            grass = np.array((0.82, 0.84, 0.87))  # snow
        return cls(
            road=np.asarray(road, np.float32),
            pavement=np.asarray(pavement * (1 + tint + rng.normal(0, 0.02, 3)), np.float32),
            grass=np.asarray(grass, np.float32),
            cobbled=street.cobbled,
            slabs=float(rng.choice([0.0, 0.35, 0.5, 0.8])),
            worn=float(rng.uniform(0, 0.7)),
        )


def lay_ground(canvas: Canvas, rng: np.random.Generator, street: Street) -> None:
    """Paint the ground of the whole street."""
    surfaces = Surfaces.choose(rng, street, canvas.weather.season)

    def ground(x: FloatArray, z: FloatArray) -> tuple[FloatArray, np.ndarray]:
        offset = np.asarray(street.offset(x, z))
        labels = street.ground_labels(offset, z)
        colours = np.empty((len(x), 3), np.float32)
        for label, paint in PAINTERS.items():
            here = labels == label
            if here.any():
                colours[here] = paint(canvas, surfaces, offset[here], z[here])
        kerb = street.kerb(offset, z)
        colours = mix(colours, surfaces.pavement * np.float32(1.25), kerb * np.float32(0.7))
        paint_marks = np.where(labels == Label.ROAD, street.marks(offset, z), 0)
        rough = smoothstep(canvas.grain(offset, z, 0.7), 0.9, -0.6)
        weight = paint_marks * (1 - surfaces.worn * (1 - rough)) * 0.85
        colours = mix(colours, PAINT, np.asarray(weight, np.float32))
        return _rails(colours, street, offset), labels

    canvas.lay_ground(ground)


def _rails(colours: FloatArray, street: Street, offset: FloatArray) -> FloatArray:
    """Grooved rails in the road where trams run."""
    if street.track is None:
        return colours
    off = np.abs(np.abs(offset - street.track) - RAIL_GAUGE / 2)
    steel = np.array((0.3, 0.29, 0.29), np.float32)
    return mix(colours, steel, np.asarray(0.8 * (off < 0.07), np.float32))


def road(canvas: Canvas, surfaces: Surfaces, offset: FloatArray, z: FloatArray) -> FloatArray:
    """Asphalt with wheel tracks, patches and cracks, or cobbles."""
    if surfaces.cobbled:
        return _stones(canvas, surfaces.road, offset, z, 0.28)
    tracks = 0.03 * np.cos(offset * (2 * np.pi / 1.7))
    patches = 0.05 * np.sign(canvas.grain(np.floor(offset / 3) * 9, np.floor(z / 11) * 7, 5) - 1.1)
    broad = canvas.grain(offset, z / 5, 3.0)
    cracks = np.abs(canvas.grain(offset, z, 9.0)) < 0.02
    shade = (
        1 + tracks + patches + 0.05 * broad + 0.05 * canvas.grain(offset, z, 0.25) - 0.2 * cracks
    )
    return lit(surfaces.road, np.asarray(shade, np.float32))


def sidewalk(canvas: Canvas, surfaces: Surfaces, offset: FloatArray, z: FloatArray) -> FloatArray:
    """Slabs, or the same asphalt as the road's."""
    if surfaces.slabs:
        return _stones(canvas, surfaces.pavement, offset, z, surfaces.slabs)
    shade = 1 + 0.06 * canvas.grain(offset, z, 2.0) + 0.05 * canvas.grain(offset, z, 0.25)
    return lit(surfaces.pavement, np.asarray(shade, np.float32))


def _stones(
    canvas: Canvas, colour: FloatArray, offset: FloatArray, z: FloatArray, side: float
) -> FloatArray:
    """Square stones of `side` metres with joints that fade with distance."""
    fade = np.clip(9 * side / 0.3 / np.maximum(z, 1), 0, 1)
    u, v = offset / side, z / side
    tone = canvas.grain(np.floor(u) * 5.3, np.floor(v) * 7.1, 3.0)
    joint = np.maximum(np.abs(u % 1 - 0.5), np.abs(v % 1 - 0.5)) > 0.44
    shade = 1 + 0.08 * fade * tone - 0.22 * fade * joint + 0.05 * canvas.grain(offset, z, 3.0)
    return lit(colour, np.asarray(shade, np.float32))


def terrain(canvas: Canvas, surfaces: Surfaces, offset: FloatArray, z: FloatArray) -> FloatArray:
    """Grass, soil or snow."""
    tufts, blades = canvas.grain(offset, z, 4.0), canvas.grain(offset * 2, z, 0.5)
    soil = np.array((0.42, 0.35, 0.27), np.float32)
    base = mix(np.broadcast_to(surfaces.grass, (len(z), 3)), soil, smoothstep(tufts, 1.0, 2.2))
    return lit(base, np.asarray(np.clip(1 + 0.1 * tufts + 0.13 * blades, 0.4, 1.6), np.float32))


def ballast(canvas: Canvas, surfaces: Surfaces, offset: FloatArray, z: FloatArray) -> FloatArray:
    """The gravel and sleepers of a track of its own."""
    sleepers = (z % 0.7 < 0.25) * np.clip(14 / np.maximum(z, 1), 0, 1)
    shade = 1 + 0.16 * canvas.grain(offset, z, 0.4) - 0.2 * sleepers
    return lit(np.array((0.44, 0.41, 0.38), np.float32), np.asarray(shade, np.float32))


Painter = Callable[[Canvas, Surfaces, FloatArray, FloatArray], FloatArray]
PAINTERS: dict[Label, Painter] = {
    Label.ROAD: road,
    Label.SIDEWALK: sidewalk,
    Label.TERRAIN: terrain,
    Label.RAIL_TRACK: ballast,
}
