"""Which predicted images show at a glance what a run can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Pick(NamedTuple):
    """An image and why it was picked; `miou` is its own, 0 to 1."""

    word: str
    name: str
    miou: float


def best_median_worst(mious: Mapping[str, float]) -> list[Pick]:
    """The images with the highest, the middle and the lowest mIoU, each image once.

    Of an even number the middle one is the lower of the two; of equals the first name.
    """
    ordered = sorted(mious, key=lambda name: (mious[name], name))
    if not ordered:
        return []
    last = len(ordered) - 1
    places = {"Worst": 0, "Median": last // 2, "Best": last}
    if last == 0:
        places = {"Only image": 0}
    elif last == 1:
        places = {"Worst": 0, "Best": 1}
    picks = [Pick(word, ordered[at], mious[ordered[at]]) for word, at in places.items()]
    return picks[::-1]
