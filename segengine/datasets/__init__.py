"""Datasets by name. A module here has ENTRIES, `open_split`, `sizes` and `prepare`."""

from __future__ import annotations

from segengine.config import DataConfig
from segengine.datasets.base import IGNORE_INDEX, ClassInfo, Progress, SegDataset, Split
from segengine.registry import find

__all__ = [
    "IGNORE_INDEX",
    "ClassInfo",
    "Progress",
    "SegDataset",
    "Split",
    "chosen_names",
    "open_dataset",
    "prepare_dataset",
    "split_sizes",
]


def open_dataset(config: DataConfig, split: Split) -> SegDataset:
    """One split of the config's dataset; UserError where it is missing or incomplete."""
    dataset: SegDataset = find("datasets", config.dataset).load().open_split(config, split)
    return dataset


def prepare_dataset(config: DataConfig, progress: Progress) -> None:
    """Download or draw what is not there yet; UserError where that fails."""
    find("datasets", config.dataset).load().prepare(config, progress)


def split_sizes(config: DataConfig) -> dict[Split, int]:
    """Images that a run uses of each split, limits applied; UserError where data is missing."""
    whole: dict[Split, int] = find("datasets", config.dataset).load().sizes(config)
    limits = {"train": config.train_limit, "val": config.val_limit}
    return {split: min(size, limits[split] or size) for split, size in whole.items()}


def chosen_names(dataset: SegDataset, config: DataConfig, split: Split) -> tuple[str, ...]:
    """The names that a run uses: the first `train_limit`, or `val_limit` spread over the set."""
    if split == "train":
        return dataset.names[: config.train_limit or None]
    return spread(dataset.names, config.val_limit or len(dataset.names))


def spread(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    """`count` of the names (at most all), evenly over the list, the first always among them."""
    count = min(count, len(names))
    return tuple(names[i * len(names) // count] for i in range(count))
