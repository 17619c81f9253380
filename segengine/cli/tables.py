"""Runs and scores as plain text, for the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from segengine.results.evaluations import SavedEvaluation, saved_evaluations
from segengine.results.runlog import open_log
from segengine.results.scored_on import test_of, test_words, validation_words
from segengine.results.status import RunStatus
from segengine.results.table import RunRow, facts, read_row
from segengine.run.events import ValRecord
from segengine.run.rundir import RunDir

HEADS = ("RUN", "STATE", "EPOCH", "BEST mIoU", "CHOSEN ON", "TEST mIoU", "DATASET", "SIZE", "")


def runs(rows: Sequence[RunRow]) -> str:
    """One line per run: id, state, epochs, scores and their images, data, what is unreadable.

    Their names and tags, where any has some.
    """
    noted = [" ".join(filter(None, [_star(row), *_noted(row)])) for row in rows]
    lines = [[*HEADS], *map(_line, rows)]
    if any(noted):
        for line, words in zip(lines, ["NAME, TAGS", *noted], strict=True):
            line.insert(1, words or "-")
    return columns(lines)


def _star(row: RunRow) -> str:
    return "*" if row.notes.get("star") else ""


def _noted(row: RunRow) -> list[str]:
    """A run's name, and its tags as "#baseline"."""
    return [row.notes.get("name", ""), *(f"#{tag}" for tag in row.notes.get("tags", []))]


def _line(row: RunRow) -> list[str]:
    status = row.status
    data = [str(row.settings.get(name, "-")) for name in ("dataset", "image_size")]
    scores = [_best(status), status.chosen_on or "-", _score(status.test_miou)]
    return [row.run.id, status.state, _epochs(status), *scores, *data, row.problem]


def one_run(run: RunDir) -> str:
    """Everything about one run, one block per topic."""
    log = open_log(run.events_file)
    row = read_row(run, log)
    status = row.status
    blocks = [_head(run, status)]
    if row.config:
        folder = shlex.quote(str(run.path.parent))
        blocks.append(f"Started as\n{row.config.command('train')} --runs-dir {folder}")
    blocks.append("\n".join(f"{title}: {value}" for title, value in facts(run, log)))
    best = log.best()
    if best and log.started:
        names = [record["name"] for record in log.started["classes"]]
        title = f"Best validation (epoch {best.epoch}): {validation_words(log)}"
        blocks.append(f"{title}\n{scores(names, best.scores)}")
        if test := test_of(log):
            title = f"Test (weights of epoch {best.epoch}): {test_words(log)}"
            blocks.append(f"{title}\n{scores(names, test)}")
    evaluations = saved_evaluations(run)
    if evaluations:
        blocks.append(f"Evaluations\n{_evaluations(evaluations)}")
    if status.message:
        blocks.append("\n".join(status.problems) or status.message)
    blocks += status.damage
    return "\n\n".join(blocks)


def scores(classes: Sequence[str], record: ValRecord) -> str:
    """Scores per class and their means over the classes in truth or prediction, 0 to 1.

    Boundary IoU is left out where a record of an older version lacks it.
    """
    per_class = {
        "IoU": record["iou"],
        "Dice": record["dice"],
        "precision": record["precision"],
        "recall": record["recall"],
    }
    if "boundary_iou_per_class" in record:
        per_class["boundary IoU"] = record["boundary_iou_per_class"]
    rows = [["class", *per_class]]
    for index, name in enumerate(classes):
        rows.append([name, *(_score(values[index]) for values in per_class.values())])
    counted = [value is not None for value in record["iou"]]
    rows.append(["mean", *(_score(_mean(values, counted)) for values in per_class.values())])
    loss = record["loss"]
    words = f", loss {'not finite' if loss is None else f'{loss:.4f}'}"
    if record.get("scored_at") == "native":  # of which there is no loss
        words = ""
    accuracy = f"pixel accuracy {record['pixel_accuracy']:.4f}"
    return f"{columns(rows)}\nmIoU {record['miou']:.4f}, {accuracy}{words}"


def _evaluations(results: Sequence[SavedEvaluation]) -> str:
    rows = [["SPLIT", "IMAGES", "mIoU", "SIZE", "EPOCH", "OF"]]
    for result in results:
        whole = result.split_images
        part = f" of {whole:,}" if whole and whole != result.images else ""
        seen = f" ({result.trained_on:,} seen in training)" if result.trained_on else ""
        rows.append(
            [
                result.split,
                f"{result.images:,}{part}{seen}",
                f"{result.miou:.3f}",
                "native" if result.scored_at == "native" else _size(result.image_size),
                f"{result.epoch}{' (last)' * (result.weights == 'last')}",
                f"{result.dataset} in {result.root}",
            ]
        )
    return columns(rows)


def _size(size: Sequence[int]) -> str:
    return "x".join(map(str, size)) or "-"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def _head(run: RunDir, status: RunStatus) -> str:
    lines = [
        f"Run {run.id}: {status.state}",
        f"Epochs: {_epochs(status)}, best mIoU {_best(status)}",
    ]
    if status.activity:
        lines.append(status.activity)
    return "\n".join(lines)


def _epochs(status: RunStatus) -> str:
    return f"{status.epoch}/{status.epochs}" if status.epochs else "-"


def _best(status: RunStatus) -> str:
    if status.best_miou is None:
        return "-"
    return f"{status.best_miou:.3f} (epoch {status.best_epoch})"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _mean(values: Sequence[float | None], counted: Sequence[bool]) -> float | None:
    """As `segengine.statistics.scores` does: an undefined score of a class that counts is 0."""
    scored = [value or 0.0 for value, counts in zip(values, counted, strict=True) if counts]
    return sum(scored) / len(scored) if scored else None
