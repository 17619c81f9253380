"""What stands beside a street: houses, walls, fences, plants, and poles with what they carry."""

from __future__ import annotations

import numpy as np

from segengine.drawing.canvas import Floats, pick, rgb, ring
from segengine.drawing.perspective import Label, Spot, Texture, View
from segengine.drawing.vehicles import BLACK, GLASS, PAINTS, RED, WHITE

STONES = rgb("9e9991 7a7875 bdb29e a88566 805445 c7c2ba 998f70 6b6666 b89980 8c9499")
LEAVES = rgb("385c21 456b26 2b4c1f " * 3 + "8c5c24")
TILES = rgb("6b382b 45454a 5c4238")
FENCES = ((0.3, 0.25), (0.2, 0.85), (0.26, 0.6))  # meters from picket to picket, and their share
BLUE, BARK, CURTAIN, METAL = rgb("1a4094 4c4036 99948a 575c5e")
# Color, corners of the outer and of the inner shape, and the height of the inner.
SIGNS = ((RED, 14, 14, 3), (BLUE, 4, 4, 3), (RED, 3, 3, 3), (BLUE, 14, 4, 1), (RED, 14, 4, 1))


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
    bay = length / max(1, round(length / rng.uniform(2.0, 3.2)))
    storey = height / max(1, round(height / 3.1))
    wide, tall, sill = rng.uniform(0.36, 0.64), rng.uniform(0.45, 0.6), rng.uniform(0.22, 0.32)
    trim, awning = np.clip(color * rng.choice([0.65, 1.35]), 0, 0.95), pick(rng, PAINTS)
    luck, door = rng.random((16, 16)).astype(np.float32), rng.integers(3)

    def texture(u: Floats, y: Floats) -> Floats:
        bays, floor = np.floor(u / bay).astype(int), np.floor(y / storey).astype(int)
        across, up, picture = np.abs(u / bay - bays - 0.5) * 2, y / storey - floor, plain(u, y)
        street, chance = floor == 0, luck[floor % 16, bays % 16]
        entry, window = street & (bays % 3 == door), street & shop
        bottom = np.where(entry, -1, np.where(window, 0.14, sill))
        top = np.where(entry | window, 0.7, sill + tall)
        half = np.where(window & ~entry, 0.86, wide)
        frame = (across < half + 0.1) & (up > bottom - 0.05) & (up < top + 0.05)
        pane = (across < half) & (up > bottom) & (up < top) & ((across > 0.05) | street)
        glass = (0.5 + 0.9 * chance[..., None]) * GLASS + (up * chance)[..., None] * view.high / 2
        lit = chance > (0.65 if view.dusk else 0.97)
        glass[lit] = np.multiply.outer(0.5 + up[lit], (1.4, 1.05, 0.55) if view.dusk else CURTAIN)
        glass[entry] = trim * 0.45
        picture[frame], picture[pane] = trim, glass[pane]
        picture[window & (up > 0.78) & (up < 0.95)] = awning
        picture[((up < 0.06) & ~street) | (y > height - 0.25)] *= 0.85
        return picture

    return texture


def house(view: View, near: Spot, far: Spot, height: float, shop: bool) -> None:
    """A house with its front between two places, a roof, and a gable to whoever comes near."""
    rng, side, label = view.rng, float(np.sign(near.x)), Label.BUILDING
    color, deep, roof = pick(rng, STONES), rng.uniform(8, 11), float(rng.choice([0, 2.5, 4]))
    gable, back = masonry(view, color, height, roof, deep), Spot(near.x + side * deep, near.z)
    view.wall(near, back, height + roof, gable, label)
    left, right = (near.z - 0.2, far.z) if side < 0 else (far.z, near.z - 0.2)
    eaves, ridge = (near.x - side * 0.4, height - 0.1), (near.x + side * deep / 2, height + roof)
    slope = [(*eaves, left), (*eaves, right), (*ridge, right), (*ridge, left)]
    view.face(Spot(0, 0), slope, rng.choice(TILES), label)
    view.wall(near, far, height, facade(view, color, far.z - near.z, height, shop), label)


def boundary(view: View, start: Spot, end: Spot, kind: Label, height: float) -> None:
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
        view.wall(start, end, height, foliage(view, height / 2, lambda u, y: y / height), kind)


def foliage(view: View, size: float, outward: Texture) -> Texture:
    """Leaves, lighter upward, up to where `outward` grows past 1, with a ragged edge."""
    leaf, away = pick(view.rng, LEAVES), view.rng.uniform(0, 9)

    def texture(u: Floats, y: Floats) -> Floats:
        lumps = view.mottle(u + away, y + away, 14 / size)
        fine = view.mottle(u + away, y, 34 / size)
        tone = 0.7 + 0.3 * (y / y.max() - 0.3) + 0.28 * lumps + 0.16 * fine
        inside = outward(u, y) < 0.95 + 0.2 * lumps + 0.1 * fine
        return np.asarray(np.where(inside, tone, np.nan)[..., None] * leaf)

    return texture


def tree(view: View, place: Spot) -> None:
    """A trunk and a crown."""
    size = view.rng.uniform(5, 7.5)
    crown, middle = size * 0.3, size * view.rng.uniform(0.58, 0.66)
    view.limb(place, ((0, 0, 0), (0, middle, 0)), size * 0.024, BARK, Label.VEGETATION)
    leaves = foliage(view, crown, lambda u, y: np.hypot(u / crown - 1.3, (y - middle) / crown))
    left, right = (Spot(place.x + side * crown * 1.3, place.z) for side in (-1, 1))
    view.wall(left, right, middle + crown * 1.3, leaves, Label.VEGETATION)


def post(view: View, place: Spot, kind: Label) -> None:
    """A pole with a street lamp, a traffic sign, or lights of which one shines."""
    up = {Label.POLE: 6.5, Label.TRAFFIC_LIGHT: 3.2}.get(kind, view.rng.uniform(2.3, 2.8))
    view.limb(place, ((0, 0, 0), (0, up, 0)), 0.055, METAL, Label.POLE)
    color, outer, inner, high = SIGNS[view.rng.integers(len(SIGNS))]
    discs = [(up, 0.42, 0.42, outer, color), (up, 0.28, 0.09 * high, inner, WHITE)]
    if kind == Label.POLE:
        arm, discs = (-1.7 * np.sign(place.x), 6.8, 0), []
        view.limb(place, ((0, up, 0), arm), 0.06, METAL * (4 if view.dusk else 1.2), kind)
    elif kind == Label.TRAFFIC_LIGHT:
        lamps = rgb("33ffb3 ffff26 ff261a") * view.rng.permutation([[1.6], [0.2], [0.2]])
        discs = [(2.6 + 0.3 * i, 0.12, 0.12, 10, lamp) for i, lamp in enumerate(lamps)]
        discs.insert(0, (2.9, 0.28, 0.7, 4, BLACK))
    for y, width, height, sides, color in discs:
        corners = ring(sides) if sides != 4 else ring(8)[1::2]
        points = corners @ ((width, 0, 0), (0, height, 0)) + np.array((0, y, -0.1))
        view.face(place, points, color, kind)
