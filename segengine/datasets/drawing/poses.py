"""How a drawn pet sits, stands or lies: skeletons of tapered bones, before any colour.

A pose is drawn in pet units (about one unit tall, x to the right, y down, looking right) and then
placed in the frame in pixels. Limbs are listed back to front.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from segengine.datasets.drawing.textures import Size

Point = tuple[float, float]


class Bone(NamedTuple):
    """A rounded segment whose radius changes from one end to the other."""

    start: Point
    end: Point
    start_radius: float
    end_radius: float


@dataclass(frozen=True)
class Limb:
    """Bones that melt into one soft shape."""

    kind: str  # body, leg, tail, head, muzzle or ear
    bones: tuple[Bone, ...]
    brightness: float = 1.0  # below 1 for the legs on the far side


@dataclass(frozen=True)
class Head:
    """Where the face goes. `size` is the skull's radius."""

    centre: Point
    size: float
    yaw: float  # -1 looks left, 1 looks right
    tilt: float  # radians
    asleep: bool = False


@dataclass(frozen=True)
class Pose:
    """A whole pet: limbs behind the head, the head, and limbs in front of it."""

    behind: tuple[Limb, ...]
    head: Head
    front: tuple[Limb, ...] = ()


def chain(points: list[Point], radii: list[float]) -> tuple[Bone, ...]:
    """Bones through the points, one radius a point."""
    ends = zip(points, points[1:], radii, radii[1:], strict=False)
    return tuple(Bone(a, b, ra, rb) for a, b, ra, rb in ends)


def tail(points: list[Point], thick: float, thin: float) -> Limb:
    """A tail along the Bezier curve of four points."""
    p0, p1, p2, p3 = (np.array(p) for p in points)
    ts = np.linspace(0, 1, 7)
    path = [
        (1 - t) ** 3 * p0 + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * p3
        for t in ts
    ]
    radii = [float(thick + (thin - thick) * t) for t in ts]
    return Limb("tail", chain([(float(x), float(y)) for x, y in path], radii))


def leg(hip: Point, knee: Point, paw: Point, radius: float, brightness: float = 1.0) -> Limb:
    """A leg with a small foot that points to the right."""
    foot = (paw[0] + 0.06, paw[1] + 0.01)
    radii = [radius * 1.35, radius, radius * 0.85, radius * 0.9]
    return Limb("leg", chain([hip, knee, paw, foot], radii), brightness)


def standing(rng: np.random.Generator, bulk: float) -> Pose:
    """Seen from the side, standing or walking."""
    stride = rng.uniform(-0.16, 0.16, 4)
    length, drop = rng.uniform(0.3, 0.42), rng.uniform(0.52, 0.66)
    radius = 0.068 * bulk

    def front_leg(step: float, brightness: float) -> Limb:
        knee = (length + step * 0.3 + 0.02, drop * 0.5)
        return leg((length - 0.02, 0.05), knee, (length + step, drop), radius, brightness)

    def hind_leg(step: float, brightness: float) -> Limb:
        knee = (-length + 0.07 + step * 0.3, drop * 0.48)
        return leg((-length, 0.04), knee, (-length - 0.04 + step, drop), radius * 1.1, brightness)

    lift = rng.uniform(-0.05, 0.16)
    head = (length + rng.uniform(0.17, 0.27), -0.36 + lift)
    belly = chain(
        [(-length, 0.0), (0.0, 0.03), (length, -0.02)],
        [0.2 * bulk, 0.18 * bulk, 0.215 * bulk],
    )
    neck = chain([(length + 0.02, -0.06), head], [0.18 * bulk, 0.14])
    up = rng.uniform(-0.55, 0.25)
    start = (-length - 0.12, -0.06)
    bend = [start, (-length - 0.32, 0.02), (-length - 0.42, up * 0.6), (-length - 0.26, up)]
    limbs = (
        front_leg(stride[0], 0.72),
        hind_leg(stride[1], 0.72),
        tail(bend, 0.06 * bulk, 0.045),
        Limb("body", belly + neck),
        hind_leg(stride[2], 1.0),
        front_leg(stride[3], 1.0),
    )
    return Pose(limbs, Head(head, 0.19, rng.uniform(-0.2, 0.9), rng.uniform(-0.25, 0.3)))


def sitting_front(rng: np.random.Generator, bulk: float) -> Pose:
    """Sitting and looking at the camera."""
    lean, width = rng.uniform(-0.06, 0.06), rng.uniform(0.08, 0.12)
    side = rng.choice([-1.0, 1.0])
    reach = rng.uniform(0.4, 0.7)
    curl = [(side * 0.2, 0.5), (side * reach, 0.62), (side * (reach + 0.12), 0.35)]
    wag = tail([*curl, (side * reach, rng.uniform(0.05, 0.35))], 0.06 * bulk, 0.042)
    torso = chain(
        [(lean, -0.22), (lean * 0.6, 0.02), (0.0, 0.36)], [0.15, 0.21 * bulk, 0.27 * bulk]
    )
    haunches = [
        Limb("body", (Bone((s * 0.22, 0.4), (s * 0.25, 0.54), 0.14 * bulk, 0.1),)) for s in (-1, 1)
    ]
    legs = [
        Limb(
            "leg",
            chain(
                [(s * width, 0.08), (s * width, 0.4), (s * (width + 0.01), 0.58)],
                [0.1 * bulk, 0.075 * bulk, 0.078],
            ),
        )
        for s in (-1, 1)
    ]
    head = Head((lean * 2, -0.42), 0.21, rng.uniform(-0.6, 0.6), rng.normal(0, 0.16))
    return Pose((wag, Limb("body", torso), *haunches, *legs), head)


def sitting_side(rng: np.random.Generator, bulk: float) -> Pose:
    """Sitting, seen from the side, the tail on the floor or up."""
    chest = (0.13, -0.04)
    slope = chain(
        [(-0.2, 0.36), (-0.06, 0.12), chest, (0.17, -0.3)],
        [0.25 * bulk, 0.22 * bulk, 0.19 * bulk, 0.14],
    )
    paw = 0.2 + rng.uniform(-0.03, 0.1)
    up = rng.uniform(-0.1, 0.62)
    brush = tail([(-0.38, 0.48), (-0.6, 0.6), (-0.75, up), (-0.85, up)], 0.06 * bulk, 0.042)
    limbs = (
        brush,
        leg((0.18, 0.02), (0.22, 0.32), (paw + 0.07, 0.58), 0.068 * bulk, 0.75),
        Limb("body", slope),
        leg((0.12, 0.05), (0.15, 0.33), (paw - 0.05, 0.6), 0.072 * bulk),
        Limb("body", (Bone((-0.14, 0.38), (-0.06, 0.46), 0.2 * bulk, 0.15 * bulk),)),
        Limb("leg", (Bone((-0.1, 0.58), (0.06, 0.6), 0.065, 0.06),)),
    )
    head = Head((0.22, -0.42), 0.2, rng.uniform(-0.3, 0.9), rng.normal(0.05, 0.15))
    return Pose(limbs, head)


def lying(rng: np.random.Generator, bulk: float) -> Pose:
    """Stretched out, front paws forward, head up or down."""
    head = (rng.uniform(0.42, 0.56), rng.uniform(-0.28, 0.02))
    torso = chain(
        [(-0.42, 0.14), (-0.05, 0.1), (0.3, 0.08), head],
        [0.21 * bulk, 0.2 * bulk, 0.19 * bulk, 0.13],
    )
    up = rng.uniform(-0.15, 0.32)
    paws = [
        Limb(
            "leg",
            chain([(0.26, 0.2), (0.5, 0.26 + dy), (reach, 0.27 + dy)], [0.09 * bulk, 0.06, 0.062]),
            brightness,
        )
        for dy, reach, brightness in ((-0.03, 0.8, 0.78), (0.02, rng.uniform(0.66, 0.82), 1.0))
    ]
    brush = tail([(-0.56, 0.2), (-0.75, 0.32), (-0.9, 0.2), (-0.95, up)], 0.055 * bulk, 0.042)
    haunch = Limb("body", (Bone((-0.38, 0.14), (-0.3, 0.2), 0.2 * bulk, 0.13 * bulk),))
    foot = Limb("leg", (Bone((-0.3, 0.29), (-0.1, 0.31), 0.065, 0.058),))
    limbs = (brush, paws[0], Limb("body", torso), haunch, foot, paws[1])
    return Pose(limbs, Head(head, 0.19, rng.uniform(-0.3, 0.8), rng.normal(0, 0.2)))


def curled(rng: np.random.Generator, bulk: float) -> Pose:
    """Asleep in a ring, the tail round the front."""
    turn = np.linspace(0.3, 1.75, 6) * math.pi
    ring = [(float(0.3 * np.cos(a)), float(0.2 * np.sin(a))) for a in turn]
    radii = [0.17 * bulk, 0.21 * bulk, 0.22 * bulk, 0.22 * bulk, 0.2 * bulk, 0.17]
    ends = [(-0.2, 0.36), (0.05, 0.46), (0.32, 0.42), (rng.uniform(0.4, 0.6), 0.3)]
    body = Limb("body", chain(ring, radii))
    filling = Limb("body", (Bone((-0.05, 0.0), (0.15, 0.05), 0.2 * bulk, 0.2),), 0.85)
    head = Head((0.27, 0.1), 0.19, rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.5), asleep=True)
    return Pose((filling, body), head, (tail(ends, 0.065 * bulk, 0.05),))


def loaf(rng: np.random.Generator, bulk: float) -> Pose:
    """Crouching and facing the camera, paws under the chin."""
    skew = rng.uniform(-0.2, 0.2)
    body = chain([(-0.16 + skew, 0.06), (0.0, 0.12), (0.18 + skew, 0.06)], [0.24 * bulk] * 3)
    paws = [Limb("leg", (Bone((s * 0.1, 0.22), (s * 0.12, 0.36), 0.08, 0.075),)) for s in (-1, 1)]
    side = rng.choice([-1.0, 1.0])
    curl = [(side * 0.3, 0.2), (side * 0.5, 0.36), (side * 0.62, 0.34), (side * 0.66, 0.1)]
    limbs = (tail(curl, 0.055 * bulk, 0.042), Limb("body", body), *paws)
    return Pose(limbs, Head((skew * -0.3, -0.1), 0.2, rng.uniform(-0.5, 0.5), rng.normal(0, 0.15)))


POSES: tuple[Callable[[np.random.Generator, float], Pose], ...] = (
    standing,
    sitting_front,
    sitting_side,
    lying,
    curled,
    loaf,
)


def bounds(pose: Pose) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a pose, ears included, in the pose's own units."""
    (x, y), reach = pose.head.centre, pose.head.size * 1.5
    boxes = [(x - reach, y - reach, x + reach, y + reach * 0.7)]
    for limb in (*pose.behind, *pose.front):
        for bone in limb.bones:
            ends = ((bone.start, bone.start_radius), (bone.end, bone.end_radius))
            boxes += [(px - r, py - r, px + r, py + r) for (px, py), r in ends]
    low, high = np.min(boxes, axis=0), np.max(boxes, axis=0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])


def place(pose: Pose, rng: np.random.Generator, size: Size) -> Pose:
    """The pose in pixels: turned, mirrored, scaled and moved, at times partly out of frame."""
    left, top, right, bottom = bounds(pose)
    middle = ((left + right) / 2, (top + bottom) / 2)
    fit = min(size[1] / (right - left), size[0] / (bottom - top))
    close_up = rng.random() < 0.45
    scale = fit * float(rng.uniform(1.02, 1.6) if close_up else rng.uniform(0.74, 1.02))
    if scale > fit * 1.15:  # faces, not bellies, are what people frame
        face = pose.head.centre
        middle = ((middle[0] + face[0]) / 2, (middle[1] + face[1]) / 2)
    spare_x = max(0.0, size[1] - scale * (right - left)) / 2 + 0.06 * size[1]
    spare_y = max(0.0, size[0] - scale * (bottom - top)) / 2 + 0.04 * size[0]
    target = (
        size[1] / 2 + rng.uniform(-1, 1) * spare_x,
        size[0] / 2 + rng.uniform(-0.1, 1) * spare_y,  # low: pets stand on the ground
    )
    turn = float(rng.normal(0, 0.35 if pose.head.asleep else 0.09))
    return transform(pose, middle, target, scale, turn, mirror=float(rng.choice([-1.0, 1.0])))


def transform(
    pose: Pose, middle: Point, target: Point, scale: float, turn: float, mirror: float
) -> Pose:
    """Moves `middle` to `target`; `mirror` is -1 to face left, `turn` is in radians."""

    def move(point: Point) -> Point:
        x, y = (point[0] - middle[0]) * mirror, point[1] - middle[1]
        along = x * math.cos(turn) - y * math.sin(turn)
        down = x * math.sin(turn) + y * math.cos(turn)
        # Plain floats: a NumPy double would turn every picture-sized field into doubles.
        return float(target[0] + scale * along), float(target[1] + scale * down)

    def move_limb(limb: Limb) -> Limb:
        bones = [Bone(move(a), move(b), ra * scale, rb * scale) for a, b, ra, rb in limb.bones]
        return replace(limb, bones=tuple(bones))

    head = replace(
        pose.head,
        centre=move(pose.head.centre),
        size=pose.head.size * scale,
        yaw=pose.head.yaw * mirror,
        tilt=pose.head.tilt * mirror + turn,
    )
    return Pose(tuple(map(move_limb, pose.behind)), head, tuple(map(move_limb, pose.front)))
