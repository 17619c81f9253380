"""The images that the chosen models have in common: in which order, and which of them."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import TypedDict

import numpy as np

from dashboard.masks.models import Models
from dashboard.masks.scene import stamp_of
from dashboard.masks.truth import any_val_split
from segengine.errors import UserError
from segengine.results.masks.order import (
    Order,
    Values,
    saved_matrices,
    share_differing,
    values_of,
)
from segengine.results.masks.scoring import ImageScore, matrices_of_set, saved_scores
from segengine.results.masks.sets import MaskSet, common_images

COMPARING = 0.5  # seconds of one answer, for masks that nobody compared before
_KEPT_DIFFERENCES = 16  # choices of models


class Images(TypedDict):
    """The images in order.

    Attributes:
        names: those that are shown.
        values: what they are ordered by, None where it is not known; empty for an order by name.
        kinds: (which images are alike, how many they are), by name; of all images.
        total: how many there are, shown or not.
        pending: how many masks are still to be compared: ask again.
    """

    names: list[str]
    values: list[float | None]
    kinds: list[tuple[str, int]]
    total: int
    pending: int


def images_of(models: Models, by: str, find: str, kind: str) -> Images:
    """The images that every model has a mask of.

    Args:
        by: the order, as `Order` has it.
        find: a part of the names of those to be shown.
        kind: show only those of this kind; "" for all.

    Raises:
        UserError: there is no such order.
    """
    order = Order.parse(by, len(models.sets), len(models.classes))
    names = common_images(models.sets)
    values, pending = _values(models, order, names)
    dataset = any_val_split(models.configs)
    kinds = {name: dataset.kind(name) for name in names} if dataset else {}
    shown = [
        name
        for name in order.apply(names, values)
        if find.lower() in name.lower() and kind in ("", kinds.get(name))
    ]
    counts = Counter(filter(None, kinds.values()))
    return {
        "names": shown,
        "values": [_or_none(values.get(name)) for name in shown] if order.kind != "name" else [],
        "kinds": sorted(counts.items()) if len(counts) > 1 else [],
        "total": len(names),
        "pending": pending,
    }


def _or_none(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _values(models: Models, order: Order, names: list[str]) -> tuple[Values, int]:
    """What the images are ordered by, and how many masks are still to be compared."""
    if order.kind == "differ":
        return _differences(models.sets).more(names)
    among = tuple(names)
    found = values_of(
        order,
        names,
        len(models.sets),
        lambda place: scores_of(models, models.sets[place], among),
        lambda place: _matrices(models, among, place),
    )
    return found, 0


def scores_of(models: Models, masks: MaskSet, names: tuple[str, ...]) -> Mapping[str, ImageScore]:
    """Image -> score: the saved one of predictions, counted here for a validation's masks."""
    if masks.best:
        return saved_scores(masks.run.per_image_file)
    counted = _of_validation(models, masks, names)
    return {name: ImageScore.of(matrix) for name, matrix in counted.items()}


def _matrices(models: Models, names: tuple[str, ...], place: int) -> Mapping[str, np.ndarray]:
    masks = models.sets[place]
    return saved_matrices(masks) if masks.best else _of_validation(models, masks, names)


@lru_cache(maxsize=32)
def _of_validation(models: Models, masks: MaskSet, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """A validation's masks never change once its epoch is logged: count them once."""
    dataset = any_val_split(models.configs)
    if not dataset:
        return {}
    return matrices_of_set(masks, names, dataset, len(models.classes), models.ignore_index)


class _Differences:
    """How far the masks of some models differ, image by image, as far as they were compared."""

    def __init__(self, sets: tuple[MaskSet, ...]) -> None:
        self._sets = sets
        self._known: dict[str, tuple[str, float]] = {}  # image -> stamps of its masks, share

    def more(self, names: list[str]) -> tuple[Values, int]:
        """Image -> share of differing pixels, and how many images are still to be compared."""
        deadline, pending = time.monotonic() + COMPARING, 0
        for name in names:
            stamp = " ".join(stamp_of(masks, name) for masks in self._sets)
            if self._known.get(name, ("",))[0] == stamp:
                continue
            if time.monotonic() > deadline:
                pending += 1
                continue
            try:
                share = share_differing([masks.mask(name) for masks in self._sets])
            except UserError:
                share = float("nan")
            self._known[name] = (stamp, share)
        return {name: share for name, (_, share) in self._known.items()}, pending


@lru_cache(maxsize=_KEPT_DIFFERENCES)
def _differences(sets: tuple[MaskSet, ...]) -> _Differences:
    return _Differences(sets)
