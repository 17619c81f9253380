"""Bodies of vehicles: side profiles stretched over a width, with wheels, lamps and paint."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from segengine.datasets.drawing.streets.canvas import Canvas, Material, Spots
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.textures import FloatArray, mix, pick_colour

TYRE = np.full(3, 0.07, np.float32)
RIM = np.full(3, 0.45, np.float32)
BLACK = np.full(3, 0.1, np.float32)
RED = np.array((0.75, 0.08, 0.06), np.float32)
LAMP = np.array((0.95, 0.95, 0.88), np.float32)
PLATE = np.array((0.9, 0.9, 0.85), np.float32)

GREYS = (0.07, 0.12, 0.3, 0.5, 0.72, 0.85)
PAINTS = ((0.5, 0.07, 0.07), (0.08, 0.14, 0.4), (0.1, 0.28, 0.2), (0.7, 0.6, 0.15))

Point = tuple[float, float]  # metres from the rear end, metres up


@dataclass(frozen=True)
class Frame:
    """Where a vehicle stands: the middle of its rear end at (x, z), its direction, its width."""

    x: float
    z: float
    heading: float  # radians to the right of z
    width: float

    def point(self, along: float, up: float, across: float) -> tuple[float, float, float]:
        """World coordinates; `across` is metres to its right."""
        sin, cos = math.sin(self.heading), math.cos(self.heading)
        return self.x + along * sin + across * cos, up, self.z + along * cos - across * sin

    def side(self, points: list[Point], right: int, inset: tuple[float, float]) -> FloatArray:
        """A polygon on its right (1) or left (-1), inset by so much below and above."""
        ups = [up for _, up in points]
        low, rise = min(ups), (max(ups) - min(ups)) or 1.0
        half = self.width / 2
        return np.array(
            [
                self.point(
                    a, u, right * (half - inset[0] - (inset[1] - inset[0]) * (u - low) / rise)
                )
                for a, u in points
            ]
        )

    def end(self, along: float, low: float, high: float, left: float, right: float) -> FloatArray:
        """An upright rectangle across it, from `left` to `right` as shares of the half width."""
        half = self.width / 2
        spots = ((left, low), (right, low), (right, high), (left, high))
        return np.array([self.point(along, up, across * half) for across, up in spots])

    def from_behind(self) -> bool:
        """Whether the camera sees its rear end."""
        return self.x * math.sin(self.heading) + self.z * math.cos(self.heading) > 0

    def faces(self) -> tuple[int, ...]:
        """The sides that the camera, at x = z = 0, sees: (-1,) left, (1,) right or none."""
        across = self.z * math.sin(self.heading) - self.x * math.cos(self.heading)
        return () if abs(across) < self.width / 2 else (1,) if across > 0 else (-1,)

    def footprint(self, length: float) -> FloatArray:
        """Its outline on the ground (4, 3)."""
        half = self.width / 2
        return np.array(
            [
                self.point(a, 0, w)
                for a, w in ((0, -half), (0, half), (length, half), (length, -half))
            ]
        )


def loft(
    canvas: Canvas,
    frame: Frame,
    profile: list[Point],
    over: list[Material | FloatArray],
    flank: Material | FloatArray,
    label: Label,
    inset: tuple[float, float] = (0.0, 0.0),
) -> None:
    """A body between two equal sides; `over[i]` covers it from profile point i to the next.

    The profile starts at the lower rear end and goes over the top to the lower front end.
    """
    left, right = (frame.side(profile, sign, inset) for sign in (-1, 1))
    for sign in frame.faces() or ((-1, 1) if inset[1] else ()):
        # From its lower front corner: u runs back along the flank, v up.
        canvas.paint(np.roll(left if sign < 0 else right, 1, axis=0), flank, label)
    for index, material in enumerate(over):
        after = (index + 1) % len(profile)
        strip = np.stack([left[index], right[index], right[after], left[after]])
        canvas.paint(strip, material, label)


def wheels(
    canvas: Canvas, frame: Frame, places: tuple[float, ...], radius: float, label: Label
) -> None:
    """Wheels on both sides at `places` (metres from the rear)."""
    for along in places:
        for right in frame.faces():
            for size, colour, lift in ((radius, TYRE, 0.01), (0.6 * radius, RIM, 0.012)):
                turns = np.linspace(0, 2 * math.pi, 12, endpoint=False)
                rim = [(along + size * math.cos(t), radius + size * math.sin(t)) for t in turns]
                canvas.paint(frame.side(rim, right, (-0.02, -0.02)), colour, label, lift=lift)


def ends(
    canvas: Canvas, frame: Frame, length: float, low: float, high: float, label: Label
) -> None:
    """Lamps, number plates and grille on the rear and the front."""
    beam = canvas.weather.kind in ("dusk", "fog", "rain")
    for along, colour in ((-0.01, RED), (length + 0.01, LAMP)):
        if (colour is RED) != frame.from_behind():
            continue
        glow = beam or colour is LAMP
        for left, right in ((-0.92, -0.62), (0.62, 0.92)):
            canvas.paint(
                frame.end(along, low, high, left, right), colour, label, lift=0.012, glow=glow
            )
        canvas.paint(frame.end(along, low - 0.25, low - 0.1, -0.3, 0.3), PLATE, label, lift=0.012)
    canvas.paint(frame.end(length + 0.01, low, high - 0.05, -0.5, 0.5), BLACK, label, lift=0.011)


def car_paint(canvas: Canvas, rng: np.random.Generator) -> Material:
    """Mostly black, grey, white and silver; at times any colour. It mirrors a little."""
    if rng.random() < 0.7:
        colour: FloatArray = rng.choice(GREYS) * (1 + rng.normal(0, 0.03, 3))
    elif rng.random() < 0.5:
        colour = np.array(PAINTS[rng.integers(len(PAINTS))])
    else:
        colour = pick_colour(rng)
    base, sky = np.asarray(colour, np.float32), canvas.weather.haze

    def colours(spots: Spots) -> FloatArray:
        shine = 0.06 + 0.25 * spots.v + 0.03 * canvas.grain(spots.u, spots.v, 2.0)
        weight = np.asarray(np.clip(shine, 0, 0.35), np.float32)
        return mix(np.broadcast_to(base, (len(spots.u), 3)), sky, weight)

    return colours
