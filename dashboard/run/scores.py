"""The Scores block as text: a table of classes, and what stands small under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from dashboard.shared.formats import NOTHING, format_count, format_miou
from segengine.results.details.class_scores import Column, ScoreTable, scores_csv

HEADS = {
    "iou": "IoU",
    "dice": "F1 (Dice)",
    "precision": "Precision",
    "recall": "Recall",
    "boundary_iou": "Boundary IoU",
}
MEAN_HELP = (
    "Over the classes in truth or prediction; a class that is never predicted counts with "
    "precision 0."
)


class ScoreLine(TypedDict):
    """A class, with its color (#rrggbb, "" for none), and one text per column."""

    name: str
    color: str
    cells: list[str]


class ScoreText(TypedDict):
    """What the browser draws."""

    heads: list[str]
    rows: list[ScoreLine]
    mean: list[str]
    mean_help: str
    over: str
    notes: list[str]
    csv: str
    file: str


def score_text(table: ScoreTable, colors: Mapping[str, str], run_id: str) -> ScoreText:
    """A table of scores as text.

    Args:
        colors: class name -> #rrggbb, as the run has it.
    """
    counted = [values for values in (table.images, table.pixels) if values]
    heads = [title for title, values in _counts(table) if values]
    rows: list[ScoreLine] = [
        {
            "name": name,
            "color": colors.get(name, ""),
            "cells": [
                *(_score(per_class, label) for per_class, _ in table.columns.values()),
                *(format_count(values[label]) for values in counted),
            ],
        }
        for label, name in enumerate(table.classes)
    ]
    means = [format_miou(mean) for _, mean in table.columns.values()]
    totals = [
        "" if title == "Images" else format_count(sum(values))
        for title, values in _counts(table)
        if values
    ]
    return {
        "heads": ["Class", *(HEADS[name] for name in table.columns), *heads],
        "rows": rows,
        "mean": [*means, *totals],
        "mean_help": MEAN_HELP,
        "over": table.over,
        "notes": notes(table),
        "csv": scores_csv(table),
        "file": f"{run_id}-{table.key.replace('/', '-')}.csv",
    }


def notes(table: ScoreTable) -> list[str]:
    """The small print: pixel accuracy beside the largest class's share; of two classes the
    foreground's numbers."""
    accuracy = f"Pixel accuracy {format_miou(table.pixel_accuracy)}"
    if table.largest:
        name, share = table.largest
        accuracy += f"; {name} alone is {100 * share:.1f} % of the pixels"
    found = [f"{accuracy}."]
    if table.boundary:
        found.append(f"Boundary IoU: {table.boundary}.")
    if table.foreground is not None:
        label, name = table.foreground, table.classes[table.foreground]
        said = {"precision": "precision", "recall": "recall", "dice": "F1", "iou": "IoU"}
        numbers = [f"{words} {_score(table.columns[key][0], label)}" for key, words in said.items()]
        found.append(f"Foreground ({name}): {', '.join(numbers)}.")
    return found


def _counts(table: ScoreTable) -> list[tuple[str, Sequence[int]]]:
    return [("Images", table.images), ("Pixels", table.pixels)]


def _score(per_class: Column, label: int) -> str:
    return format_miou(per_class[label]) if per_class else NOTHING
