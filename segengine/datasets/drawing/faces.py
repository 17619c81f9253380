"""Heads of cats and dogs: skull, ears and muzzle as limbs, then eyes, nose and mouth.

Positions are in skull radii from the head's centre, x to the right and y down, before the head
is tilted.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from segengine.datasets.drawing.fur import ellipse
from segengine.datasets.drawing.poses import Bone, Head, Limb, Point, chain
from segengine.datasets.drawing.textures import FloatArray, Size, mix, pixel_grid

EYES = ((0.72, 0.62, 0.2), (0.45, 0.6, 0.3), (0.42, 0.58, 0.7), (0.75, 0.5, 0.18))
PINK = np.array((0.83, 0.56, 0.54), np.float32)
DARK = np.array((0.07, 0.06, 0.06), np.float32)


@dataclass(frozen=True)
class Face:
    """A head of one species in the frame, in pixels."""

    head: Head
    dog: bool
    floppy: bool

    def at(self, x: float, y: float, depth: float = 0.0) -> Point:
        """Frame position of a point of the face; what sticks out by `depth` moves with the yaw."""
        x += self.head.yaw * depth
        cos, sin, size = math.cos(self.head.tilt), math.sin(self.head.tilt), self.head.size
        centre_x, centre_y = self.head.centre
        return centre_x + size * (x * cos - y * sin), centre_y + size * (x * sin + y * cos)

    def limb(self, kind: str, points: list[Point], radii: list[float], depth: float = 0.0) -> Limb:
        """A limb through points of the face, radii in skull radii."""
        placed = [self.at(x, y, depth) for x, y in points]
        return Limb(kind, chain(placed, [r * self.head.size for r in radii]))


def ears(face: Face, spread: float) -> list[Limb]:
    """Both ears; `spread` moves the tips outwards."""
    limbs = []
    for side in (-1, 1):
        if face.dog and face.floppy:
            path = [(side * 0.72, -0.6), (side * 0.98, -0.2), (side * (1.0 + spread), 0.45)]
            limbs.append(face.limb("ear", path, [0.24, 0.32, 0.3], depth=-0.12))
        else:
            root, height = (0.5, -1.45) if face.dog else (0.56, -1.45)
            path = [(side * root, -0.4), (side * (root + 0.2 + spread), height)]
            limbs.append(face.limb("ear", path, [0.5, 0.03], depth=-0.15))
    return limbs


def head_limbs(face: Face, spread: float) -> list[Limb]:
    """The limbs of a head, back to front."""
    cheek, low = (0.26, 0.4) if face.dog else (0.42, 0.34)
    size = face.head.size
    cheeks = [
        Bone(face.at(s * cheek, low), face.at(s * cheek, low), 0.58 * size, 0.58 * size)
        for s in (-1, 1)
    ]
    skull = face.limb("head", [(-0.22, -0.08), (0.22, -0.08)], [0.88, 0.88])
    head = Limb("head", (*skull.bones, *cheeks))
    if face.dog:
        muzzle = face.limb("muzzle", [(0.0, 0.22), (0.0, 0.6)], [0.36, 0.42], depth=0.45)
        hanging = ears(face, spread)
        return [head, muzzle, *hanging] if face.floppy else [*hanging, head, muzzle]
    muzzle = face.limb("muzzle", [(-0.17, 0.52), (0.17, 0.52)], [0.25, 0.25], depth=0.3)
    return [*ears(face, spread), head, muzzle]


def paint_inner_ears(picture: FloatArray, face: Face, spread: float) -> FloatArray:
    """Pink shells inside upright ears."""
    if face.floppy:
        return picture
    size = face.head.size
    for side in (-1, 1):
        centre = face.at(side * (0.66 + 0.5 * spread), -0.93, -0.15)
        tilt = face.head.tilt + side * (0.2 + spread)
        shell = ellipse(picture.shape[:2], centre, (0.17 * size, 0.34 * size), tilt)
        picture = mix(picture, PINK * 0.8, shell * np.float32(0.45))
    return picture


def paint_eyes(picture: FloatArray, face: Face, rng: np.random.Generator) -> FloatArray:
    """Open eyes with pupil and glint, or the closed lids of a sleeper."""
    size, frame = face.head.size, picture.shape[:2]
    iris = np.array((0.3, 0.18, 0.1) if face.dog else EYES[rng.integers(len(EYES))], np.float32)
    wide, tall = (0.155, 0.15) if face.dog else (0.23, 0.18)
    slit = rng.uniform(0.25, 0.75)
    for side in (-1, 1):
        x, y = side * 0.42, -0.1
        centre, tilt = face.at(x, y, 0.2), face.head.tilt
        if face.head.asleep:
            lid = ellipse(frame, centre, (wide * 1.1 * size, 0.05 * size), tilt + side * 0.15)
            picture = mix(picture, DARK, lid * np.float32(0.8))
            continue
        rim = ellipse(frame, centre, (wide * 1.25 * size, tall * 1.25 * size), tilt + side * 0.2)
        picture = mix(picture, DARK, rim * np.float32(0.85))
        picture = mix(
            picture, iris, ellipse(frame, centre, (wide * size, tall * size), tilt + side * 0.2)
        )
        pupil_width = 0.6 * wide if face.dog else slit * wide
        pupil = ellipse(frame, centre, (pupil_width * size, tall * 0.85 * size), tilt)
        picture = mix(picture, DARK, pupil)
        glint = face.at(x + 0.06, y - 0.06, 0.2)
        shine = ellipse(frame, glint, (0.05 * size, 0.05 * size))
        picture = mix(picture, np.ones(3, np.float32), shine * np.float32(0.9))
    return picture


def paint_nose_and_mouth(picture: FloatArray, face: Face, rng: np.random.Generator) -> FloatArray:
    """Nose, the two curves of the mouth, and now and then a dog's tongue."""
    size, frame, tilt = face.head.size, picture.shape[:2], face.head.tilt
    depth = 0.55 if face.dog else 0.32
    top = 0.32 if face.dog else 0.36
    if face.dog and not face.head.asleep and rng.random() < 0.45:
        tongue = ellipse(frame, face.at(0.04, top + 0.62, depth), (0.14 * size, 0.24 * size), tilt)
        picture = mix(picture, PINK * 0.95, tongue)
    for side in (-1, 1):
        bend = [(0.0, 0.22), (side * 0.13, 0.31), (side * 0.25, 0.29), (side * 0.33, 0.2)]
        for (x0, y0), (x1, y1) in itertools.pairwise(bend):
            ends = face.at(x0, top + y0, depth), face.at(x1, top + y1, depth)
            curve = stroke(frame, *ends, 0.03 * size)
            picture = mix(picture, DARK, curve * np.float32(0.6))
    line = stroke(frame, face.at(0.0, top, depth), face.at(0.0, top + 0.22, depth), 0.03 * size)
    picture = mix(picture, DARK, line * np.float32(0.65))
    colour = DARK if face.dog or rng.random() < 0.4 else PINK * 0.85
    radii = (0.24 * size, 0.17 * size) if face.dog else (0.13 * size, 0.09 * size)
    picture = mix(picture, colour, ellipse(frame, face.at(0.0, top, depth), radii, tilt))
    shine = ellipse(
        frame, face.at(0.05, top - 0.05, depth), (radii[0] * 0.3, radii[1] * 0.25), tilt
    )
    return mix(picture, np.ones(3, np.float32), shine * np.float32(0.35))


def stroke(size: Size, start: Point, end: Point, radius: float) -> FloatArray:
    """Opacity (H, W) of a thin straight line; thinner than a pixel it fades instead."""
    y, x = pixel_grid(size)
    dx, dy = end[0] - start[0], end[1] - start[1]
    t = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / max(dx * dx + dy * dy, 1e-6), 0, 1)
    distance = np.hypot(x - start[0] - t * dx, y - start[1] - t * dy)
    return (np.clip(0.5 + max(radius, 0.5) - distance, 0, 1) * min(1.0, radius * 2)).astype(
        np.float32
    )


def paint_face(
    picture: FloatArray, face: Face, spread: float, rng: np.random.Generator
) -> FloatArray:
    """The pet's picture (H, W, 3) with its face on."""
    (x, y), reach = face.head.centre, 1.7 * face.head.size
    left, top = max(0, int(x - reach)), max(0, int(y - reach))
    window = slice(top, max(top, int(y + reach))), slice(left, max(left, int(x + reach)))
    part = picture[window]
    if part.size == 0:  # the frame cuts the head off
        return picture
    near = replace(face, head=replace(face.head, centre=(x - left, y - top)))
    part = paint_inner_ears(part, near, spread)
    part = paint_eyes(part, near, rng)
    whole = picture.copy()
    whole[window] = paint_nose_and_mouth(part, near, rng)
    return whole
