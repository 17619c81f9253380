"""Cars, trucks, buses, trams, cycles, and people who ride or walk: boxes and round limbs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from segengine.drawing.canvas import pick, rgb, ring
from segengine.drawing.perspective import Label, Spot, View

PAINTS = rgb("cccccc 8c8f94 595c61 242429 33456b 802421 9e917a 475c52 996b4c 6b3324")
GLASS, BLACK, CHROME = (0.16, 0.2, 0.25), (0.07, 0.07, 0.08), (0.6, 0.6, 0.62)
RED, WHITE, AMBER = (0.75, 0.08, 0.06), (0.95, 0.93, 0.86), (1.1, 0.8, 0.2)
SKIN, HAIR, TIRE = rgb("c79475 33241a 121214")
LOOP, CORNERS = ring(16)[[*range(16), 0]], np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
# Patches: on which sides (front, back, left, right); left, bottom, right and top in shares of the
# side; color. All are mirrored to the side's other half.
BODY = (
    ("lr", 0, 0, 1, 0.14, BLACK), ("fb", 0, 0, 1, 0.3, BLACK), ("fb", 0.03, -0.36, 0.17, 0, BLACK),
    ("fb", 0.36, 0.33, 0.64, 0.5, WHITE), ("b", 0.03, 0.58, 0.2, 0.88, RED),
    ("f", 0.3, 0.56, 0.7, 0.8, BLACK), ("f", 0.04, 0.56, 0.24, 0.82, WHITE),
)  # fmt: skip
CABIN = (("lr", 0.07, 0.12, 0.47, 0.86, GLASS), ("fb", 0.08, 0.12, 0.92, 0.88, GLASS))
LOAD = (
    ("lrfb", 0, -0.2, 1, 0, BLACK), ("b", 0.05, -0.36, 0.22, -0.2, BLACK),
    ("b", 0.06, -0.14, 0.2, -0.04, RED), ("b", 0.49, 0.03, 0.51, 0.97, BLACK),
)  # fmt: skip
CAB = (
    ("f", 0.06, 0.46, 0.94, 0.9, GLASS), ("lr", 0.2, 0.48, 0.8, 0.88, GLASS),
    ("f", 0.05, 0.03, 0.2, 0.13, WHITE), ("f", 0.2, 0.12, 0.8, 0.36, BLACK),
)  # fmt: skip
COACH = (
    ("lrfb", 0, 0, 1, 0.1, BLACK), ("fb", 0.05, -0.1, 0.2, 0, BLACK),
    *[("lr", 0.04 + 0.12 * i, 0.42, 0.14 + 0.12 * i, 0.84, GLASS) for i in range(4)],
    ("lr", 0.28, 0.06, 0.38, 0.84, GLASS), ("fb", 0.2, 0.84, 0.8, 0.96, BLACK),
    ("fb", 0.3, 0.87, 0.7, 0.93, AMBER), ("fb", 0.06, 0.38, 0.94, 0.8, GLASS),
    ("f", 0.05, 0.16, 0.2, 0.25, WHITE), ("b", 0.04, 0.16, 0.16, 0.32, RED),
)  # fmt: skip
# How wide, long and tall.
SIZES = {
    Label.CAR: (1.9, 4.4, 1.5), Label.TRUCK: (2.4, 7.4, 3.3), Label.BUS: (2.5, 11.4, 3.1),
    Label.TRAIN: (2.5, 27.0, 3.2), Label.RIDER: (0.4, 1.8, 1.6),
}  # fmt: skip
# Boxes: half the width and the height, each below and above; the ends from back to front; patches;
# the place of a wheel in shares of the length.
HULL = ((0.88, 0.86), (0.24, 0.9), (-2.2, -2.15, 2.05, 2.2), BODY, 0.19)
ROOFS = ((1.42, -1.7, -1.1, 0.5, 1.3), (1.5, -2.1, -1.7, 0.5, 1.35), (2, -2.15, -2.1, 1.1, 1.8))
MODELS: dict[Label, list[Any]] = {
    Label.CAR: [[HULL, ((0.83, 0.68), (0.9, top), ends, CABIN, 0)] for top, *ends in ROOFS],
    Label.TRUCK: [[((1.2, 1.2), (0.9, 3.3), (-3.7, -3.7, 1.5, 1.5), LOAD, 0.22),
                   ((1.2, 1.2), (0.45, 2.75), (1.7, 1.7, 3.5, 3.7), CAB, 0.5)]],
    Label.BUS: [[((1.25, 1.2), (0.3, 3.1), (-5.7, -5.6, 5.5, 5.7), COACH, 0.2)]],
    Label.TRAIN: [[((1.25, 1.1), (0.2, 3.2), (z - 4.4, z - 4.2, z + 4.2, z + 4.4), COACH, 0)
                   for z in (-9, 0, 9)]],
}  # fmt: skip
# Wheels: radius, how far from the middle, how much of them is open.
WHEELS = {Label.BICYCLE: (0.34, 0.54, 0.88), Label.MOTORCYCLE: (0.32, 0.7, 0.7)}
# Bars: coat or lacquer, trousers, skin, hair or black; the ends (right, up, ahead) and the radius.
# What is to the right is also to the left; of people on foot, the one ahead and the other behind.
BARS: dict[Label, list[Any]] = {
    Label.PERSON: [
        ("t", 0.1, 0.9, 0, 0.1, 0.48, 0.1, 0.085), ("t", 0.1, 0.48, 0.1, 0.1, 0.06, 0.3, 0.06),
        ("c", 0, 0.92, 0, 0, 1.36, 0, 0.18), ("c", 0.22, 1.38, 0, 0.25, 0.9, -0.25, 0.058),
        ("s", 0, 1.5, 0.02, 0, 1.65, 0.04, 0.1), ("h", 0, 1.7, 0, 0, 1.72, 0.02, 0.11),
    ],
    Label.RIDER: [
        ("t", 0.1, 0.95, -0.2, 0.1, 0.7, 0.2, 0.085), ("t", 0.1, 0.7, 0.2, 0.1, 0.3, 0.05, 0.06),
        ("c", 0, 1, -0.2, 0, 1.4, 0, 0.18), ("c", 0.22, 1.42, 0, 0.25, 1.05, 0.33, 0.06),
        ("s", 0, 1.55, 0.04, 0, 1.7, 0.08, 0.1), ("h", 0, 1.75, 0.04, 0, 1.78, 0.06, 0.11),
    ],
    Label.BICYCLE: [
        ("c", 0, 0.34, -0.54, 0, 0.3, 0, 0.025), ("c", 0, 0.3, 0, 0, 0.88, -0.2, 0.025),
        ("c", 0, 0.3, 0, 0, 0.84, 0.38, 0.025), ("c", 0, 0.8, -0.17, 0, 0.84, 0.38, 0.025),
        ("c", 0, 1, 0.34, 0, 0.34, 0.54, 0.025), ("b", 0, 0.9, -0.3, 0, 0.9, -0.1, 0.04),
        ("b", 0, 1, 0.33, 0.2, 1, 0.33, 0.025), ("b", 0, 0, -0.54, 0, 0.6, -0.54, 0.02),
    ],
    Label.MOTORCYCLE: [
        ("b", 0, 0.42, -0.35, 0, 0.48, 0.3, 0.19), ("b", 0, 0.78, -0.85, 0, 0.82, -0.1, 0.08),
        ("c", 0, 0.8, -0.1, 0, 0.88, 0.3, 0.15), ("h", 0, 0.32, 0.7, 0, 1.05, 0.42, 0.045),
        ("b", 0, 1.08, 0.35, 0.33, 1.08, 0.35, 0.03), ("b", 0, 0.05, -0.7, 0, 0.6, -0.7, 0.07),
    ],
}  # fmt: skip


def vehicle(view: View, place: Spot, label: Label) -> None:
    """A car, truck, bus or tram."""
    boxes = MODELS[label][view.rng.integers(len(MODELS[label]))]
    color, ahead = pick(view.rng, PAINTS), np.cos(place.turn)
    radius = 0.32 if label == Label.CAR else 0.46
    for part in sorted(boxes, key=lambda part: -ahead * round(sum(part[2]) / 12)):
        (b, t), (y0, y1), (z0, z1, z2, z3), patches, wheel = part
        sides = {
            "f": [(b, y0, z3), (-b, y0, z3), (-t, y1, z2), (t, y1, z2)],
            "b": [(-b, y0, z0), (b, y0, z0), (t, y1, z1), (-t, y1, z1)],
            "l": [(-b, y0, z3), (-b, y0, z0), (-t, y1, z1), (-t, y1, z2)],
            "r": [(b, y0, z0), (b, y0, z3), (t, y1, z2), (t, y1, z1)],
            "top": [(-t, y1, z1), (t, y1, z1), (t, y1, z2), (-t, y1, z2)],
        }
        for side, corners in sides.items():
            decals = decorate(patches, side)
            for along in (wheel, 1 - wheel) if wheel and side in "lr" else ():
                center, size = (along, (radius - y0) / (y1 - y0)), (z3 - z0, y1 - y0)
                for share, tint in ((1.1, BLACK), (0.55, CHROME)):
                    decals = [*decals, (LOOP * (radius * share) / size + center, tint)]
            view.face(place, corners, color, label, decals)
        color = pick(view.rng, PAINTS) if label == Label.TRUCK else color


@cache
def decorate(patches: tuple[Any, ...], side: str) -> list[Any]:
    """The shapes (N, 2) and colors of the patches on a side, with their mirror images."""
    return [
        (CORNERS * (right - left, top - bottom) + (start, bottom), tint)
        for sides, left, bottom, right, top, tint in patches
        for start in ({left, round(1 - right, 2)} if side in sides else ())
    ]


def figure(view: View, place: Spot, label: Label) -> None:
    """Somebody on foot or on a bicycle, or a parked bicycle or motorcycle."""
    if label == Label.RIDER:
        figure(view, place, Label.BICYCLE)
    rng, walks = view.rng, label == Label.PERSON
    wide, apart, hole = WHEELS.get(label, (0.0, 0.0, 0.0))
    for ahead in (-apart, apart) if apart else ():
        tire = np.concatenate([LOOP, LOOP[::-1] * hole]) * wide + (ahead, wide)
        rim = view.project(view.locate(place, tire @ ((0, 0, 1), (0, 1, 0))))
        view.fill(rim, view.air(TIRE, place.z), label)
    skin, hair = SKIN * rng.uniform(0.5, 1.05), HAIR * rng.uniform(0.3, 1.8)
    colors = {"c": pick(rng, PAINTS), "t": pick(rng, PAINTS), "s": skin, "h": hair, "b": TIRE}
    stride = rng.uniform(0.1, 1) if walks else 1
    for name, *ends, radius in BARS[label]:
        for side in (1, -1) if ends[3] else (1,):
            points = np.reshape(ends, (2, 3)) * (side, 1, stride * side if walks else 1)
            view.limb(place, points, radius, colors[name], label)
