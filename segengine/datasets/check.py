"""The check of a dataset: every image and mask is read, and every problem listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
    dataset_notes,
    open_dataset,
    prepare_dataset,
)
from segengine.datasets.base import SPLITS, IncompleteSplit, ProgressFn, SharedImages, Split
from segengine.datasets.formats.image_file import read_image
from segengine.datasets.formats.photo import Turn, open_turns
from segengine.datasets.identical import identical_files
from segengine.errors import UserError

ProblemKind = Literal[
    "dataset", "missing", "undecodable", "size", "label", "void", "duplicate", "turned", "left out"
]
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
        turned: what was done about EXIF orientations -> number of images.
    """

    split: Split
    images: int
    pixels: list[int]
    void: int = 0
    sizes: Counter[Size] = field(default_factory=Counter)
    turned: Counter[Turn] = field(default_factory=Counter)

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
        notes: what may be intended: the same image twice in one split, files that are left out,
            images turned upright.
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
    unprepared = _prepare(config, progress)
    opened, problems = _open_splits(config)
    if unprepared and opened and all(problem.message != unprepared for problem in problems):
        problems.append(Problem("dataset", "", "", unprepared))
    reports: list[SplitReport] = []
    done, total = 0, sum(len(dataset.names) for dataset in opened.values())
    for split, dataset in opened.items():
        report = SplitReport(split, len(dataset.names), [0] * len(dataset.classes))
        turns: dict[Path, Turn] = {}
        for content in _read_pairs(dataset, split, config.workers):
            _add_content(report, content)
            turns[content.image] = content.turn
            problems += content.problems
            done += 1
            progress("Checking images", done, total)
        for error in open_turns(turns):
            problems.append(Problem("turned", split, "", str(error)))
        reports.append(report)
    across, within = _duplicates(opened)
    notes = (*_reading_notes(config), *_turned(reports), *within)
    classes = next((dataset.classes for dataset in opened.values()), ())
    return Report(config.dataset, config.root, classes, tuple(reports), (*problems, *across), notes)


def _prepare(config: DataConfig, progress: ProgressFn) -> str:
    """What keeps the dataset from being prepared as a whole; "" where nothing does."""
    try:
        prepare_dataset(config, progress)
    except (IncompleteSplit, SharedImages):
        return ""  # told file by file
    except UserError as error:
        return str(error)
    return ""


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
    image: Path
    turn: Turn


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

    mask = attempt(dataset.mask, mask_file)
    fits = None if mask is None else (mask.shape[0], mask.shape[1])
    counts = None if mask is None else np.bincount(mask.ravel(), minlength=256)
    del mask  # the largest of all arrays, before the image is read
    photo = attempt(lambda name: dataset.photo(name, fits), image_file)
    size = None if photo is None else (photo[0].shape[0], photo[0].shape[1])
    if size is not None and fits is not None and size != fits:
        attempt(dataset.pair, mask_file, "size")
    if counts is not None and not counts[:IGNORE_INDEX].any():
        message = f"{mask_file} is void everywhere, so no pixel of it counts: remove the pair."
        problems.append(Problem("void", split, str(mask_file), message))
    turn = "none" if photo is None else photo[1]
    return _PairContent(size, counts, tuple(problems), image_file, turn)


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
        report.turned[content.turn] += 1
    if content.counts is not None:
        for label in range(len(report.pixels)):
            report.pixels[label] += int(content.counts[label])
        report.void += int(content.counts[IGNORE_INDEX])


def _reading_notes(config: DataConfig) -> list[Problem]:
    """How the folder is read, and what is left out of it."""
    try:
        return [Problem("left out", "", "", note) for note in dataset_notes(config)]
    except UserError:  # opening the splits has said it
        return []


def _turned(reports: Sequence[SplitReport]) -> list[Problem]:
    """What was done about the images' EXIF orientations."""
    words: dict[str, tuple[Turn, ...]] = {
        "and turned upright, as viewers show them": ("upright", "either"),
        "but used as stored, since only so their masks fit": ("as stored",),
    }
    notes: list[Problem] = []
    for report in reports:
        for what, turns in words.items():
            count = sum(report.turned[turn] for turn in turns)
            are = f"image of {report.split} is" if count == 1 else f"images of {report.split} are"
            if count:
                message = f"{count:,} {are} marked as turned by EXIF, {what}."
                notes.append(Problem("turned", report.split, "", message))
    return notes


def _duplicates(
    opened: dict[Split, SegDataset],
) -> tuple[list[Problem], list[Problem]]:
    """The same image twice: (in two splits, within one split)."""
    splits_of: dict[Path, list[Split]] = {}
    for split, dataset in opened.items():
        for name in dataset.names:
            splits_of.setdefault(dataset.files(name)[0], []).append(split)
    across = [
        Problem("duplicate", splits[1], str(path), _in_two_splits(path, splits))
        for path, splits in splits_of.items()
        if len(splits) > 1
    ]
    within: list[Problem] = []
    for original, *copies in identical_files(splits_of):
        original_split = splits_of[original][0]
        for path in copies:
            split = splits_of[path][0]
            if split == original_split:
                message = f"{path} is the same image as {original}: it counts twice."
                within.append(Problem("duplicate", split, str(path), message))
                continue
            message = (
                f"{path} ({split}) is the same image as {original} ({original_split}), but a model "
                "must not be validated on an image that it was trained on: remove one of them."
            )
            across.append(Problem("duplicate", split, str(path), message))
    return across, within


def _in_two_splits(path: Path, splits: Sequence[Split]) -> str:
    return (
        f"{path} is in {' and in '.join(splits)}, but a model must not be validated on an image "
        "that it was trained on: take it off one list."
    )
