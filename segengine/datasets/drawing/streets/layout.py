"""The plan of a street: its course, its strips from the centre outwards, and its crossing.

Offsets are metres to the right of the street's centre line, whatever its bend.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.textures import FloatArray

FAR = 130.0  # metres; where the street ends for the eye


@dataclass(frozen=True)
class Theme:
    """A kind of street. Metres, and shares of the places that hold something.

    Attributes:
        half: narrowest and widest half of the carriageway.
        verge: chance of grass between kerb and pavement.
        fronts: what may line a side: row, houses, works, park.
        crossing: chance of a crossing.
        parked, traffic, walkers, trees: how full it is.
        shows: what must be seen in every picture of it.
        boundaries: what parts yards and pavement on one side and on the other, if that is fixed.
    """

    name: str
    half: tuple[float, float]
    verge: float
    fronts: tuple[str, ...]
    crossing: float
    parked: float
    traffic: float
    walkers: float
    trees: float
    shows: tuple[Label, ...]
    boundaries: tuple[str, str] = ("", "")


THEMES = (
    Theme("centre", (4.5, 6.5), 0.1, ("row",), 0.8, 0.4, 0.7, 1.0, 0.35,
          (Label.BUS, Label.TRAFFIC_LIGHT, Label.PERSON)),
    Theme("suburb", (3.2, 4.5), 0.5, ("houses",), 0.3, 0.5, 0.35, 0.3, 0.5,
          (Label.FENCE, Label.MOTORCYCLE, Label.TERRAIN, Label.CAR), ("fence", "")),
    Theme("avenue", (6.5, 8.0), 0.6, ("row", "row", "park"), 0.4, 0.3, 0.6, 0.6, 0.8,
          (Label.TRAIN, Label.TRAFFIC_SIGN, Label.POLE)),
    Theme("works", (4.0, 6.0), 0.4, ("works",), 0.3, 0.35, 0.6, 0.3, 0.3,
          (Label.TRUCK, Label.WALL, Label.FENCE), ("wall", "fence")),
    Theme("park", (3.5, 5.0), 0.5, ("park", "row", "houses"), 0.3, 0.4, 0.45, 0.7, 0.8,
          (Label.RIDER, Label.BICYCLE, Label.TERRAIN, Label.VEGETATION)),
    Theme("old town", (3.0, 4.2), 0.0, ("row",), 0.25, 0.5, 0.3, 1.2, 0.15,
          (Label.PERSON, Label.BICYCLE, Label.TRAFFIC_SIGN, Label.BUILDING)),
)  # fmt: skip


@dataclass(frozen=True)
class Side:
    """One side of the street: strips (width in metres, ground) from the kerb outwards."""

    sign: int  # -1 left, 1 right
    front: str
    boundary: str  # wall, fence, hedge or open; empty where it varies
    strips: tuple[tuple[float, Label], ...]
    beyond: Label  # the ground behind the last strip

    @property
    def depth(self) -> float:
        """From the kerb to where fronts and fences stand."""
        return sum(width for width, _ in self.strips)


@dataclass(frozen=True)
class Street:
    """The plan.

    Attributes:
        centre: x of the centre line at the camera.
        bend: the centre line's x grows by `bend` z².
        half: half the carriageway.
        crossing: (from, to) along z of a crossing street, if any.
        end: z where the street ends, at houses beyond a crossing, or far away.
        track: offset of a tram track, if any; `bed` says whether it has a ballast bed of its own.
    """

    theme: Theme
    centre: float
    bend: float
    half: float
    sides: tuple[Side, Side]
    crossing: tuple[float, float] | None
    end: float
    track: float | None
    bed: bool
    cobbled: bool

    @classmethod
    def plan(cls, rng: np.random.Generator, theme: Theme) -> Street:
        """A street of that theme; one drives on the right."""
        half = float(rng.uniform(*theme.half))
        start = rng.uniform(14, 45)
        crossing = (start, start + rng.uniform(6, 12)) if rng.random() < theme.crossing else None
        track = float(rng.uniform(-2.6, -1.8)) if Label.TRAIN in theme.shows else None
        through = crossing is None or track is not None or rng.random() < 0.7
        left, right = theme.boundaries[:: int(rng.choice([-1, 1]))]
        return cls(
            theme=theme,
            centre=-float(half * rng.uniform(0.3, 0.5)),
            bend=float(rng.normal(0, 0.0016)),
            half=half,
            sides=(_side(rng, theme, -1, left), _side(rng, theme, 1, right)),
            crossing=crossing,
            end=FAR if through or crossing is None else crossing[1] + 3.5,
            track=track,
            bed=bool(rng.random() < 0.5),
            cobbled=bool(rng.random() < (0.5 if theme.name == "old town" else 0.06)),
        )

    def at(self, offset: float, z: float) -> tuple[float, float]:
        """(x, z) of a place in the street."""
        return self.centre + self.bend * z * z + offset, z

    def heading(self, z: float) -> float:
        """Direction of the street, in radians to the right of straight ahead."""
        return math.atan(2 * self.bend * z)

    def offset(self, x: FloatArray, z: FloatArray) -> FloatArray:
        """Metres to the right of the centre line."""
        return x - self.centre - self.bend * z * z

    def crossed(self, z: float, margin: float = 0.0) -> bool:
        """Whether this is in the crossing."""
        cross = self.crossing
        return cross is not None and cross[0] - margin < z < cross[1] + margin

    def ground_labels(self, offset: FloatArray, z: FloatArray) -> np.ndarray:
        """(K,) uint8: what the ground is."""
        labels = np.full(len(offset), Label.ROAD, np.uint8)
        for side in self.sides:
            out = offset * side.sign - self.half
            edges = np.cumsum([0.0, *(width for width, _ in side.strips)])
            kinds = np.array([Label.ROAD, *(kind for _, kind in side.strips), side.beyond])
            labels = np.where(out > 0, kinds[np.searchsorted(edges, out)], labels)
        if self.track is not None and self.bed:
            labels[np.abs(offset - self.track) < 1.5] = Label.RAIL_TRACK
        if self.crossing is not None:
            away = np.maximum(self.crossing[0] - z, z - self.crossing[1])
            outside = np.abs(offset) > self.half + 1.5
            labels[outside & (away < 3)] = Label.SIDEWALK
            # Rounded corners: the kerb gives way earlier near the street.
            corner = np.maximum(0, self.half + 3 - np.abs(offset))
            labels[away < np.minimum(corner, 3) - 0.6] = Label.ROAD
            labels[away < 0] = Label.ROAD
        labels[z > self.end - 3.5 if self.end < FAR else z > np.inf] = Label.SIDEWALK
        return labels.astype(np.uint8)

    def kerb(self, offset: FloatArray, z: FloatArray) -> FloatArray:
        """1 on kerb stones, (K,)."""
        out = np.abs(offset) - self.half
        on = (out > 0) & (out < 0.18)
        if self.crossing is not None:
            on &= np.maximum(self.crossing[0] - z, z - self.crossing[1]) > 3
        return np.asarray(on, np.float32)

    def marks(self, offset: FloatArray, z: FloatArray) -> FloatArray:
        """1 where the road is painted: centre line, zebra crossings, stop lines; (K,)."""
        on = np.zeros(len(z), bool)
        if not self.cobbled and self.track is None:
            on |= (np.abs(offset) < 0.09) & (z % 8 < 4)
        if self.half > 4.2 and not self.cobbled:
            on |= np.abs(np.abs(offset) - self.half + 2.1) < 0.06
        if self.crossing is None:
            return np.asarray(on, np.float32)
        near, far = self.crossing
        away = np.maximum(near - z, z - far)
        inside = np.abs(offset) < self.half
        on &= away > 5
        on |= inside & (away > 0.8) & (away < 3.6) & (offset % 1.1 < 0.55)
        on |= inside & (offset > 0) & (near - z > 4.4) & (near - z < 4.8)
        return np.asarray(on, np.float32)


def _side(rng: np.random.Generator, theme: Theme, sign: int, boundary: str) -> Side:
    """Pavement, at times behind a verge, and the yard in front of what lines the street."""
    front = str(rng.choice(theme.fronts))
    strips: list[tuple[float, Label]] = []
    if rng.random() < theme.verge:
        strips.append((float(rng.uniform(1.0, 2.5)), Label.TERRAIN))
    strips.append((float(rng.uniform(1.6, 4.2)), Label.SIDEWALK))
    beyond = Label.SIDEWALK if front == "row" else Label.TERRAIN
    if front == "row" and rng.random() < 0.2:
        strips.append((float(rng.uniform(1.5, 3.5)), Label.TERRAIN))
    return Side(sign, front, boundary, tuple(strips), beyond)
