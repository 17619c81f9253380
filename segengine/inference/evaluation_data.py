"""What an evaluation is over: which images of which data, and where its result lies."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from segengine.config import DataConfig
from segengine.datasets import (
    chosen_names,
    spread,
)
from segengine.datasets.base import ClassInfo, ProgressFn, SegDataset, Split
from segengine.datasets.decoded import DecodedSplit, decode_pairs
from segengine.datasets.formats.photo import Size, Turn
from segengine.datasets.splits.leaks import count_seen, image_files
from segengine.datasets.splits.roles import role_sizes
from segengine.errors import UserError
from segengine.inference.run_classes import open_with_classes
from segengine.run.event_log import read_events
from segengine.run.rundir import RunDir

Part = Literal["train", "val", "test", "all"]  # a split, or the images of all of them


class EvaluationData(NamedTuple):
    """The images that an evaluation scores.

    Attributes:
        name: of the result's folder: the dataset's, and a root's that is not the run's own.
        stem: of the result's files: the split's, and the number of images of an unusual limit.
        dataset: it holds the images and masks at their own sizes.
        pairs: those that are scored, decoded to the run's size.
        split_images: number of images of the whole split.
        dataset_images: number of images of all splits.
        trained_on: number of the images that the run (or one that its encoder comes from) was
            trained on, as files of the same content;
            None where its training images cannot be opened.
    """

    name: str
    stem: str
    dataset: SegDataset
    pairs: DecodedSplit
    split_images: int
    dataset_images: int
    trained_on: int | None


def open_evaluation_data(
    run: RunDir,
    classes: tuple[ClassInfo, ...],
    data: DataConfig,
    part: Part,
    limit: int | None,
    progress: ProgressFn,
) -> EvaluationData:
    """Open, limit and decode what is to be scored.

    Args:
        classes: the run's.
        limit: the number of images to use, 0 for all; None: the run's own `val_limit` for its own
            validation, and all of any other split or data.

    Raises:
        UserError: the data is missing or damaged, has no such split, or other classes than the run.
    """
    own = run.config().resolved().data
    if part == "all":
        splits = role_sizes(data)
        dataset: SegDataset = JoinedSplits(
            {split: open_with_classes(run, classes, data, split, progress) for split in splits}
        )
    else:
        dataset = open_with_classes(run, classes, data, part, progress)
    names = usual = _usual_names(dataset, data, own, part)
    if limit is not None:
        names = spread(dataset.names, limit or len(dataset.names))
    size, workers = data.height_width, data.workers
    return EvaluationData(
        name=data.dataset if data.root == own.root else root_name(data.dataset, data.root),
        stem=part if names == usual else f"{part}-{len(names)}",
        dataset=dataset,
        pairs=decode_pairs(dataset, names, size, workers=workers, progress=progress),
        split_images=len(dataset.names),
        dataset_images=_images_of_all_splits(data),
        trained_on=_trained_on(run, [dataset.files(name)[0] for name in names]),
    )


class JoinedSplits(SegDataset):
    """Several splits of a dataset as one; a name that two of them have gets the split's before it.

    Args:
        parts: splits of the same classes.
    """

    def __init__(self, parts: Mapping[Split, SegDataset]) -> None:
        counts = Counter(name for dataset in parts.values() for name in dataset.names)
        self._owner = {
            name if counts[name] == 1 else f"{split}/{name}": (dataset, name)
            for split, dataset in parts.items()
            for name in dataset.names
        }
        self.names = tuple(self._owner)
        self.classes = next(iter(parts.values())).classes
        self.boundary_share = next(iter(parts.values())).boundary_share
        self.mapping = repr([(type(part).__name__, part.mapping) for part in parts.values()])

    def files(self, name: str) -> tuple[Path, Path]:
        dataset, inner = self._owner[name]
        return dataset.files(inner)

    def group(self, name: str) -> str:
        dataset, inner = self._owner[name]
        return dataset.group(inner)

    def photo(self, name: str, fits: Size | None = None) -> tuple[np.ndarray, Turn]:
        dataset, inner = self._owner[name]
        return dataset.photo(inner, fits)

    def mask(self, name: str) -> np.ndarray:
        dataset, inner = self._owner[name]
        return dataset.mask(inner)

    def turned_pair(self, name: str) -> tuple[np.ndarray, np.ndarray, Turn]:
        dataset, inner = self._owner[name]
        return dataset.turned_pair(inner)


def root_name(dataset: str, root: str) -> str:
    """A dataset's name with its root's: "oxford_pets-cats-3fa9c1", the same at every call."""
    folder_name = re.sub(r"[^\w.-]+", "_", Path(root).name)[:40]
    return f"{dataset}-{folder_name}-{hashlib.sha256(root.encode()).hexdigest()[:6]}"


def _usual_names(
    dataset: SegDataset, data: DataConfig, own: DataConfig, part: Part
) -> tuple[str, ...]:
    """All images; of the run's own validation those that it was validated on."""
    decides = ("dataset", "root", "val_split", "val_share", "split_seed")
    same = all(getattr(data, name) == getattr(own, name) for name in decides)
    return chosen_names(dataset, own, part) if same and part == "val" else dataset.names


def _images_of_all_splits(data: DataConfig) -> int:
    return sum(role_sizes(data.model_copy(update={"train_limit": 0, "val_limit": 0})).values())


def _trained_on(run: RunDir, images: Sequence[Path]) -> int | None:
    """How many of the image files have the content of one that the run was trained on.

    So do those on which the runs were trained that its encoder comes from, where they are known.
    """
    try:
        trained = _training_files(run)
    except UserError:
        return None
    for ancestor in _ancestors(run):
        with contextlib.suppress(UserError):
            trained |= _training_files(ancestor)
    return count_seen(trained, images)


def _training_files(run: RunDir) -> set[Path]:
    return set(image_files(run.config().resolved().data, "train"))


def _ancestors(run: RunDir) -> list[RunDir]:
    """The runs of this runs folder that the run's first weights come from."""
    events, _ = read_events(run.events_file)
    lineages = [event["lineage"] for event in events if event["event"] == "run_started"]
    lineage = lineages[-1] if lineages else None
    chain = lineage.get("chain", []) if lineage else []
    found = []
    for ancestor in chain:
        with contextlib.suppress(UserError):
            found.append(RunDir.open(run.path.parent, ancestor["run"] or ""))
    return found
