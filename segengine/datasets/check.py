"""Reads a dataset whole and lists every problem in it, without torch."""

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
from segengine.datasets.base import IncompleteSplit, ProgressFn, Split, read_image
from segengine.datasets.identical import identical_files
from segengine.errors import UserError

ProblemKind = Literal["dataset", "missing", "undecodable", "size", "label", "void", "duplicate"]
Size = tuple[int, int]  # (height, width) in pixels
T = TypeVar("T")

_SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Problem:
    """Something to put right.

    Attributes:
        kind: what is wrong: the dataset as a whole, a file that is missing or cannot be decoded,
            sizes of image and mask that differ, a label that is not allowed, a mask that is void
            everywhere, or an image that is there twice.
        split: where it was found; "" for all splits.
        file: the file to look at; "" for the dataset as a whole.
        message: what is wrong and what to do, in a sentence.
    """

    kind: ProblemKind
    split: str
    file: str
    message: str


@dataclass
class SplitReport:
    """What one split holds.

    Attributes:
        images: pairs on its list, without those whose files are missing.
        pixels: pixels of each class, over all readable masks.
        void: void pixels.
        sizes: how many images have which size.
    """

    split: Split
    images: int
    pixels: list[int]
    void: int = 0
    sizes: Counter[Size] = field(default_factory=Counter)

    def shares(self) -> list[float | None]:
        """Each class's share of the pixels that are not void; None where there are none."""
        total = sum(self.pixels)
        return [count / total if total else None for count in self.pixels]

    def void_share(self) -> float | None:
        """The void pixels' share of all pixels; None where there are none."""
        total = sum(self.pixels) + self.void
        return self.void / total if total else None


@dataclass(frozen=True)
class Report:
    """What `check_dataset` found.

    Attributes:
        problems: what keeps the dataset from being used, or makes its scores wrong.
        notes: what is odd, but may be meant: images that a split holds twice.
    """

    dataset: str
    root: str
    classes: tuple[ClassInfo, ...]
    splits: tuple[SplitReport, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def check_dataset(config: DataConfig, progress: ProgressFn) -> Report:
    """Read every image and mask of every split, with `config.workers` threads.

    A dataset that is drawn by SegLab is drawn first where it is not there yet; `config.download`
    is followed, too. Limits on the number of images are not.
    """
    with contextlib.suppress(UserError):  # what is wrong is found below, with all its files
        prepare_dataset(config, progress)
    opened, problems = _open_splits(config)
    reports: list[SplitReport] = []
    total, before = sum(len(dataset.names) for dataset in opened.values()), 0
    for split, dataset in opened.items():
        report = SplitReport(split, len(dataset.names), [0] * len(dataset.classes))
        for done, seen in enumerate(_read(dataset, split, config.workers), start=before + 1):
            _count(report, seen)
            problems += seen.problems
            progress("Checking images", done, total)
        before += len(dataset.names)
        reports.append(report)
    doubles, notes = _duplicates(opened)
    classes = next((dataset.classes for dataset in opened.values()), ())
    return Report(
        config.dataset, config.root, classes, tuple(reports), (*problems, *doubles), notes
    )


def _open_splits(config: DataConfig) -> tuple[dict[Split, SegDataset], list[Problem]]:
    """The splits that can be opened, and why others cannot; files without a partner are listed."""
    opened: dict[Split, SegDataset] = {}
    problems: dict[tuple[str, str], Problem] = {}  # splits of one pool share their problems
    for split in _SPLITS:
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
    found = list(problems.values())
    return opened, found if opened else found[:1]  # each split would say that there is nothing


@dataclass(frozen=True)
class _Seen:
    """What one pair holds; None where a file could not be read."""

    size: Size | None
    counts: np.ndarray | None  # pixels by label, 256 of them
    problems: tuple[Problem, ...]


def _read(dataset: SegDataset, split: Split, workers: int) -> Iterator[_Seen]:
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(lambda name: _look(dataset, split, name), dataset.names)


def _look(dataset: SegDataset, split: Split, name: str) -> _Seen:
    image_file, mask_file = dataset.files(name)
    problems: list[Problem] = []

    def attempt(read: Callable[[str], T], path: Path, kind: ProblemKind | None = None) -> T | None:
        try:
            return read(name)
        except UserError as error:
            problems.append(Problem(kind or _kind(path), split, str(path), str(error)))
            return None

    image = attempt(dataset.image, image_file)
    mask = attempt(dataset.mask, mask_file)
    if image is not None and mask is not None and image.shape[:2] != mask.shape:
        attempt(dataset.pair, mask_file, "size")
    counts = None if mask is None else np.bincount(mask.ravel(), minlength=256)
    if counts is not None and not counts[:IGNORE_INDEX].any():
        message = (
            f"{mask_file} is void everywhere: nothing can be learned from it; remove the pair."
        )
        problems.append(Problem("void", split, str(mask_file), message))
    size = None if image is None else (image.shape[0], image.shape[1])
    return _Seen(size, counts, tuple(problems))


def _kind(path: Path) -> ProblemKind:
    """What is wrong with a file that could not be used."""
    if not path.exists():
        return "missing"
    try:
        read_image(path)
    except UserError:
        return "undecodable"
    return "label"


def _count(report: SplitReport, seen: _Seen) -> None:
    if seen.size is not None:
        report.sizes[seen.size] += 1
    if seen.counts is not None:
        for label in range(len(report.pixels)):
            report.pixels[label] += int(seen.counts[label])
        report.void += int(seen.counts[IGNORE_INDEX])


def _duplicates(
    opened: dict[Split, SegDataset],
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Images that are there twice: (in two splits, within one)."""
    split_of = {
        dataset.files(name)[0]: split for split, dataset in opened.items() for name in dataset.names
    }
    across: list[Problem] = []
    within: list[Problem] = []
    for group in identical_files(split_of):
        first = group[0]
        for path in group[1:]:
            one, other = split_of[first], split_of[path]
            found = across if one != other else within
            found.append(Problem("duplicate", other, str(path), _same(path, first, other, one)))
    return tuple(across), tuple(within)


def _same(path: Path, first: Path, split: Split, of: Split) -> str:
    if split == of:
        return f"{path} is the same image as {first}: it counts twice."
    return (
        f"{path} ({split}) is the same image as {first} ({of}): what a model learns from must not "
        "judge it; remove one of them."
    )
