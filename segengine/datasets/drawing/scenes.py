"""Where the drawn pets live: lawns, rooms, sofas, carpets and blankets, (H, W, 3) in 0..1."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from segengine.datasets.drawing.textures import (
    FloatArray,
    Size,
    blur,
    fractal_noise,
    leaning_streaks,
    lit,
    mix,
    pick_colour,
    pixel_grid,
    smooth_noise,
    smoothstep,
)
from segengine.datasets.drawing.things import furniture, lay, padded, place_thing

GRASSES = ((0.34, 0.43, 0.18), (0.52, 0.52, 0.27), (0.66, 0.58, 0.38), (0.24, 0.34, 0.2))
LEAVES = ((0.2, 0.3, 0.16), (0.34, 0.32, 0.2), (0.28, 0.24, 0.2), (0.42, 0.46, 0.3))


def lawn(rng: np.random.Generator, size: Size) -> FloatArray:
    """Blades of fresh or dry grass with tufts and bare spots."""
    blades = leaning_streaks(rng, size, -math.pi / 2, 0.6, int(rng.integers(3, 7)))
    tufts = fractal_noise(rng, size, max(size) / 5)
    green = np.array(GRASSES[rng.integers(len(GRASSES))], np.float32)
    other = np.array(GRASSES[rng.integers(len(GRASSES))], np.float32)
    base = mix(np.broadcast_to(green, (*size, 3)), other, smoothstep(tufts, -0.5, 1.2))
    return lit(base, 1 + 0.17 * blades + 0.12 * tufts)


def dirt(rng: np.random.Generator, size: Size) -> FloatArray:
    """Sand, gravel or a path."""
    grain = rng.standard_normal(size, np.float32)
    return lit(pick_colour(rng), 1 + 0.08 * grain + 0.12 * fractal_noise(rng, size, 30, 4))


def planks(rng: np.random.Generator, size: Size) -> FloatArray:
    """A wooden floor seen at a slant: boards with their own tone and grain."""
    y, x = pixel_grid(size)
    board = x / rng.uniform(14, 30) + y * rng.uniform(-0.05, 0.05)
    index, inside = np.floor(board).astype(int), board % 1
    tones = rng.normal(1, 0.09, 256).astype(np.float32)[index % 256]
    grain = leaning_streaks(rng, size, math.pi / 2, 0.1, 9)
    seam = 1 - 0.35 * np.exp(-np.minimum(inside, 1 - inside) * 14)
    return lit(pick_colour(rng), np.asarray(tones * seam * (1 + 0.06 * grain), np.float32))


def tiles(rng: np.random.Generator, size: Size) -> FloatArray:
    """Square tiles in two tones."""
    y, x = pixel_grid(size)
    side = rng.uniform(18, 40)
    u, v = x / side + y / side * rng.uniform(-0.4, 0.4), y / side * 1.4
    check = (np.floor(u) + np.floor(v)) % 2
    gap = np.minimum(np.minimum(u % 1, 1 - u % 1), np.minimum(v % 1, 1 - v % 1))
    shade = (1 + 0.06 * fractal_noise(rng, size, 25)) * (1 - 0.3 * np.exp(-gap * 18))
    light, dark = pick_colour(rng), pick_colour(rng)
    weight = np.asarray(check * rng.uniform(0.1, 0.8), np.float32)
    return lit(mix(np.broadcast_to(light, (*size, 3)), dark, weight), shade)


def carpet(rng: np.random.Generator, size: Size) -> FloatArray:
    """A woven carpet: stripes, diamonds or blotches in two or three colours."""
    y, x = pixel_grid(size)
    turn, gap = rng.uniform(-0.6, 0.6), rng.uniform(12, 38)
    warp = smooth_noise(rng, size, 60) * 3
    u = (x * math.cos(turn) + y * math.sin(turn) + warp) * (2 * math.pi / gap)
    v = (y * math.cos(turn) - x * math.sin(turn)) * (2 * math.pi / gap)
    kind = rng.integers(3)
    wave = (np.sin(u) + 0 * v, np.sin(u) * np.sin(v), smooth_noise(rng, size, gap) * 2)[kind]
    base = mix(
        np.broadcast_to(pick_colour(rng), (*size, 3)),
        pick_colour(rng),
        smoothstep(wave, -0.15, 0.15),
    )
    if rng.random() < 0.5:
        base = mix(base, pick_colour(rng), smoothstep(np.abs(wave), 0.75, 0.9))
    pile = leaning_streaks(rng, size, rng.uniform(0, math.pi), 0.5, 3)
    return lit(base, 1 + rng.uniform(0.06, 0.14) * pile)


def blanket(rng: np.random.Generator, size: Size) -> FloatArray:
    """A fluffy throw with folds, as hairy as the pet upon it."""
    folds = fractal_noise(rng, size, max(size) / rng.uniform(2, 5), 2)
    slope = np.gradient(folds, axis=1) * 12 + np.gradient(folds, axis=0) * 8
    hair = leaning_streaks(rng, size, rng.uniform(0, math.pi), 1.2, int(rng.integers(2, 6)))
    shade = np.clip(1 + 0.45 * slope, 0.5, 1.3) * (1 + rng.uniform(0.05, 0.14) * hair)
    base = np.broadcast_to(pick_colour(rng), (*size, 3))
    spots = smooth_noise(rng, size, max(size) / 5) + rng.uniform(-1.2, 0.3)
    return lit(
        mix(base, pick_colour(rng), smoothstep(np.asarray(spots, np.float32), 0.0, 0.2)), shade
    )


def wall(rng: np.random.Generator, size: Size) -> FloatArray:
    """Plaster, wallpaper, panels or bricks."""
    y, x = pixel_grid(size)
    base = np.broadcast_to(pick_colour(rng), (*size, 3))
    kind, gap = rng.integers(4), rng.uniform(10, 26)
    plaster = 1 + 0.05 * fractal_noise(rng, size, 40)
    if kind == 1:  # wallpaper
        wave = np.sin(x * (2 * math.pi / gap)) + 0 * y
        base = mix(base, pick_colour(rng), smoothstep(wave, 0.0, 0.3) * np.float32(0.6))
    if kind == 2:  # panels
        edge = np.minimum(x / (gap * 2) % 1, 1 - x / (gap * 2) % 1) + 0 * y
        plaster = plaster * (1 - 0.35 * np.exp(-edge * 22))
    if kind == 3:  # bricks
        row = np.floor(y / (gap * 0.5))
        u, v = x / gap + 0.5 * (row % 2), y / (gap * 0.5)
        edge = np.minimum(np.minimum(u % 1, 1 - u % 1) * 2, np.minimum(v % 1, 1 - v % 1))
        tones = rng.normal(1, 0.12, (64, 64)).astype(np.float32)
        plaster = plaster * tones[row.astype(int) % 64, np.floor(u).astype(int) % 64]
        base = mix(base, pick_colour(rng), smoothstep(edge, 0.14, 0.06))
    return lit(base, plaster)


def sky(rng: np.random.Generator, size: Size) -> FloatArray:
    """Blue or grey sky with soft clouds."""
    y, _ = pixel_grid(size)
    top = np.array((0.45, 0.62, 0.85), np.float32) * rng.uniform(0.8, 1.1)
    haze = np.array((0.86, 0.87, 0.88), np.float32)
    clouds = smoothstep(fractal_noise(rng, size, 60, 4), 0.0, 1.3) + 0.6 * y / size[0]
    return mix(np.broadcast_to(top, (*size, 3)), haze, np.clip(clouds, 0, 1))


def hedge(rng: np.random.Generator, size: Size) -> FloatArray:
    """Out-of-focus leaves with glimpses of light."""
    base = np.broadcast_to(np.array(LEAVES[rng.integers(len(LEAVES))], np.float32), (*size, 3))
    leaves = fractal_noise(rng, size, 22, 4)
    base = mix(base, pick_colour(rng), smoothstep(leaves, 0.6, 1.6))
    return blur(lit(base, np.clip(1 + 0.45 * leaves, 0.2, 2)), rng.uniform(0.5, 3))


def join(
    rng: np.random.Generator,
    above: FloatArray,
    below: FloatArray,
    low: float,
    high: float,
    ragged: float,
) -> FloatArray:
    """`above` over `below`, parted at a height between `low` and `high` (shares of the frame)."""
    size: Size = above.shape[:2]
    y, x = pixel_grid(size)
    line = size[0] * rng.uniform(low, high) + (x - size[1] / 2) * rng.normal(0, 0.03)
    depth = y - line + ragged * smooth_noise(rng, size, 12)
    scene = mix(above, below, smoothstep(depth, -1, 1))
    # What lies beyond the line is seen at a flat angle and stands in shade at its foot.
    return lit(scene, 1 - 0.25 * np.exp(-np.abs(depth) / 6))


def garden(rng: np.random.Generator, size: Size) -> FloatArray:
    """A lawn or path in front of sky, hedge, fence or house."""
    backdrop = (sky, sky, hedge, wall, planks)[rng.integers(5)](rng, size)
    ground = (lawn, lawn, dirt)[rng.integers(3)](rng, size)
    if rng.random() < 0.3:
        backdrop = join(rng, backdrop, hedge(rng, size), 0.05, 0.45, 4)
    return join(rng, backdrop, ground, 0.25, 0.7, 3)


def room(rng: np.random.Generator, size: Size) -> FloatArray:
    """A wall and a floor, with a skirting board at times."""
    floor = (planks, tiles, carpet, blanket)[rng.integers(4)](rng, size)
    backdrop = wall(rng, size)
    if rng.random() < 0.5:
        y, _ = pixel_grid(size)
        board = lit(pick_colour(rng), np.ones(size, np.float32))
        backdrop = mix(
            backdrop, board, np.broadcast_to(smoothstep(y, 0.3 * size[0], 0.32 * size[0]), size)
        )
    return join(rng, backdrop, floor, 0.35, 0.75, 0)


def sofa(rng: np.random.Generator, size: Size) -> FloatArray:
    """Seat and back cushions, filling the frame."""
    scene, colour = wall(rng, size), pick_colour(rng)
    height, width = size
    count = int(rng.integers(1, 4))
    fabric = rng.uniform(0.03, 0.1)
    rows = ((0.42, 0.36), (0.95, 0.3))
    for centre, half in rows:
        for index in range(-1, count + 1):
            x = width * (index + 0.5 + rng.normal(0, 0.02)) / count
            box = (width / count / 2, half * height)
            scene = lay(
                scene, padded(rng, size, (x, centre * height), box, colour, 0.0, fabric), 0.3
            )
    return scene


SCENES: tuple[Callable[[np.random.Generator, Size], FloatArray], ...] = (
    garden,
    garden,
    lawn,
    room,
    room,
    sofa,
    carpet,
    blanket,
)


def draw_scene(rng: np.random.Generator, size: Size) -> FloatArray:
    """A cluttered place without a pet, (H, W, 3) in 0..1."""
    scene = SCENES[rng.integers(len(SCENES))](rng, size)
    if rng.random() < 0.2:
        scene = lay(scene, furniture(rng, size), 0.4)
    for _ in range(int(rng.integers(0, 5))):
        scene = lay(scene, place_thing(rng, size, 0.4, 0.95), 0.4)
    return np.clip(scene, 0, 1)
