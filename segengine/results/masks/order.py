"""In which order images are looked at: by name, by a score, by where models differ.

An order is a word and the places of the models and classes that it is about, counted from 0:

- `name`
- `mean`: lowest mean mIoU of the models first
- `spread`: largest difference in mIoU between the best and the worst model first
- `miou:A`, `iou:A:C`: lowest mIoU of model A, or lowest IoU of class C, first
- `gap:A:B`: where A beats B by most first
- `differ`: the largest share of pixels on which the models differ first
- `share:C`: the largest share of class C in the truth first
- `cell:A:T:P`: most pixels of class T that model A predicted as P first
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from segengine.errors import UserError
from segengine.results.image_matrices import read_matrices
from segengine.results.masks.scoring import ImageScore
from segengine.results.masks.sets import MaskSet
from segengine.statistics.scores import Counts

Values = Mapping[str, float]  # image -> value; an image without one comes last
_NUMBERS = {
    "name": 0,
    "mean": 0,
    "spread": 0,
    "miou": 1,
    "iou": 2,
    "gap": 2,
    "differ": 0,
    "share": 1,
    "cell": 3,
}
_LOWEST_FIRST = {"mean", "miou", "iou"}
_MODELS = {"miou": 1, "iou": 1, "gap": 2, "cell": 1}  # how many of the numbers are models


@dataclass(frozen=True)
class Order:
    """One of the orders above."""

    kind: str
    numbers: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str, models: int, classes: int) -> Order:
        """The order that a text names.

        Raises:
            UserError: there is no such order, model or class.
        """
        kind, *words = text.split(":")
        if kind not in _NUMBERS:
            known = ", ".join(_NUMBERS)
            raise UserError(f"There is no order '{text[:60]}': choose one of {known}.")
        numbers = tuple(int(word) if word.isascii() and word.isdecimal() else -1 for word in words)
        own_models = _MODELS.get(kind, 0)
        limits = [models] * own_models + [classes] * (_NUMBERS[kind] - own_models)
        if len(numbers) != len(limits) or not all(
            0 <= number < limit for number, limit in zip(numbers, limits, strict=True)
        ):
            raise UserError(
                f"The order '{text[:60]}' names a model or a class that is not here: there are "
                f"{models} models and {classes} classes, counted from 0."
            )
        return cls(kind, numbers)

    def apply(self, names: Sequence[str], values: Values) -> list[str]:
        """The names in this order; equal ones, and those without a value, by name."""
        sign = 1 if self.kind in _LOWEST_FIRST else -1

        def rank(name: str) -> tuple[float, str]:
            value = values.get(name, math.nan)
            return (math.inf if math.isnan(value) else sign * value), name

        return sorted(names, key=rank)


def values_of(
    order: Order,
    names: Sequence[str],
    models: int,
    scores: Callable[[int], Mapping[str, ImageScore]],
    matrices: Callable[[int], Mapping[str, Counts]],
) -> Values:
    """What an order goes by, of these images; nothing for `name`, and for `differ`, see below.

    Args:
        models: how many there are.
        scores: place of a model -> its score per image.
        matrices: place of a model -> its confusion matrix per image.
    """
    kind, numbers = order.kind, order.numbers
    if kind in ("name", "differ"):
        return {}
    if kind == "share":
        return {name: _share(counts, numbers[0]) for name, counts in matrices(0).items()}
    if kind == "cell":
        model, true, predicted = numbers
        return {name: float(found[true, predicted]) for name, found in matrices(model).items()}
    chosen = [scores(place) for place in numbers[: _MODELS.get(kind, 0)] or range(models)]
    return {
        name: _value(order, [of_model[name] for of_model in chosen])
        for name in names
        if all(name in of_model for of_model in chosen)
    }


def _value(order: Order, scores: Sequence[ImageScore]) -> float:
    mious = [score.miou for score in scores]
    if order.kind == "iou":
        iou = scores[0].iou[order.numbers[1]]
        return math.nan if iou is None else iou
    if order.kind == "gap":
        return mious[0] - mious[1]
    if order.kind == "spread":
        return max(mious) - min(mious)
    return sum(mious) / len(mious)


def _share(confusion: Counts, label: int) -> float:
    total = confusion.sum()
    return float(confusion[label].sum() / total) if total else math.nan


def saved_matrices(masks: MaskSet) -> Mapping[str, Counts]:
    """Image -> confusion matrix of a whole validation set; nothing where there are none."""
    found = read_matrices(masks.run.per_image_file, masks.run.confusion_file, masks.epoch)
    return dict(zip(found.names, found.confusion, strict=True)) if found and masks.best else {}


def share_differing(labels: Sequence[np.ndarray]) -> float:
    """The share of the pixels on which not all masks agree, 0 to 1.

    Masks of other sizes are compared at the first one's size, by nearest neighbor.
    """
    first, *others = labels
    fitted = [mask if mask.shape == first.shape else _at(mask, first.shape) for mask in others]
    agree = np.all([mask == first for mask in fitted], axis=0) if fitted else np.ones(1)
    return float(1 - np.mean(agree))


def _at(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    rows, columns = (_nearest(own, wanted) for own, wanted in zip(mask.shape, shape, strict=True))
    fitted: np.ndarray = mask[np.ix_(rows, columns)]
    return fitted


@lru_cache(maxsize=64)
def _nearest(own: int, wanted: int) -> np.ndarray:
    """For each of `wanted` pixels the one of `own` pixels that its center lies in."""
    return np.floor((np.arange(wanted) + 0.5) * own / wanted).astype(np.int64)
