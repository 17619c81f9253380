"""The official Cityscapes label ids that the drawn streets use."""

from __future__ import annotations

from enum import IntEnum


class Label(IntEnum):
    """Values of a `labelIds` mask. Ids below 7, and the rail track, are void to the 19 classes."""

    EGO_VEHICLE = 1
    OUT_OF_ROI = 3
    STATIC = 4
    DYNAMIC = 5
    ROAD = 7
    SIDEWALK = 8
    RAIL_TRACK = 10
    BUILDING = 11
    WALL = 12
    FENCE = 13
    POLE = 17
    TRAFFIC_LIGHT = 19
    TRAFFIC_SIGN = 20
    VEGETATION = 21
    TERRAIN = 22
    SKY = 23
    PERSON = 24
    RIDER = 25
    CAR = 26
    TRUCK = 27
    BUS = 28
    TRAIN = 31
    MOTORCYCLE = 32
    BICYCLE = 33
