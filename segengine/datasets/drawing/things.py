"""Clutter around the drawn pets: cushions, balls, fleeces and posts.

A thing is (colours, opacity), so that it can be laid behind the pet or in front of it.
"""

from __future__ import annotations

import math

import numpy as np

from segengine.datasets.drawing.textures import (
    FloatArray,
    Size,
    blur,
    leaning_streaks,
    lit,
    mix,
    pick_colour,
    pixel_grid,
    shift,
    smooth_noise,
    smoothstep,
)

Thing = tuple[FloatArray, FloatArray]  # colours (H, W, 3) and opacity (H, W), both in 0..1


def padded(
    rng: np.random.Generator,
    size: Size,
    centre: tuple[float, float],
    half: tuple[float, float],
    colour: FloatArray,
    turn: float,
    fabric: float,
) -> Thing:
    """A stuffed rectangle: a cushion or a part of a sofa. `half` is its half width and height."""
    y, x = pixel_grid(size)
    dx, dy = x - centre[0], y - centre[1]
    u = np.abs(dx * math.cos(turn) + dy * math.sin(turn))
    v = np.abs(dy * math.cos(turn) - dx * math.sin(turn))
    corner = 0.45 * min(half)
    out_x, out_y = u - half[0] + corner, v - half[1] + corner
    outside = np.hypot(np.maximum(out_x, 0), np.maximum(out_y, 0))
    distance = outside + np.minimum(np.maximum(out_x, out_y), 0) - corner
    bulge = smoothstep(-distance, 0, 0.5 * min(half))
    slant = np.clip(-(dy / half[1]) * 0.14 - (dx / half[0]) * 0.08, -0.3, 0.3)
    weave = leaning_streaks(rng, size, rng.uniform(0, math.pi), 0.4, int(rng.integers(0, 5)))
    shade = 0.72 + 0.33 * bulge + slant + fabric * weave
    return lit(colour, np.asarray(shade, np.float32)), np.clip(0.5 - distance, 0, 1)


def cushion(
    rng: np.random.Generator, size: Size, centre: tuple[float, float], radius: float
) -> Thing:
    """A cushion, plain or striped."""
    half = (radius * rng.uniform(0.9, 1.4), radius * rng.uniform(0.7, 1.0))
    thing, opacity = padded(rng, size, centre, half, pick_colour(rng), rng.uniform(-0.6, 0.6), 0.07)
    if rng.random() < 0.5:
        y, x = pixel_grid(size)
        turn, gap = rng.uniform(0, math.pi), rng.uniform(0.25, 0.6) * radius
        wave = np.sin((x * math.cos(turn) + y * math.sin(turn)) * (2 * math.pi / gap))
        striped = thing * pick_colour(rng) * 1.5
        thing = mix(thing, np.asarray(striped, np.float32), smoothstep(wave, 0.0, 0.4))
    return thing, opacity


def ball(rng: np.random.Generator, size: Size, centre: tuple[float, float], radius: float) -> Thing:
    """A shaded ball, at times with a band."""
    radius *= 0.6
    y, x = pixel_grid(size)
    dx, dy = (x - centre[0]) / radius, (y - centre[1]) / radius
    off = np.hypot(dx, dy)
    height = np.sqrt(np.clip(1 - off**2, 0, 1))
    shade = 0.55 + 0.5 * np.clip(-0.4 * dx - 0.6 * dy + 0.7 * height, -0.3, 1)
    colour = (
        pick_colour(rng) if rng.random() < 0.6 else rng.uniform(0.15, 0.85, 3).astype(np.float32)
    )
    band = smoothstep(np.abs(dx * 0.6 + dy), 0.3, 0.2) * np.float32(rng.integers(2))
    base = mix(np.broadcast_to(colour, (*size, 3)), pick_colour(rng), band)
    return lit(base, shade), np.clip(0.5 - (off - 1) * radius, 0, 1)


def plush(
    rng: np.random.Generator, size: Size, centre: tuple[float, float], radius: float
) -> Thing:
    """A furry pouffe or rolled fleece without a face: fur alone must not give the pet away."""
    y, x = pixel_grid(size)
    turn, stretch = rng.uniform(-0.5, 0.5), rng.uniform(0.5, 0.9)
    dx, dy = x - centre[0], y - centre[1]
    u = (dx * math.cos(turn) + dy * math.sin(turn)) / radius
    v = (dy * math.cos(turn) - dx * math.sin(turn)) / (radius * stretch)
    off = np.hypot(u, v)
    hair = leaning_streaks(
        rng, size, math.pi / 2 + rng.normal(0, 0.5), 1.5, int(rng.integers(3, 6))
    )
    height = np.sqrt(np.clip(1 - off**2, 0, 1))
    shade = (0.58 + 0.45 * np.clip(height - 0.35 * v - 0.2 * u, -0.2, 1)) * (1 + 0.11 * hair)
    base = np.broadcast_to(pick_colour(rng), (*size, 3))
    blotches = smooth_noise(rng, size, radius / 1.5) + np.float32(rng.uniform(-1.2, 0.2))
    base = mix(base, pick_colour(rng), smoothstep(blotches, 0.0, 0.2))
    return lit(base, shade), np.clip(0.5 - (off - 1) * radius * stretch + 1.2 * hair, 0, 1)


def furniture(rng: np.random.Generator, size: Size) -> Thing:
    """A post, door frame or table leg from the top of the frame to the bottom."""
    y, x = pixel_grid(size)
    offset = x - size[1] * rng.uniform(0, 1) + (y - size[0] / 2) * rng.normal(0, 0.05)
    half = size[1] * rng.uniform(0.02, 0.1)
    grain = leaning_streaks(rng, size, math.pi / 2, 0.1, 8)
    shade = 1 - 0.3 * np.abs(offset / half - 0.4) + 0.05 * grain
    opacity = np.clip(0.5 + half - np.abs(offset), 0, 1)
    return lit(pick_colour(rng), np.clip(shade, 0.3, 1.2)), opacity


def lay(scene: FloatArray, thing: Thing, shadow: float) -> FloatArray:
    """The thing on the scene, over a soft shadow of its own."""
    colours, opacity = thing
    cast = blur(shift(opacity, 3, 2), 4)
    return mix(lit(scene, 1 - np.float32(shadow) * cast), colours, opacity)


THINGS = (cushion, ball, plush, plush)


def place_thing(rng: np.random.Generator, size: Size, low: float, high: float) -> Thing:
    """Something soft or round, its centre between `low` and `high` of the frame's height."""
    centre = (size[1] * rng.uniform(-0.05, 1.05), size[0] * rng.uniform(low, high))
    radius = min(size) * rng.uniform(0.1, 0.26)
    return THINGS[rng.integers(len(THINGS))](rng, size, centre, radius)
