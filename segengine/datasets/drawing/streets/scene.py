"""What stands in a street: fronts, trees, furniture, traffic and people, each in its place."""

from __future__ import annotations

import math

import numpy as np

from segengine.datasets.drawing.streets import (
    buildings,
    coaches,
    furniture,
    people,
    plants,
    vehicles,
)
from segengine.datasets.drawing.streets.canvas import Canvas
from segengine.datasets.drawing.streets.ground import lay_ground
from segengine.datasets.drawing.streets.labels import Label
from segengine.datasets.drawing.streets.layout import FAR, Side, Street
from segengine.datasets.drawing.textures import pick_colour


def furnish(canvas: Canvas, rng: np.random.Generator, street: Street) -> None:
    """Draw everything, from the ground up and, roughly, from far to near."""
    lay_ground(canvas, rng, street)
    close_view(canvas, rng, street)
    for side in street.sides:
        line_front(canvas, rng, street, side)
        plant_trees(canvas, rng, street, side)
        place_furniture(canvas, rng, street, side)
        place_walkers(canvas, rng, street, side)
    room = Room()
    feature(canvas, rng, street, room)
    for side in street.sides:
        park_cars(canvas, rng, street, side, room)
    drive(canvas, rng, street, room)


class Room:
    """Which places on the road are taken, so that no vehicle stands in another."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, float, float]] = []

    def take(self, offset: float, start: float, length: float) -> bool:
        """Take a place from `start` on along z; False where somebody is there already."""
        stop = start + length
        for other, low, high in self.taken:
            if abs(other - offset) < 2.0 and start < high + 1 and stop > low - 1:
                return False
        self.taken.append((offset, start, stop))
        return True


def close_view(canvas: Canvas, rng: np.random.Generator, street: Street) -> None:
    """Woods and houses at the end, so that the ground never meets the sky."""
    plants.woods(canvas, rng, (-260, FAR + 70), (260, FAR + 90), rng.uniform(8, 16))
    if street.end < FAR:
        x = -70.0
        while x < 70:
            wide = rng.uniform(10, 22)
            buildings.row_house(canvas, rng, (x, street.end), (x + wide, street.end), 1, 0.4)
            x += wide if rng.random() < 0.85 else wide + 8
    elif rng.random() < 0.6:
        centre = street.at(0, FAR)[0] + rng.normal(0, 12)
        for index in range(int(rng.integers(1, 4))):
            left = centre + 22 * (index - 1.5)
            places = (left, FAR + 8 * rng.random()), (left + 22, FAR + 8 * rng.random())
            buildings.row_house(canvas, rng, *places, 1, 0.3)


def spots(
    rng: np.random.Generator, street: Street, gap: tuple[float, float], start: float, stop: float
) -> list[float]:
    """Distances z along the street, from far to near, `gap` metres apart, none in the crossing."""
    found, z = [], start + rng.uniform(0, gap[1])
    while z < min(stop, street.end - 4):
        if not street.crossed(z, 4.5):
            found.append(z)
        z += rng.uniform(*gap)
    return found[::-1]


def line_front(canvas: Canvas, rng: np.random.Generator, street: Street, side: Side) -> None:
    """The fronts of a side in stretches, with the crossing left open."""
    offset = side.sign * (street.half + side.depth)
    stretches, z = [], -6.0
    while z < street.end - 4:
        length = rng.uniform(9, 24) if side.front == "row" else rng.uniform(13, 20)
        stretches.append((z, z + length))
        z += length
    boundary = Boundary(canvas, rng, side)
    for start, stop in reversed(stretches):
        if street.crossing is not None:  # cut off what would stand in the crossing
            low, high = street.crossing[0] - 3.5, street.crossing[1] + 3.5
            if start < high and stop > low:
                start, stop = (start, low) if start < low else (high, max(stop, high + 8))
                if stop - start < 5:
                    continue
        near, far = street.at(offset, start), street.at(offset, stop)
        if side.front == "row" and rng.random() > 0.05:
            shops = 0.7 if street.theme.name in ("centre", "old town") else 0.3
            buildings.row_house(canvas, rng, near, far, side.sign, shops)
        else:
            behind(canvas, rng, street, side, start, stop)
            boundary.draw(near, far)


def behind(
    canvas: Canvas, rng: np.random.Generator, street: Street, side: Side, start: float, stop: float
) -> None:
    """What is to be seen over a fence or wall: a house, a hall, or trees."""
    back = side.sign * (street.half + side.depth + rng.uniform(4, 8))
    if side.front == "houses" and rng.random() < 0.85:
        buildings.house(canvas, rng, street.at(back, start + 1), side.sign)
    elif side.front == "works" and rng.random() < 0.7:
        far = street.at(back * 1.5, stop)
        buildings.row_house(canvas, rng, street.at(back * 1.5, start), far, side.sign, 0.0)
    elif rng.random() < 0.5:
        wide = back * rng.uniform(1.6, 3)
        plants.woods(canvas, rng, street.at(wide, start), street.at(wide, stop), rng.uniform(5, 10))
    for _ in range(int(rng.integers(0, 3 if side.front in ("houses", "works") else 5))):
        place = street.at(back * rng.uniform(0.8, 1.8), rng.uniform(max(start, 3), max(stop, 4)))
        plants.tree(canvas, rng, place)


class Boundary:
    """What parts yards from the pavement; it goes on alike for a while."""

    def __init__(self, canvas: Canvas, rng: np.random.Generator, side: Side) -> None:
        self.canvas, self.rng, self.front, self.fixed = canvas, rng, side.front, side.boundary
        self._choose()

    def _choose(self) -> None:
        shares = {"houses": (0.25, 0.4, 0.25, 0.1), "works": (0.5, 0.4, 0.05, 0.05)}
        kinds = ("wall", "fence", "hedge", "open")
        self.kind = self.fixed or str(
            self.rng.choice(kinds, p=shares.get(self.front, (0.1, 0.25, 0.25, 0.4)))
        )
        tall = (1.8, 3.2) if self.front == "works" else (0.9, 1.9)
        self.height = float(self.rng.uniform(*tall))
        self.material = buildings.wall_material(self.canvas, self.rng)
        self.style = int(self.rng.integers(3))
        self.colour = pick_colour(self.rng)
        self.leaf = plants.leaf_colour(self.rng, self.canvas.weather.season)

    def draw(self, near: tuple[float, float], far: tuple[float, float]) -> None:
        """A stretch of it."""
        if self.rng.random() < 0.35:
            self._choose()
        if self.kind == "wall":
            buildings.wall(self.canvas, self.rng, near, far, self.material, self.height)
        elif self.kind == "fence":
            buildings.fence(self.canvas, self.rng, near, far, self.style, self.colour, self.height)
        elif self.kind == "hedge":
            plants.hedge(self.canvas, self.rng, near, far, self.height, self.leaf)


def plant_trees(canvas: Canvas, rng: np.random.Generator, street: Street, side: Side) -> None:
    """Street trees near the kerb, or none."""
    if rng.random() > street.theme.trees:
        return
    offset = side.sign * (street.half + rng.uniform(0.7, 1.2))
    for z in spots(rng, street, (7, 13), 8, 75):
        plants.tree(canvas, rng, street.at(offset, z), rng.uniform(0.7, 1.05))


def place_furniture(canvas: Canvas, rng: np.random.Generator, street: Street, side: Side) -> None:
    """Lamps, signs, bins and shelters along the kerb, and lights at the crossing."""
    edge = side.sign * (street.half + 0.5)
    for z in spots(rng, street, (18, 30), 8, 80):
        furniture.lamp(canvas, rng, *street.at(edge, z))
    if street.track is not None and side.sign < 0:
        for z in spots(rng, street, (20, 24), 12, 80):
            furniture.wires(canvas, *street.at(edge, z))
    for z in spots(rng, street, (9, 28), 6, 60):
        draw = (furniture.sign, furniture.sign, furniture.rubbish_bin)[rng.integers(3)]
        draw(canvas, rng, *street.at(edge + side.sign * rng.uniform(-0.1, 0.4), z))
    if rng.random() < 0.15:
        furniture.gantry(canvas, rng, *street.at(edge + side.sign, rng.uniform(12, 35)))
    if rng.random() < 0.2:
        z = rng.uniform(9, 30)
        if not street.crossed(z, 6):
            furniture.shelter(canvas, rng, *street.at(edge + 0.6 * side.sign, z))
    if street.crossing is not None and (street.theme.name == "centre" or rng.random() < 0.6):
        for z in (street.crossing[1] + 3, street.crossing[0] - 4)[street.end < FAR :]:
            furniture.traffic_light(canvas, rng, *street.at(edge, z))


def park_cars(
    canvas: Canvas, rng: np.random.Generator, street: Street, side: Side, room: Room
) -> None:
    """Cars, at times bicycles and motorcycles, along the kerb."""
    if street.half > 3.8 or side.sign < 0:
        offset = side.sign * (street.half - 1.05)
        for z in spots(rng, street, (5.6, 7.5), 5, 75):
            if rng.random() < street.theme.parked and room.take(offset, z, 4.8):
                away = 0.0 if side.sign > 0 or rng.random() < 0.5 else math.pi
                start = z if away == 0.0 else z + 4.5
                turn = street.heading(z) + away + rng.normal(0, 0.02)
                vehicles.car(canvas, rng, *street.at(offset, start), turn)
    stand = side.sign * (street.half + rng.uniform(0.8, 1.4))
    for z in spots(rng, street, (9, 30), 6, 45):
        if rng.random() < 0.35:
            kind = Label.MOTORCYCLE if rng.random() < 0.2 else Label.BICYCLE
            for index in range(int(rng.integers(1, 4))):
                x, there = street.at(stand, z + 0.9 * index)
                people.cycle(canvas, rng, x, there, side.sign * rng.uniform(0.9, 1.7), kind, False)


def place_walkers(canvas: Canvas, rng: np.random.Generator, street: Street, side: Side) -> None:
    """People on the pavement, at times in pairs."""
    for z in spots(rng, street, (4, 12), 7, 55):
        if rng.random() < 0.6 * street.theme.walkers:
            offset = street.half + side.depth * rng.uniform(0.3, 0.9)
            for index in range(int(rng.choice([1, 1, 2]))):
                x, there = street.at(side.sign * (offset + 0.55 * index), z + 0.2 * index)
                people.person(canvas, rng, x, there)


def drive(canvas: Canvas, rng: np.random.Generator, street: Street, room: Room) -> None:
    """Traffic in both directions, in the crossing, and people who cross the road."""
    traffic = street.theme.traffic
    for sign in (1, -1):
        if sign < 0 and street.track is not None:
            continue
        offset = sign * street.half * 0.42
        for z in spots(rng, street, (11, 29), 9, 85):
            if rng.random() < traffic and room.take(offset, z, 4.8):
                x, there = street.at(offset, z if sign > 0 else z + 4.8)
                turn = street.heading(z) + (0 if sign > 0 else math.pi) + rng.normal(0, 0.03)
                vehicles.car(canvas, rng, x, there, turn)
    if street.crossing is None:
        return
    near, far = street.crossing
    if rng.random() < 0.5 and room.take(0.0, near, far - near):
        turn = float(rng.choice([-1, 1])) * math.pi / 2 + rng.normal(0, 0.15)
        lane = near + (far - near) * (0.72 if turn < 0 else 0.28)
        vehicles.car(canvas, rng, rng.uniform(-9, 9), lane, turn)
    for _ in range(int(rng.poisson(1.2 * street.theme.walkers))):
        x = street.at(rng.uniform(-street.half, street.half), near)[0]
        people.person(canvas, rng, x, near - rng.uniform(0.8, 3.5))


def feature(canvas: Canvas, rng: np.random.Generator, street: Street, room: Room) -> None:
    """What this theme always shows, and now and then one of the others' rarities."""
    wanted = set(street.theme.shows)
    rare = (Label.BUS, Label.TRUCK, Label.MOTORCYCLE, Label.RIDER, Label.BICYCLE)
    if rng.random() < 0.3:
        wanted.add(rare[rng.integers(len(rare))])
    for label in sorted(wanted):
        if label == Label.TRAIN and street.track is not None:
            z = rng.uniform(14, 45)
            coaches.train(canvas, rng, *street.at(street.track, z), street.heading(z))
            room.take(street.track, z, 30)
        elif label in (Label.BUS, Label.TRUCK):
            large(canvas, rng, street, room, label)
        elif label in (Label.MOTORCYCLE, Label.RIDER, Label.BICYCLE):
            ride(canvas, rng, street, room, label)
        elif label in (Label.PERSON, Label.TRAFFIC_LIGHT, Label.TRAFFIC_SIGN):
            at_kerb(canvas, rng, street, label)


def at_kerb(canvas: Canvas, rng: np.random.Generator, street: Street, label: Label) -> None:
    """Somebody, a light or a sign, near enough to be seen."""
    sign, z = float(rng.choice([-1, 1])), rng.uniform(9, 17)
    draw = {
        Label.PERSON: people.person,
        Label.TRAFFIC_LIGHT: furniture.traffic_light,
        Label.TRAFFIC_SIGN: furniture.sign,
    }
    draw[label](canvas, rng, *street.at(sign * (street.half + rng.uniform(0.4, 1.2)), z))


def large(
    canvas: Canvas, rng: np.random.Generator, street: Street, room: Room, label: Label
) -> None:
    """A bus or truck, driving ahead or towards us, or waiting at the kerb."""
    sign = 1 if rng.random() < 0.45 or street.track is not None else -1
    offset, z = sign * street.half * rng.choice([0.42, 0.7]), rng.uniform(12, 36)
    if room.take(offset, z, 12):
        draw = coaches.bus if label == Label.BUS else vehicles.truck
        turn = street.heading(z) + (0.0 if sign > 0 else math.pi) + rng.normal(0, 0.03)
        draw(canvas, rng, *street.at(offset, z if sign > 0 else z + 11), turn)


def ride(
    canvas: Canvas, rng: np.random.Generator, street: Street, room: Room, label: Label
) -> None:
    """Somebody on a bicycle or motorcycle, along the street or across it."""
    motor = label == Label.MOTORCYCLE or (label == Label.RIDER and rng.random() < 0.2)
    sign = float(rng.choice([-1, 1]))
    offset = sign * street.half * rng.uniform(0.3, 0.75)
    if street.track is not None:
        offset = abs(offset)
    z = rng.uniform(8, 22)
    turn = street.heading(z) + (0.0 if sign > 0 else math.pi) + rng.normal(0, 0.1)
    if rng.random() < 0.55:
        turn = sign * rng.uniform(0.5, 1.57)
    if room.take(offset, z, 2.0):
        kind = Label.MOTORCYCLE if motor else Label.BICYCLE
        people.cycle(canvas, rng, *street.at(offset, z), turn, kind, True)
