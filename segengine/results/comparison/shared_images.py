"""The images that entrants share: only on these are they compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from segengine.results.comparison.entrants import Entrant
from segengine.results.image_matrices import (
    ImageMatrices,
    Size,
    Split,
    Weights,
    command_for,
    matrices_of,
)
from segengine.statistics.scores import Counts, Floats

_NAMED = 2  # entrants that lack something and are named one by one
SPLIT_WORDS = {"val": "validation", "test": "test"}


@dataclass(frozen=True)
class SharedImages:
    """What the entrants that can be compared did on the images that they share.

    Attributes:
        places: those entrants, as positions in the list that was given.
        names: of the shared images.
        confusions: of each of those entrants, (images, classes, classes).
        boundary: of each of those entrants, (images,) mean boundary IoU; NaN where unknown.
        epochs: of the weights, 1-based.
        classes: their names.
        groups: of each image, by which the bootstrap draws; an image by itself is one of its own.
            None where no images belong together.
        remarks: what cannot be compared, or not as it seems, as sentences.
        missing: commands that make what is missing, by the position of the entrant.
    """

    places: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    confusions: tuple[Counts, ...] = ()
    boundary: tuple[Floats, ...] = ()
    epochs: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()
    missing: dict[int, str] = field(default_factory=dict)

    @property
    def units(self) -> str:
        """What the bootstrap draws: "images", or "groups of images"."""
        return "groups of images" if self.groups else "images"


def shared_images(
    entrants: Sequence[Entrant], split: Split, size: Size, weights: Weights
) -> SharedImages:
    """Line the entrants up on the images that they share, and say what does not fit."""
    found: dict[int, ImageMatrices] = {}
    missing: dict[int, str] = {}
    for place, entrant in enumerate(entrants):
        matrices = matrices_of(entrant.row.run, entrant.log, split, size, weights)
        if matrices:
            found[place] = matrices
        else:
            missing[place] = command_for(entrant.row.run, split, size, weights)
    remarks = _missing_words(entrants, missing, split)
    found, other_classes = _of_one_kind(entrants, found)
    remarks += other_classes
    if not found:
        return SharedImages(remarks=tuple(remarks), missing=missing)
    names = _common_names(list(found.values()))
    if not names:
        remarks.append("They share no image: nothing can be compared.")
        return SharedImages(remarks=tuple(remarks), missing=missing)
    rows = [_rows(matrices, names) for matrices in found.values()]
    remarks += _other_truth(entrants, list(found), [confusion for confusion, _ in rows], names)
    remarks += _other_images(entrants, found, len(names))
    return SharedImages(
        places=tuple(found),
        names=names,
        confusions=tuple(confusion for confusion, _ in rows),
        boundary=tuple(boundary for _, boundary in rows),
        epochs=tuple(matrices.epoch for matrices in found.values()),
        classes=entrants[next(iter(found))].classes,
        groups=_groups(list(found.values()), names),
        remarks=tuple(remarks),
        missing=missing,
    )


def _groups(found: Sequence[ImageMatrices], names: Sequence[str]) -> tuple[str, ...] | None:
    """The groups by the first run that knows them."""
    known = next((matrices.groups for matrices in found if matrices.groups), None)
    return tuple(known.get(name, f"\0{name}") for name in names) if known else None


def _missing_words(entrants: Sequence[Entrant], missing: dict[int, str], split: Split) -> list[str]:
    what = f"scores per image of {{}} {SPLIT_WORDS[split]} images"
    if len(missing) > _NAMED:
        first = next(iter(missing))
        return [
            f"{len(missing)} runs have no {what.format('their')}: {missing[first]} makes those of "
            "the first, and the like those of the others."
        ]
    return [
        f"{entrants[place].name} has no {what.format('its')}: {command} makes them."
        for place, command in missing.items()
    ]


def _of_one_kind(
    entrants: Sequence[Entrant], found: dict[int, ImageMatrices]
) -> tuple[dict[int, ImageMatrices], list[str]]:
    """Those with the dataset and the classes of the first, and sentences about the others."""
    kept: dict[int, ImageMatrices] = {}
    remarks: list[str] = []
    first: Entrant | None = None
    for place, matrices in found.items():
        entrant = entrants[place]
        first = first or entrant
        same = entrant.classes == first.classes and _data(entrant) == _data(first)
        if same and matrices.confusion.shape[1] == len(first.classes):
            kept[place] = matrices
            continue
        what = "other classes" if entrant.classes != first.classes else "other data"
        remarks.append(
            f"{entrant.name} has {what} than {first.name} and is left out: choose runs of one "
            "dataset to compare them."
        )
    return kept, remarks


def _data(entrant: Entrant) -> tuple[str, str]:
    if entrant.config is None:
        return ("", "")
    data = entrant.config.data
    return (data.dataset, str(data.root) if data.dataset == "folder" else "")


def _common_names(found: Sequence[ImageMatrices]) -> tuple[str, ...]:
    common = set.intersection(*(set(matrices.names) for matrices in found))
    return tuple(name for name in found[0].names if name in common)


def _rows(matrices: ImageMatrices, names: Sequence[str]) -> tuple[Counts, Floats]:
    place = {name: row for row, name in enumerate(matrices.names)}
    confusion = matrices.confusion[[place[name] for name in names]]
    return confusion, np.array([matrices.boundary.get(name, np.nan) for name in names])


def _other_truth(
    entrants: Sequence[Entrant],
    places: Sequence[int],
    stacks: Sequence[Counts],
    names: Sequence[str],
) -> list[str]:
    """Runs are scored against one truth only where each image has the same true pixels."""
    first = stacks[0].sum(axis=-1)
    remarks = []
    for place, stack in zip(places[1:], stacks[1:], strict=True):
        truth = stack.sum(axis=-1)
        other = np.flatnonzero((truth != first).any(axis=1))
        if not other.size:
            continue
        sizes = truth.sum() != first.sum()
        why = "was scored at another size" if sizes else "was scored against other masks"
        remarks.append(
            f"{entrants[place].name} {why} than {entrants[places[0]].name} (first of "
            f"{other.size:,} images: {names[other[0]]}): compare at native size, where each mask "
            "is as its file holds it."
        )
    return remarks


def _other_images(
    entrants: Sequence[Entrant], found: dict[int, ImageMatrices], shared: int
) -> list[str]:
    counts = {entrants[place].name: len(matrices.names) for place, matrices in found.items()}
    if max(counts.values()) == shared:
        return []
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return [f"They were scored on different images ({listed}): compared on the {shared:,} shared."]
