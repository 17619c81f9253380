"""From bones to a furry pet: shapes, light, coat and hair.

The limbs are first painted, back to front, into a `Pelt` (shape, colour, light and hair direction
of every pixel); hair is then combed through the whole pelt at once, which also frays its outline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from segengine.datasets.drawing.poses import Limb
from segengine.datasets.drawing.textures import (
    FloatArray,
    Size,
    fractal_noise,
    mix,
    pick_colour,
    pixel_grid,
    smooth_noise,
    smoothstep,
    streaks,
)

FAR = 1e3  # pixels: farther from the pet than any frame is wide
FRIZZ = {"ear": 0.3, "head": 0.6, "leg": 0.6}


@dataclass(frozen=True)
class Coat:
    """Colours, each (3,) in 0..1, and pattern of one pet."""

    base: FloatArray
    marking: FloatArray
    pale: FloatArray  # belly, muzzle, socks
    pattern: str  # solid, tabby, patches, tuxedo, points or saddle
    stripe_gap: float  # between stripes, in skull radii
    fluff: float  # length of the hair that frays the outline, in skull radii
    patches: FloatArray  # (H, W), above 0 inside a patch


@dataclass(frozen=True)
class Shape:
    """A limb on a window of the frame; every field is (h, w)."""

    window: tuple[slice, slice]
    distance: FloatArray  # pixels to the outline, negative inside
    normal: tuple[FloatArray, FloatArray]  # x and y of the surface normal, in -1..1
    axis: tuple[FloatArray, FloatArray]  # direction of the bones
    along: FloatArray  # pixels from the first bone's start
    length: float  # of all bones, in pixels


@dataclass
class Pelt:
    """What is known of the pet at each pixel of the frame."""

    distance: FloatArray  # (H, W) pixels to the outline, negative inside
    colour: FloatArray  # (H, W, 3)
    light: FloatArray  # (H, W), 1 is neutral
    hair_x: FloatArray  # (H, W)
    hair_y: FloatArray  # (H, W)
    frizz: FloatArray  # (H, W), share of the coat's fluff: less on ears and faces

    @classmethod
    def bare(cls, size: Size) -> Pelt:
        """No pet yet."""
        fields = [np.zeros(size, np.float32) for _ in range(4)]
        return cls(np.full(size, FAR, np.float32), np.zeros((*size, 3), np.float32), *fields)


def choose_coat(
    rng: np.random.Generator, patterns: tuple[str, ...], fluff: tuple[float, float], size: Size
) -> Coat:
    """A coat with one of the breed's patterns; markings are always told apart from the base."""
    base = pick_colour(rng)
    pattern = str(rng.choice(patterns))
    if pattern == "tabby":
        base = np.clip(base, 0.25, 0.8)
        marking = base * rng.uniform(0.35, 0.6)
    else:
        marking = max(
            (pick_colour(rng) for _ in range(3)), key=lambda c: abs(float((c - base).sum()))
        )
    pale = np.clip(base * 0.5 + np.float32(rng.uniform(0.4, 0.5)), 0, 0.95)
    return Coat(
        base.astype(np.float32),
        marking.astype(np.float32),
        pale.astype(np.float32),
        pattern,
        stripe_gap=rng.uniform(0.32, 0.55),
        fluff=rng.uniform(*fluff),
        patches=smooth_noise(rng, size, max(size) / rng.uniform(4, 7)) - np.float32(0.1),
    )


def limb_window(limb: Limb, size: Size, margin: float) -> tuple[slice, slice] | None:
    """The part of the frame a limb can reach, None when it lies outside."""
    ends = [(p, r + margin) for b in limb.bones for p, r in ((b[0], b[2]), (b[1], b[3]))]
    left, right = min(p[0] - r for p, r in ends), max(p[0] + r for p, r in ends)
    top, bottom = min(p[1] - r for p, r in ends), max(p[1] + r for p, r in ends)
    rows = slice(max(0, int(top)), max(0, min(size[0], int(bottom) + 1)))
    columns = slice(max(0, int(left)), max(0, min(size[1], int(right) + 1)))
    empty = rows.start >= rows.stop or columns.start >= columns.stop
    return None if empty else (rows, columns)


def limb_shape(limb: Limb, size: Size, melt: float) -> Shape | None:
    """Melts the limb's bones into one shape; `melt` pixels is the softness of the joints."""
    window = limb_window(limb, size, margin=melt * 3 + 6)
    if window is None:
        return None
    rows, columns = window
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    x = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :]
    sums = [np.zeros((y.size, x.size), np.float32) for _ in range(6)]
    travelled = 0.0
    for (ax, ay), (bx, by), start_radius, end_radius in limb.bones:
        dx, dy = bx - ax, by - ay
        length = max(math.hypot(dx, dy), 1e-3)
        t = np.clip(((x - ax) * dx + (y - ay) * dy) / length**2, 0, 1)
        radius = start_radius + t * (end_radius - start_radius)
        off_x, off_y = x - ax - t * dx, y - ay - t * dy
        from_axis = np.sqrt(off_x * off_x + off_y * off_y)
        weight = np.exp(np.clip((radius - from_axis) / melt, -40, 40))
        unit = weight / np.maximum(radius, from_axis)
        parts = (weight, off_x * unit, off_y * unit)
        bone = (weight * (dx / length), weight * (dy / length), weight * (travelled + t * length))
        for total, part in zip(sums, (*parts, *bone), strict=True):
            total += part
        travelled += length
    total, normal_x, normal_y, axis_x, axis_y, along = sums
    distance = -melt * np.log(total)
    normal = (normal_x / total, normal_y / total)
    return Shape(
        window, distance, normal, (axis_x / total, axis_y / total), along / total, travelled
    )


def coat_colour(coat: Coat, kind: str, shape: Shape, unit: float, wobble: FloatArray) -> FloatArray:
    """Colour of a limb before light and hair, (h, w, 3); `unit` is the skull's radius in pixels."""
    colour = np.broadcast_to(coat.base, (*shape.along.shape, 3))
    reach = shape.along / max(shape.length, 1e-3) + 0.1 * wobble  # 0 at the root, 1 at the tip
    if coat.pattern == "tabby" and kind != "muzzle":
        wave = np.sin(shape.along * (2 * math.pi / (coat.stripe_gap * unit)) + 2.5 * wobble)
        colour = mix(colour, coat.marking, smoothstep(wave, 0.0, 0.7) * np.float32(0.85))
    if coat.pattern in ("patches", "tuxedo"):
        patch = smoothstep(coat.patches[shape.window] + 0.1 * wobble, -0.05, 0.05)
        colour = mix(colour, coat.marking, patch)
    if coat.pattern == "points" and kind in ("leg", "tail", "ear", "muzzle"):
        strength = np.ones_like(reach) if kind in ("ear", "muzzle") else reach
        colour = mix(colour, coat.marking, smoothstep(strength, 0.2, 0.7))
    if coat.pattern == "saddle" and kind in ("body", "tail", "ear"):
        back = shape.normal[1] + 0.25 * wobble
        colour = mix(colour, coat.marking, smoothstep(back, 0.25, -0.1))
    if coat.pattern in ("tuxedo", "saddle", "tabby") and kind == "leg":
        colour = mix(colour, coat.pale, smoothstep(reach, 0.55, 0.8))
    if kind == "muzzle" and coat.pattern != "points":
        colour = mix(colour, coat.pale, np.full_like(reach, 0.8))
    if kind == "body":  # bellies are paler, which also hides where the shadow begins
        belly = smoothstep(shape.normal[1] + 0.2 * wobble, 0.35, 0.9)
        colour = mix(colour, coat.pale, belly * np.float32(0.6))
    return colour.astype(np.float32)


def paint_limb(
    pelt: Pelt, limb: Limb, coat: Coat, sun: FloatArray, unit: float, wobble: FloatArray
) -> None:
    """Paints one limb over the pelt; `sun` is the unit vector (x, y, z) towards the light."""
    melt = unit * (0.03 if limb.kind == "ear" else 0.16)
    shape = limb_shape(limb, pelt.distance.shape, melt)
    if shape is None:
        return
    window, (normal_x, normal_y) = shape.window, shape.normal
    known, local = pelt.distance[window], wobble[window]
    cover = np.clip(0.5 - (shape.distance + 0.05 * unit * local) / 2, 0, 1)
    nearest = (known > 0) & (shape.distance < known)
    cover[nearest] = 1  # beyond every outline the nearest limb lends its colour to frayed hair

    # A soft dark seam where this limb lies over those behind it.
    seam = np.exp(-np.maximum(shape.distance, 0) / (0.16 * unit))
    pelt.light[window] *= 1 - np.float32(0.3) * seam

    normal_z = np.sqrt(np.clip(1 - normal_x**2 - normal_y**2, 0, 1))
    facing = normal_x * sun[0] + normal_y * sun[1] + normal_z * sun[2]
    light = limb.brightness * (0.72 + 0.45 * np.maximum(facing, -0.25))
    colour = coat_colour(coat, limb.kind, shape, unit, local)

    # Hair follows the bones, except on the head, where it grows away from the face's middle.
    follow = np.float32(0.15 if limb.kind in ("head", "muzzle") else 1.0)
    hair_x = shape.axis[0] * follow + normal_x * np.float32(0.8)
    hair_y = shape.axis[1] * follow + normal_y * np.float32(0.8) + np.float32(0.25)
    pelt.colour[window] = mix(pelt.colour[window], colour, cover)
    frizz = np.full_like(light, FRIZZ.get(limb.kind, 1.0))
    values = (light, hair_x, hair_y, frizz)
    fields = (pelt.light, pelt.hair_x, pelt.hair_y, pelt.frizz)
    for field, value in zip(fields, values, strict=True):
        field[window] += (value - field[window]) * cover
    pelt.distance[window] = np.minimum(known, shape.distance)


def comb(rng: np.random.Generator, pelt: Pelt, unit: float) -> FloatArray:
    """Hair over the whole frame, (H, W) of spread about 1: fine strands upon thicker locks."""
    norm = np.hypot(pelt.hair_x, pelt.hair_y) + np.float32(1e-3)
    across, down = pelt.hair_x / norm, pelt.hair_y / norm
    length = int(np.clip(unit * 0.14, 2, 7))
    fine = streaks(rng, across, down, length)
    # Locks are the same at half the resolution, so twice as wide.
    half = streaks(rng, across[::2, ::2], down[::2, ::2], length)
    locks = np.repeat(np.repeat(half, 2, axis=0), 2, axis=1)[: norm.shape[0], : norm.shape[1]]
    return 0.65 * fine + 0.6 * locks


def finish_pelt(
    rng: np.random.Generator, pelt: Pelt, coat: Coat, unit: float
) -> tuple[FloatArray, FloatArray]:
    """Colours (H, W, 3) and opacity (H, W) in 0..1 of the pet, its outline frayed by its hair."""
    hair = comb(rng, pelt, unit)
    contrast = np.float32(rng.uniform(0.07, 0.15))
    shade = pelt.light * (1 + contrast * hair + 0.06 * fractal_noise(rng, hair.shape, unit))
    fray = pelt.distance - np.float32(coat.fluff * unit) * pelt.frizz * (0.5 + 0.6 * hair)
    opacity = np.clip(0.5 - fray / 1.6, 0, 1)
    return np.clip(pelt.colour * shade[..., None], 0, 1), opacity


def ellipse(
    size: Size, centre: tuple[float, float], radii: tuple[float, float], tilt: float = 0.0
) -> FloatArray:
    """Opacity (H, W) of a smooth-edged ellipse; radii in pixels."""
    y, x = pixel_grid(size)
    dx, dy = x - centre[0], y - centre[1]
    along = (dx * math.cos(tilt) + dy * math.sin(tilt)) / radii[0]
    down = (dy * math.cos(tilt) - dx * math.sin(tilt)) / radii[1]
    edge = (np.sqrt(along * along + down * down) - 1) * min(radii)
    return np.clip(0.5 - edge, 0, 1).astype(np.float32)
