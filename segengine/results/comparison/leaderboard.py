"""One line of scores per group: the table that a report prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segengine.results.comparison.entrants import Entrant, Group
from segengine.results.comparison.shared_images import SharedImages
from segengine.statistics import scores
from segengine.statistics.image_level import image_level
from segengine.statistics.scores import Floats
from segengine.statistics.seeds import Spread, spread


@dataclass(frozen=True)
class Line:
    """A group's scores over the shared images: of each the spread over its seeds, 0 to 1.

    Attributes:
        miou: counts are summed over all images, then divided.
        by_image, by_class, worst: image-level mIoU, see `segengine.statistics.image_level`.
        boundary_iou: mean over the images of their boundary IoU.
        iou: per class, the mean over its seeds; NaN for a class in neither truth nor prediction.
        foreground: accuracy, precision, recall, F1 and IoU of the foreground, for two classes.
        parameters: of the model; None where the log does not say.
        epoch_seconds: median over the epochs, mean over its seeds; None before the first epoch.
        images_per_second: of the prediction of the validation images at the end of a run, with the
            writing of their masks, mean over its seeds; None where no run came that far.
        epochs: of the weights, one per seed.
    """

    group: Group
    miou: Spread
    by_image: Spread
    by_class: Spread
    worst: Spread
    boundary_iou: Spread
    dice: Spread
    precision: Spread
    recall: Spread
    accuracy: Spread
    iou: Floats
    foreground: dict[str, Spread]
    parameters: int | None
    epoch_seconds: float | None
    images_per_second: float | None
    epochs: tuple[int, ...]


def leaderboard(
    entrants: Sequence[Entrant], groups: Sequence[Group], shared: SharedImages
) -> list[Line]:
    """The lines of the groups that have scores, the best mIoU first."""
    at = {place: index for index, place in enumerate(shared.places)}
    lines = [
        _line(entrants, group, shared, [at[place] for place in group.members if place in at])
        for group in groups
        if any(place in at for place in group.members)
    ]
    return sorted(lines, key=lambda line: -line.miou.mean)


def _line(
    entrants: Sequence[Entrant], group: Group, shared: SharedImages, rows: Sequence[int]
) -> Line:
    pooled = [shared.confusions[row].sum(axis=0) for row in rows]
    all_scores = [scores.scores(matrix) for matrix in pooled]
    levels = [image_level(shared.confusions[row]) for row in rows]
    members = [entrants[shared.places[row]] for row in rows]
    started = members[0].log.started
    return Line(
        group=group,
        miou=spread([one["miou"] for one in all_scores]),
        by_image=spread([level.by_image for level in levels]),
        by_class=spread([level.by_class for level in levels]),
        worst=spread([level.worst for level in levels]),
        boundary_iou=spread([_known_mean(shared.boundary[row]) for row in rows]),
        dice=spread([one["mean_dice"] for one in all_scores]),
        precision=spread([one["mean_precision"] for one in all_scores]),
        recall=spread([one["mean_recall"] for one in all_scores]),
        accuracy=spread([one["pixel_accuracy"] for one in all_scores]),
        iou=np.mean([scores.iou(matrix) for matrix in pooled], axis=0),
        foreground=_foreground(pooled, shared.classes) if len(shared.classes) == 2 else {},
        parameters=started["parameters"]["total"] if started else None,
        epoch_seconds=_epoch_seconds(members),
        images_per_second=_images_per_second(members),
        epochs=tuple(shared.epochs[row] for row in rows),
    )


def foreground_label(classes: Sequence[str]) -> int:
    """Of two classes, the one of interest: the second, unless that is the background."""
    return 0 if classes[1].strip().lower() in ("background", "bg") else 1


def _foreground(pooled: Sequence[scores.Counts], classes: Sequence[str]) -> dict[str, Spread]:
    """What two-class work reports: the numbers of the class that is not the background."""
    label = foreground_label(classes)
    per_class = {
        "precision": scores.precision,
        "recall": scores.recall,
        "F1": scores.dice,
        "IoU": scores.iou,
    }
    accuracy = spread([scores.pixel_accuracy(matrix) for matrix in pooled])
    found = {
        name: spread([float(np.nan_to_num(score(matrix)[label])) for matrix in pooled])
        for name, score in per_class.items()
    }
    return {"accuracy": accuracy, **found}


def _known_mean(values: Floats) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def _epoch_seconds(members: Sequence[Entrant]) -> float | None:
    medians = [
        float(np.median([event["seconds"] for event in member.log.epochs.values()]))
        for member in members
        if member.log.epochs
    ]
    return float(np.mean(medians)) if medians else None


def _images_per_second(members: Sequence[Entrant]) -> float | None:
    paces = [
        member.log.started["val_images"] * part.share / part.seconds
        for member in members
        if member.log.started and (part := member.log.pace.prediction).seconds > 0 and part.share
    ]
    return float(np.mean(paces)) if paces else None
