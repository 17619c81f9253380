"""A run's scores per class: of its validation, its test split, and all that was evaluated."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segengine.errors import UserError
from segengine.files import open_regular
from segengine.files.csv_cells import csv_cell
from segengine.results.comparison.leaderboard import foreground_label
from segengine.results.evaluations import SavedEvaluation, saved_evaluations
from segengine.results.image_matrices import read_matrices
from segengine.results.masks.sets import classes_of
from segengine.results.runlog import RunLog
from segengine.results.scored_on import boundary_words, sized, test_of, test_words, validation_words
from segengine.run.rundir import RunDir
from segengine.statistics.scores import Counts

Column = Sequence[float | None]  # a score per class, 0 to 1; None where it is undefined


class _Scored(BaseModel):
    """The scores of a result of `evaluate`, which is a `ValRecord` and more."""

    model_config = ConfigDict(allow_inf_nan=False)

    classes: list[str]
    confusion: list[list[Annotated[int, Field(ge=0, le=2**53)]]]
    miou: float
    pixel_accuracy: float
    mean_dice: float
    mean_precision: float
    mean_recall: float
    iou: list[float | None]
    dice: list[float | None]
    precision: list[float | None]
    recall: list[float | None]
    boundary_iou: float | None = None
    boundary_iou_per_class: list[float | None] = []


@dataclass(frozen=True)
class ScoreTable:
    """The scores of one set of images, 0 to 1.

    Attributes:
        key: the same for the same images, size and weights.
        title: "Validation", "Test, native size".
        over: which images, at which size, with the weights of which epoch.
        classes: in label order.
        columns: "iou", "dice", "precision", "recall" and "boundary_iou" -> the score per class,
            and their mean. Means are over the classes in truth or prediction, in which a precision
            or recall that is undefined counts as 0; None where the log does not say.
        confusion: (classes, classes), pixels, rows are the true class; None where it is not kept.
        boundary: what boundary IoU counts, in words.
        images: per class, the images whose truth holds it; none where they are not kept.
        foreground: of two classes, the one that is not the background; None for more.
    """

    key: str
    title: str
    over: str
    classes: tuple[str, ...]
    columns: dict[str, tuple[Column, float | None]]
    pixel_accuracy: float
    confusion: Counts | None
    boundary: str = ""
    images: tuple[int, ...] = ()
    foreground: int | None = None

    @property
    def pixels(self) -> tuple[int, ...]:
        """Per class its pixels in the truth; none where they are not kept."""
        if self.confusion is None:
            return ()
        return tuple(int(count) for count in self.confusion.sum(axis=1))

    @property
    def largest(self) -> tuple[str, float] | None:
        """The class with the most pixels, and its share of all; None where it is not known."""
        total = sum(self.pixels)
        if not total:
            return None
        label = int(np.argmax(self.pixels))
        return self.classes[label], self.pixels[label] / total


def score_tables(run: RunDir, log: RunLog) -> list[ScoreTable]:
    """What the run was scored on: its validation first, then the test split and the others."""
    tables = [_validation(run, log), *_evaluated(run, log)]
    if not any(table and table.key == "test" for table in tables):
        tables.insert(1, _held_back(log))
    order = {"val": 0, "test": 1}
    return sorted(filter(None, tables), key=lambda table: order.get(table.key, 2))


def scores_csv(table: ScoreTable) -> str:
    """One row per class, then their mean; a cell is empty where there is no number."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["class", *table.columns, "images", "pixels"])
    for label, name in enumerate(table.classes):
        scores = [_cell(per_class, label) for per_class, _ in table.columns.values()]
        counts = [values[label] if values else "" for values in (table.images, table.pixels)]
        rows.writerow([csv_cell(name), *scores, *counts])
    means = ["" if mean is None else f"{mean:.6f}" for _, mean in table.columns.values()]
    rows.writerow(["mean", *means, "", sum(table.pixels) or ""])
    rows.writerow(["pixel accuracy", f"{table.pixel_accuracy:.6f}"])
    return text.getvalue()


def _cell(per_class: Column, label: int) -> str:
    value = per_class[label] if per_class else None
    return "" if value is None else f"{value:.6f}"


def _validation(run: RunDir, log: RunLog) -> ScoreTable | None:
    """The best validation; None before the first one."""
    best = log.best()
    if best is None:
        return None
    confusion = log.epochs[best.epoch]["confusion"]
    found = read_matrices(run.per_image_file, run.confusion_file, best.epoch)
    pooled = np.asarray(confusion) if confusion else None
    of_these = found and pooled is not None and _holds(found.confusion, pooled)
    return _table(
        "val",
        f"Validation, best epoch {best.epoch:,}",
        validation_words(log),
        [info.name for info in classes_of(log)],
        best.scores,
        pooled,
        found.confusion if found and of_these else None,
        _boundary(log),
    )


def _holds(per_image: Counts, pooled: Counts) -> bool:
    """Whether the images' matrices are those of the whole: they may be of an older best epoch."""
    return per_image.shape[1:] == pooled.shape and bool((per_image.sum(axis=0) == pooled).all())


def _held_back(log: RunLog) -> ScoreTable | None:
    """The test split as the run's end has it: runs of older versions kept no more of it."""
    test, best = test_of(log), log.best()
    if test is None:
        return None
    names = [info.name for info in classes_of(log)]
    epoch = f", weights of epoch {best.epoch:,}" if best else ""
    over = f"{test_words(log)}{epoch}"
    return _table("test", "Test", over, names, test, None, None, _boundary(log))


def _evaluated(run: RunDir, log: RunLog) -> list[ScoreTable | None]:
    """What `evaluate` has scored, as far as it can be read."""
    return [_of_evaluation(run, log, saved) for saved in saved_evaluations(run)]


def _of_evaluation(run: RunDir, log: RunLog, saved: SavedEvaluation) -> ScoreTable | None:
    place = (saved.name, saved.stem)
    try:
        with open_regular(run.evaluation(*place)) as file:
            scored = _Scored.model_validate_json(file.read())
    except (OSError, ValidationError):
        return None
    if not _fits(scored):
        return None
    pooled = np.asarray(scored.confusion)
    found = read_matrices(
        run.evaluation_per_image(*place), run.evaluation_confusion(*place), saved.epoch
    )
    own = _is_own(run, saved)
    title, over = _title(saved, own=own), _over(saved, own=own, log=log)
    is_test = own and saved.stem == "test"
    key = "test" if is_test else "/".join(place)
    images = found.confusion if found and _holds(found.confusion, pooled) else None
    boundary = _boundary(log, saved.scored_at)
    return _table(key, title, over, scored.classes, scored.model_dump(), pooled, images, boundary)


def _boundary(log: RunLog, scored_at: str = "training") -> str:
    return boundary_words(log.started, scored_at) if log.started else ""


def _fits(scored: _Scored) -> bool:
    """Whether there is one score and one row for each class."""
    count = len(scored.classes)
    scores = (scored.iou, scored.dice, scored.precision, scored.recall)
    return (
        count > 0
        and all(len(values) == count for values in (scored.confusion, *scores))
        and all(len(row) == count for row in scored.confusion)
        and len(scored.boundary_iou_per_class) in (0, count)
    )


def _is_own(run: RunDir, saved: SavedEvaluation) -> bool:
    """Whether the scored data are those of the run."""
    try:
        data = run.config().resolved().data
    except UserError:
        return True  # nobody can tell
    return (saved.dataset, saved.root) == (data.dataset, str(data.root))


def _title(saved: SavedEvaluation, *, own: bool) -> str:
    """ "Test", "Validation, native size, last weights", "All of cats, 20 images"."""
    part = {"val": "Validation", "train": "Training", "test": "Test", "all": "All"}
    words = [part.get(saved.split, saved.split)]
    if not own:
        words[0] += f" of {saved.root.rstrip('/').rpartition('/')[2]}"
    if saved.split_images is not None and saved.images < saved.split_images:
        words.append(f"{saved.images:,} images")
    words += ["native size"] if saved.scored_at == "native" else []
    words += ["last weights"] if saved.weights == "last" else []
    return ", ".join(words)


def _over(saved: SavedEvaluation, *, own: bool, log: RunLog) -> str:
    """Which images, at which size, with which weights, and what they did in training."""
    whole = saved.split_images
    some = f"{saved.images:,} of {whole:,}" if whole and saved.images < whole else ""
    images = "1 image" if saved.images == 1 else f"{some or f'{saved.images:,}'} images"
    where = "" if own else f" of {saved.dataset} in {saved.root}"
    size = f", {sized(saved.scored_at, saved.image_size)}" if saved.image_size else ""
    weights = f", {saved.weights} weights (epoch {saved.epoch:,})"
    if saved.trained_on is None:
        seen = "whether the run was trained on some of them is not known"
    elif saved.trained_on:
        seen = f"{saved.trained_on:,} of them trained the run or its encoder"
    else:
        seen = "none of them trained the run"
    return f"{images}{where}{size}{weights}; {seen}"


def _table(
    key: str,
    title: str,
    over: str,
    classes: Sequence[str],
    record: Mapping[str, Any],
    pooled: Counts | None,
    per_image: Counts | None,
    boundary: str,
) -> ScoreTable:
    borders = record.get("boundary_iou_per_class") or []
    columns: dict[str, tuple[Column, float | None]] = {
        "iou": (record["iou"], record["miou"]),
        "dice": (record["dice"], record["mean_dice"]),
        "precision": (record["precision"], record["mean_precision"]),
        "recall": (record["recall"], record["mean_recall"]),
        "boundary_iou": (borders, record.get("boundary_iou") if borders else None),
    }
    held = (per_image.sum(axis=2) > 0).sum(axis=0) if per_image is not None else ()
    return ScoreTable(
        key,
        title,
        over,
        tuple(classes),
        columns,
        record["pixel_accuracy"],
        pooled,
        boundary if borders else "",
        tuple(int(count) for count in held),
        foreground_label(classes) if len(classes) == 2 else None,
    )
