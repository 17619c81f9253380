"""The check of a dataset: every image and mask is read, and every problem listed."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from segengine.config import DataConfig
from segengine.datasets import (
    IGNORE_INDEX,
    ClassInfo,
    SegDataset,
    open_dataset,
    prepare_dataset,
)
from segengine.datasets.base import SPLITS, IncompleteSplit, ProgressFn, Split, read_image
from segengine.datasets.identical import identical_files
from segengine.errors import UserError

ProblemKind = Literal["dataset", "missing", "undecodable", "size", "label", "void", "duplicate"]
Size = tuple[int, int]  # (height, width) in pixels
T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: the dataset as a whole, a missing or undecodable file, an image and a mask of
            different size, a label that is not allowed, a mask that is void everywhere, or the same
            image twice.
        split: the split that it is in; "" for all splits.
        file: the file to look at; "" for the dataset as a whole.
        message: what is wrong and what to do, as a sentence.
    """

    kind: ProblemKind
    split: str
    file: str
    message: str


@dataclass
class SplitReport:
    """What one split holds.

    Attributes:
        images: number of its pairs, without those whose files are missing.
        pixels: pixels per class, over all readable masks.
        void: void pixels, over all readable masks.
        sizes: size -> number of images that have it.
    """

    split: Split
    images: int
    pixels: list[int]
    void: int = 0
    sizes: Counter[Size] = field(default_factory=Counter)

    def shares(self) -> list[float | None]:
        """Share per class of the pixels that are not void, 0 to 1; None where there are none."""
        total = sum(self.pixels)
        return [count / total if total else None for count in self.pixels]

    def void_share(self) -> float | None:
        """Share of void among all pixels, 0 to 1; None where there are none."""
        total = sum(self.pixels) + self.void
        return self.void / total if total else None


@dataclass(frozen=True)
class Report:
    """The result of `check_dataset`.

    Attributes:
        problems: what keeps the dataset from being used, or makes scores on it wrong.
        notes: what may be intended: the same image twice in one split.
    """

    dataset: str
    root: str
    classes: tuple[ClassInfo, ...]
    splits: tuple[SplitReport, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def check_dataset(config: DataConfig, progress: ProgressFn) -> Report:
    """Read every image and mask of every split, with `config.workers` threads.

    The dataset is prepared first (drawn, or downloaded where `config.download` says so). Limits on
    the number of images do not apply.
    """
    with contextlib.suppress(UserError):  # opening the splits reports it, with all files
        prepare_dataset(config, progress)
    opened, problems = _open_splits(config)
    reports: list[SplitReport] = []
    done, total = 0, sum(len(dataset.names) for dataset in opened.values())
    for split, dataset in opened.items():
        report = SplitReport(split, len(dataset.names), [0] * len(dataset.classes))
        for content in _read_pairs(dataset, split, config.workers):
            _add_content(report, content)
            problems += content.problems
            done += 1
            progress("Checking images", done, total)
        reports.append(report)
    across, notes = _duplicates(opened)
    classes = next((dataset.classes for dataset in opened.values()), ())
    return Report(config.dataset, config.root, classes, tuple(reports), (*problems, *across), notes)


def _open_splits(config: DataConfig) -> tuple[dict[Split, SegDataset], list[Problem]]:
    """The splits that can be opened, and the problems of those that cannot or are incomplete."""
    opened: dict[Split, SegDataset] = {}
    problems: dict[tuple[str, str], Problem] = {}  # splits of one pool share their problems
    for split in SPLITS:
        try:
            opened[split] = open_dataset(config, split)
        except IncompleteSplit as error:
            for path, partner in error.missing:
                message = f"{path} is missing, which belongs to {partner}."
                problems[str(path), message] = Problem("missing", split, str(path), message)
            if error.rest is not None:
                opened[split] = error.rest
        except UserError as error:
            if error.field != "split":  # a dataset need not have a test split
                problems["", str(error)] = Problem("dataset", "", "", str(error))
    reasons = list(problems.values())
    return opened, reasons if opened else reasons[:1]  # each split would say that data is missing


@dataclass(frozen=True)
class _PairContent:
    """What one pair holds; None where a file could not be read."""

    size: Size | None
    counts: np.ndarray | None  # (256,) pixels per label
    problems: tuple[Problem, ...]


def _read_pairs(dataset: SegDataset, split: Split, workers: int) -> Iterator[_PairContent]:
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(lambda name: _read_pair(dataset, split, name), dataset.names)


def _read_pair(dataset: SegDataset, split: Split, name: str) -> _PairContent:
    image_file, mask_file = dataset.files(name)
    problems: list[Problem] = []

    def attempt(read: Callable[[str], T], path: Path, kind: ProblemKind | None = None) -> T | None:
        try:
            return read(name)
        except UserError as error:
            kind = kind or _file_problem(path)
            problems.append(Problem(kind, split, str(path), str(error)))
            return None

    image = attempt(dataset.image, image_file)
    mask = attempt(dataset.mask, mask_file)
    if image is not None and mask is not None and image.shape[:2] != mask.shape:
        attempt(dataset.pair, mask_file, "size")
    counts = None if mask is None else np.bincount(mask.ravel(), minlength=256)
    if counts is not None and not counts[:IGNORE_INDEX].any():
        message = f"{mask_file} is void everywhere, so no pixel of it counts: remove the pair."
        problems.append(Problem("void", split, str(mask_file), message))
    size = None if image is None else (image.shape[0], image.shape[1])
    return _PairContent(size, counts, tuple(problems))


def _file_problem(path: Path) -> ProblemKind:
    """What is wrong with an image or mask that could not be used."""
    if not path.exists():
        return "missing"
    try:
        read_image(path)
    except UserError:
        return "undecodable"
    return "label"


def _add_content(report: SplitReport, content: _PairContent) -> None:
    if content.size is not None:
        report.sizes[content.size] += 1
    if content.counts is not None:
        for label in range(len(report.pixels)):
            report.pixels[label] += int(content.counts[label])
        report.void += int(content.counts[IGNORE_INDEX])


def _duplicates(
    opened: dict[Split, SegDataset],
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """The same image twice: (in two splits, within one split)."""
    split_of = {
        dataset.files(name)[0]: split for split, dataset in opened.items() for name in dataset.names
    }
    across: list[Problem] = []
    within: list[Problem] = []
    for group in identical_files(split_of):
        original, original_split = group[0], split_of[group[0]]
        for path in group[1:]:
            split = split_of[path]
            if split == original_split:
                message = f"{path} is the same image as {original}: it counts twice."
                within.append(Problem("duplicate", split, str(path), message))
                continue
            message = (
                f"{path} ({split}) is the same image as {original} ({original_split}), but a model "
                "must not be validated on an image that it was trained on: remove one of them."
            )
            across.append(Problem("duplicate", split, str(path), message))
    return tuple(across), tuple(within)
