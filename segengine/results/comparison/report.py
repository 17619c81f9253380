"""A comparison as text: for a terminal, for a report (CSV, Markdown, LaTeX) and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np

from segengine.files.csv_cells import csv_cell
from segengine.results.comparison.compare import Comparison
from segengine.results.comparison.leaderboard import Line
from segengine.results.comparison.pairs import Pair
from segengine.statistics.scores import with_none
from segengine.statistics.seeds import Spread

Kind = Literal["csv", "markdown", "latex"]
SIZES = {"training": "at the size that the models see", "native": "at the masks' own sizes"}
_LATEX = {**{sign: f"\\{sign}" for sign in "&%$#_{}"}, "\\": r"\textbackslash{}"}
_LATEX |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def heads(comparison: Comparison) -> list[str]:
    """The columns of the report's table."""
    if len(comparison.shared.classes) == 2:
        extra = [f"foreground {name}" for name in ("accuracy", "precision", "recall", "F1", "IoU")]
    else:
        extra = []
    return [
        *("run", "seeds", "mIoU", "image-level mIoU", "worst 5 %", "boundary IoU", "Dice"),
        *("precision", "recall", "pixel accuracy"),
        *(f"IoU {name}" for name in comparison.shared.classes),
        *extra,
        *("parameters", "s per epoch", "images per s"),
    ]


def cells(line: Line) -> list[str]:
    """The cells of one line, in the order of `heads`; means with their SD over several seeds."""
    scores = (
        *(line.miou, line.by_image, line.worst, line.boundary_iou, line.dice),
        *(line.precision, line.recall, line.accuracy),
    )
    return [
        line.group.name,
        str(len(line.miou.values)),
        *map(score_words, scores),
        *("-" if np.isnan(value) else f"{value:.3f}" for value in line.iou),
        *map(score_words, line.foreground.values()),
        "-" if line.parameters is None else f"{line.parameters:,}",
        "-" if line.epoch_seconds is None else f"{line.epoch_seconds:.1f}",
        "-" if line.images_per_second is None else f"{line.images_per_second:.1f}",
    ]


def score_words(spread: Spread) -> str:
    """ "0.513 ± 0.003", or "0.513" of one seed; "-" where it is not known."""
    if np.isnan(spread.mean):
        return "-"
    return f"{spread.mean:.3f}" + (f" ± {spread.sd:.3f}" if spread.sd is not None else "")


def report_table(comparison: Comparison, kind: Kind) -> str:
    """The leaderboard as a table to hand in; its caption says what the scores are over."""
    head, rows = heads(comparison), [cells(line) for line in comparison.lines]
    caption = (
        f"Scores over {comparison.over}; mean and SD (n - 1) where there are several seeds. "
        f"Boundary IoU: {comparison.boundary}."
    )
    if kind == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(head)
        writer.writerows([csv_cell(cell) for cell in row] for row in rows)
        return text.getvalue()
    if kind == "markdown":
        lines = [_markdown(head), _markdown(["---", *["---:"] * (len(head) - 1)])]
        return "\n".join([*lines, *map(_markdown, rows), "", caption, ""])
    body = "\n".join(" & ".join(map(_latex, row)) + r" \\" for row in rows)
    return (
        "\\begin{table}\n\\centering\n"
        f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}\n\\hline\n"
        f"{' & '.join(map(_latex, head))} \\\\\n\\hline\n{body}\n\\hline\n\\end{{tabular}}\n"
        f"\\caption{{{_latex(caption)}}}\n\\end{{table}}\n"
    )


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Everything but the matrices, ready for JSON; scores are 0 to 1."""
    return {
        "over": comparison.over,
        "boundary": comparison.boundary,
        "split": comparison.split,
        "size": comparison.size,
        "weights": comparison.weights,
        "images": len(comparison.shared.names),
        "seed": comparison.seed,
        "resamples": comparison.resamples,
        "remarks": [*comparison.shared.remarks, *comparison.rare],
        "differing": [asdict(one) for one in comparison.differing],
        "leaderboard": [_line_json(comparison, line) for line in comparison.lines],
        "pairs": [_pair_json(pair) for pair in comparison.pairs],
        "ranks": None if comparison.ranks is None else comparison.ranks.round(4).tolist(),
        "classes": [
            {"name": name, "images": images, "pixels": pixels}
            for name, (images, pixels) in zip(
                comparison.shared.classes, comparison.class_counts, strict=False
            )
        ],
    }


def _line_json(comparison: Comparison, line: Line) -> dict[str, Any]:
    spreads = {
        name: asdict(getattr(line, name))
        for name in (
            *("miou", "by_image", "by_class", "worst", "boundary_iou", "dice"),
            *("precision", "recall", "accuracy"),
        )
    }
    return {
        "name": line.group.name,
        "runs": [comparison.entrants[place].id for place in line.group.members],
        "epochs": list(line.epochs),
        **_without_nan(spreads),
        "iou": with_none(line.iou),
        "foreground": {name: asdict(one) for name, one in line.foreground.items()},
        "parameters": line.parameters,
        "epoch_seconds": line.epoch_seconds,
        "images_per_second": line.images_per_second,
    }


def _pair_json(pair: Pair) -> dict[str, Any]:
    found: dict[str, Any] = _without_nan(
        {
            "a": pair.a.name,
            "b": pair.b.name,
            "difference": pair.value,
            "interval": pair.interval and list(pair.interval[:2]),
            "interval_over": pair.by,
            "interval_method": pair.interval and pair.interval.method,
            "standard_error": pair.images.standard_error,
            "identical": pair.images.identical,
            "share_of_images": {"a_better": pair.wins[0], "b_better": pair.wins[1]},
            "seeds": pair.seeds and asdict(pair.seeds),
            "sentence": pair.sentence,
        }
    )
    return found


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _markdown(row: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in row) + " |"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text).replace("±", r"$\pm$")
