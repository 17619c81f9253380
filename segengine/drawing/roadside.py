"""What stands beside a street: houses, walls, fences, plants, and poles with what they carry."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from segengine.drawing.perspective import Floats, Label, Place, Texture, View, pick, ring
from segengine.drawing.vehicles import BLACK, GLASS, PAINTS, RED, WHITE

STONES = np.array([
    (0.62, 0.6, 0.57), (0.48, 0.47, 0.46), (0.74, 0.7, 0.62), (0.66, 0.52, 0.4), (0.5, 0.33, 0.27),
    (0.78, 0.76, 0.73), (0.6, 0.56, 0.44), (0.42, 0.4, 0.4), (0.72, 0.6, 0.5), (0.55, 0.58, 0.6),
], np.float32)  # fmt: skip
LEAVES = np.array(
    [(0.22, 0.36, 0.13), (0.27, 0.42, 0.15), (0.17, 0.3, 0.12)] * 3 + [(0.55, 0.36, 0.14)]
)
FENCES = ((0.3, 0.25), (0.2, 0.85), (0.26, 0.6))  # meters from picket to picket, and their share
TILES = np.array([(0.42, 0.22, 0.17), (0.27, 0.27, 0.29), (0.36, 0.26, 0.22)])
BLUE, BARK, CURTAIN = (0.1, 0.25, 0.58), (0.3, 0.25, 0.21), (0.6, 0.58, 0.54)
METAL = np.array((0.34, 0.36, 0.37))
SIGNS = ((RED, WHITE, 14), (BLUE, WHITE, 4), (RED, WHITE, 3), (BLUE, None, 14), (RED, None, 14))


def masonry(view: View, color: Floats, height: float, gable: float = 0, wide: float = 1) -> Texture:
    """Bricks or plaster, up to a height and a gable above it."""
    brick = view.rng.random() < 0.4

    def texture(u: Floats, y: Floats) -> Floats:
        tone = 1 + 0.1 * view.mottle(u, y, 6)
        if brick:
            course = np.floor(y / 0.25)
            joints = (y / 0.25 - course < 0.16) | ((u / 0.5 + course / 2) % 1 < 0.09)
            tone -= np.float32(0.14) * joints
        tone[y > height + gable * (1 - np.abs(2 * u / wide - 1))] = np.nan
        return np.asarray(tone[..., None] * color, np.float32)

    return texture


def facade(view: View, color: Floats, length: float, height: float, shop: bool) -> Texture:
    """Windows in rows over doors or shop windows."""
    rng, plain = view.rng, masonry(view, color, height)
    bay, ground = length / max(1, round(length / rng.uniform(2.0, 3.2))), 3.7 if shop else 3.0
    storey = max(2.6, (height - ground) / max(1, round((height - ground) / 3)))
    wide, tall, sill = rng.uniform(0.36, 0.64), rng.uniform(0.45, 0.6), rng.uniform(0.22, 0.32)
    trim, awning = np.clip(color * rng.choice([0.65, 1.35]), 0, 0.95), pick(rng, PAINTS)
    luck, door = rng.random((16, 16)).astype(np.float32), rng.integers(3)

    def texture(u: Floats, y: Floats) -> Floats:
        picture, street = plain(u, y), y < ground
        bays, floor = np.floor(u / bay).astype(int), np.floor((y - ground) / storey).astype(int)
        up = np.where(street, y / ground, (y - ground) / storey - floor)
        across, chance = np.abs(u / bay - bays - 0.5) * 2, luck[floor % 16, bays % 16]
        entry = street & (bays % 3 == door)
        window = street & ~entry & shop
        bottom = np.where(entry, -1, np.where(window, 0.14, sill))
        top, half = np.where(entry | window, 0.7, sill + tall), np.where(window, 0.86, wide)
        frame = (across < half + 0.1) & (up > bottom - 0.05) & (up < top + 0.05)
        pane = (across < half) & (up > bottom) & (up < top) & ((across > 0.05) | street)
        glass = (0.5 + 0.9 * chance[..., None]) * GLASS + (up * chance)[..., None] * view.high / 2
        lit = chance > (0.65 if view.dusk else 0.97)
        glass[lit] = np.multiply.outer(0.5 + up[lit], (1.4, 1.05, 0.55) if view.dusk else CURTAIN)
        glass[entry] = trim * 0.45
        picture[frame], picture[pane] = trim, glass[pane]
        picture[street & shop & (up > 0.78) & (up < 0.95)] = awning
        picture[((up < 0.06) & ~street) | (y > height - 0.25)] *= 0.85
        return picture

    return texture


def house(view: View, near: Place, far: Place, height: float, shop: bool) -> None:
    """A house with its front between two places, a roof, and a gable to whoever comes near."""
    rng, side, label = view.rng, math.copysign(1, near.x), Label.BUILDING
    color, deep, roof = pick(rng, STONES), rng.uniform(8, 11), float(rng.choice([0, 2.5, 4]))
    gable, back = masonry(view, color, height, roof, deep), Place(near.x + side * deep, near.z)
    view.wall(near, back, height + roof, gable, label)
    left, right = (near.z - 0.2, far.z) if side < 0 else (far.z, near.z - 0.2)
    eaves, ridge = (near.x - side * 0.4, height - 0.1), (near.x + side * deep / 2, height + roof)
    slope = [(*eaves, left), (*eaves, right), (*ridge, right), (*ridge, left)]
    view.face(Place(0, 0), slope, rng.choice(TILES), label)
    view.wall(near, far, height, facade(view, color, far.z - near.z, height, shop), label)


def boundary(view: View, start: Place, end: Place, kind: Label, height: float) -> None:
    """A wall, a fence or a hedge."""
    color, (gap, share) = pick(view.rng, PAINTS), FENCES[view.rng.integers(len(FENCES))]

    def pickets(u: Floats, y: Floats) -> Floats:
        solid = ((u / gap) % 1 < share) | (abs(y - 0.2) < 0.07) | (abs(y - height + 0.08) < 0.08)
        tone = 0.9 + 0.15 * view.mottle(np.floor(u / gap), 0 * y, 5) + 0.1 * view.mottle(u, y, 9)
        return np.asarray(np.where(solid | (start.z > 40), tone, np.nan)[..., None] * color)

    if kind == Label.WALL:
        view.wall(start, end, height, masonry(view, pick(view.rng, STONES), height), kind)
    elif kind == Label.FENCE:
        view.wall(start, end, height, pickets, kind)
    else:
        hedge = foliage(view, height / 2, lambda u, y: 0.9 * y / height)
        view.wall(start, end, height * 1.3, hedge, kind)


def foliage(view: View, size: float, outward: Texture) -> Texture:
    """Leaves, lighter upward, up to where `outward` grows past 1, with a ragged edge."""
    leaf, away = pick(view.rng, LEAVES), view.rng.uniform(0, 9)

    def texture(u: Floats, y: Floats) -> Floats:
        lumps = view.mottle(u + away, y + away, 14 / size)
        fine = view.mottle(u + away, y, 34 / size)
        out = outward(u, y)
        tone = 0.7 + 0.3 * (y / y.max() - 0.3) + 0.28 * lumps + 0.16 * fine
        inside = out < 0.95 + 0.2 * lumps + 0.1 * fine
        return np.asarray(np.where(inside, tone, np.nan)[..., None] * leaf)

    return texture


def tree(view: View, place: Place) -> None:
    """A trunk with a branch, and a crown."""
    size, shape = view.rng.uniform(5, 7.5), view.rng.uniform(0.9, 1.1)
    trunk, crown = size * view.rng.uniform(0.3, 0.38), size * 0.3
    middle = trunk + crown * 0.95
    for end, thick in ((0, 0.024), (crown * 0.5, 0.013)):
        bar = (0, trunk * (end > 0), 0), (end, middle, 0)
        view.limb(place, bar, size * thick, BARK, Label.VEGETATION)

    def outward(u: Floats, y: Floats) -> Floats:
        return np.asarray(np.hypot(u / crown - 1.3, (y - middle) / crown * shape))

    left, right = (Place(place.x + side * crown * 1.3, place.z) for side in (-1, 1))
    view.wall(left, right, middle + crown * 1.3, foliage(view, crown, outward), Label.VEGETATION)


def post(view: View, place: Place, kind: Label, lit: int = 0) -> None:
    """A pole with a street lamp, a traffic sign, or lights of which one shines."""
    up = {Label.POLE: 6.5, Label.TRAFFIC_LIGHT: 3.2}.get(kind, view.rng.uniform(2.3, 2.8))
    view.limb(place, ((0, 0, 0), (0, up, 0)), 0.055, METAL, Label.POLE)

    def disc(y: float, width: float, height: float, sides: int, color: ArrayLike) -> None:
        corners = ring(sides) if sides != 4 else ring(8)[1::2]
        points = corners @ ((width, 0, 0), (0, height, 0)) + np.array((0, y, -0.1))
        view.face(place, points, color, kind)

    if kind == Label.POLE:
        inward, glow = -math.copysign(1, place.x), METAL * (5 if view.dusk else 1.4)
        arm, head = (1.5 * inward, 6.8, 0), (1.8 * inward, 6.8, 0)
        view.limb(place, ((0, 6.5, 0), arm), 0.05, METAL, kind)
        view.limb(place, (arm, head), 0.09, glow, kind)
    elif kind == Label.TRAFFIC_SIGN:
        outer, inner, sides = SIGNS[view.rng.integers(len(SIGNS))]
        disc(up, 0.42, 0.42, sides, outer)
        disc(up, 0.28, 0.28 if inner else 0.08, sides if inner else 4, inner or WHITE)
    else:
        disc(2.9, 0.28, 0.7, 4, BLACK)
        for index, color in enumerate(((0.2, 1.6, 0.7), (1.7, 1.1, 0.15), (1.8, 0.15, 0.1))):
            disc(2.6 + index * 0.3, 0.12, 0.12, 10, np.multiply(color, 1 if index == lit else 0.12))
