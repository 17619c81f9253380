"""The report of `check` on a dataset, as text for the terminal and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from segengine.cli.tables import columns
from segengine.datasets.check import Problem, Report, Size, SplitReport

_LISTED_NOTES = 10


def as_text(report: Report) -> str:
    """Images and sizes, class shares, notes, and every problem; one block per topic."""
    blocks = [f"Dataset {report.dataset} in {report.root}"]
    if report.splits:
        blocks += [_sizes(report), _shares(report)]
    if report.notes:
        blocks.append(_listed("note", report.notes, limit=_LISTED_NOTES))
    blocks.append(_listed("problem", report.problems) if report.problems else "No problems found.")
    return "\n\n".join(blocks)


def as_json(report: Report) -> str:
    """The same as strict JSON: shares as fractions of 1, sizes as [height, width] in pixels."""
    content = {
        "dataset": report.dataset,
        "root": report.root,
        "classes": [{"name": info.name, "color": info.color} for info in report.classes],
        "splits": [_split_json(split) for split in report.splits],
        "problems": [asdict(problem) for problem in report.problems],
        "notes": [asdict(note) for note in report.notes],
    }
    return json.dumps(content, indent=2, allow_nan=False)


def _split_json(split: SplitReport) -> dict[str, Any]:
    return {
        "split": split.split,
        "images": split.images,
        "pixels": split.pixels,
        "shares": split.shares(),
        "void_pixels": split.void,
        "void_share": split.void_share(),
        "sizes": {name: list(size) for name, size in typical_sizes(split.sizes)},
        "most_common_images": max(split.sizes.values(), default=0),
    }


def typical_sizes(sizes: Counter[Size]) -> Iterator[tuple[str, Size]]:
    """Smallest, median and largest size by area, and the most common one; none without images."""
    if sizes:
        ranked = sorted(sizes.elements(), key=lambda size: (size[0] * size[1], size))
        yield "smallest", ranked[0]
        yield "median", ranked[(len(ranked) - 1) // 2]
        yield "largest", ranked[-1]
        yield "most_common", max(sizes, key=lambda size: (sizes[size], size))


def _sizes(report: Report) -> str:
    rows = [["SPLIT", "IMAGES", "SMALLEST", "MEDIAN", "LARGEST", "MOST COMMON"]]
    for split in report.splits:
        sizes = {name: f"{size[0]}x{size[1]}" for name, size in typical_sizes(split.sizes)}
        if sizes:
            sizes["most_common"] += f" ({_images(max(split.sizes.values()))})"
        cells = [sizes.get(name, "-") for name in ("smallest", "median", "largest", "most_common")]
        rows.append([split.split, f"{split.images:,}", *cells])
    return f"Images and their sizes (height x width in pixels, ranked by area)\n{columns(rows)}"


def _shares(report: Report) -> str:
    rows = [["CLASS", *(split.split for split in report.splits)]]
    for label, info in enumerate(report.classes):
        shares = [split.shares()[label] for split in report.splits]
        rows.append([info.name, *map(_percent, shares)])
    rows.append(["void", *(_percent(split.void_share()) for split in report.splits)])
    return f"Class shares (percent of the pixels that are not void; void: of all)\n{columns(rows)}"


def _percent(share: float | None) -> str:
    if share is None:
        return "-"
    return "< 0.01 %" if 0 < share < 0.0001 else f"{100 * share:.2f} %"


def _listed(noun: str, problems: Sequence[Problem], limit: int | None = None) -> str:
    title = f"1 {noun}" if len(problems) == 1 else f"{len(problems):,} {noun}s"
    lines = [f"- {problem.message}" for problem in problems[:limit]]
    if len(lines) < len(problems):
        lines.append(f"- and {len(problems) - len(lines):,} more: --json lists them all")
    return "\n".join([f"{title}:", *lines])


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
