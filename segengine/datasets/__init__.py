"""Datasets by name, one file per dataset. The whole folder is free of torch.

A dataset file offers

- `ENTRIES`, a literal read by `segengine.registry`: name -> label and the optional DataConfig
  fields that it takes,
- `classes(config)`, its classes in label order, where possible before anything is downloaded,
- `sizes(config)`, split -> number of images, of the splits that it has (train and val at least),
- `prepare(config, progress)`, which downloads or draws what is missing,
- `open_split(config, split)`, a `SegDataset`,
- `notes(config)`, if it likes: what is left out, or read in an unusual way, one sentence each,
- where it likes, `SPLIT_NAMES`, split -> what its publishers call it; `draws_val(config)`, whether
  its `val` is drawn from its training images already; and `has_groups(config)`, whether some images
  belong together.

What the system says against the dataset's folder (no right to read it, a name too long) is answered
here, for every dataset, by a sentence about the folder.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from segengine.config import DataConfig
from segengine.datasets.base import IGNORE_INDEX, SPLITS, ClassInfo, ProgressFn, SegDataset, Split
from segengine.datasets.splits.draw import stratified
from segengine.files.typed_paths import looking_at, typed_path
from segengine.registry import find

__all__ = [
    "IGNORE_INDEX",
    "SPLITS",
    "ClassInfo",
    "ProgressFn",
    "SegDataset",
    "Split",
    "chosen_names",
    "dataset_classes",
    "dataset_notes",
    "open_dataset",
    "prepare_dataset",
    "split_sizes",
]


def open_dataset(config: DataConfig, split: Split) -> SegDataset:
    """A split as the dataset has it; UserError where it is missing or incomplete.

    What a run trains and validates on is made of them: see `datasets.splits.roles`.
    """
    with _looking_at_root(config):
        dataset: SegDataset = find("datasets", config.dataset).load().open_split(config, split)
    return dataset


def dataset_classes(config: DataConfig) -> tuple[ClassInfo, ...]:
    """The classes of the config's dataset, in label order; UserError where they are not known."""
    with _looking_at_root(config):
        classes: tuple[ClassInfo, ...] = find("datasets", config.dataset).load().classes(config)
    return classes


def prepare_dataset(config: DataConfig, progress: ProgressFn) -> None:
    """Download or draw what is missing; UserError where that fails."""
    with _looking_at_root(config):
        find("datasets", config.dataset).load().prepare(config, progress)


def dataset_notes(config: DataConfig) -> list[str]:
    """What a person should know of how the dataset is read, one sentence each.

    Pixels are not read.

    Raises:
        UserError: data is missing.
    """
    notes = getattr(find("datasets", config.dataset).load(), "notes", None)
    with _looking_at_root(config):
        return [] if notes is None else notes(config)


def split_sizes(config: DataConfig) -> dict[Split, int]:
    """Images per split as the dataset has them; UserError where data is missing."""
    with _looking_at_root(config):
        sizes: dict[Split, int] = find("datasets", config.dataset).load().sizes(config)
    return sizes


def chosen_names(dataset: SegDataset, config: DataConfig, split: Split) -> tuple[str, ...]:
    """The images that a run uses: `train_limit` drawn of every kind, `val_limit` spread evenly."""
    limit = _limit(config, split) or len(dataset.names)
    if split != "train":
        return spread(dataset.names, limit)
    if config.draws == "1":
        return dataset.names[:limit]
    return stratified(dataset.names, dataset.kind, limit, config.split_seed)


def spread(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    """`count` of the names (at most all), evenly spread over the list, beginning with the first."""
    count = min(count, len(names))
    return tuple(names[i * len(names) // count] for i in range(count))


def _limit(config: DataConfig, split: Split) -> int:
    """The largest number of images to use of a split; 0: all."""
    return config.train_limit if split == "train" else config.val_limit


@contextlib.contextmanager
def _looking_at_root(config: DataConfig) -> Iterator[None]:
    """For all that reads the dataset: what the system says against its folder is a UserError."""
    with looking_at(config.root, "root"):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # the dataset says so
            os.stat(typed_path(config.root, "root"))
        yield
