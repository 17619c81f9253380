"""Which images train, choose and test: the splits of a run, made from those of its dataset.

`train` is learned from, `val` validates and chooses the best epoch, `test` is scored once, at the
end. A dataset often has two splits only, so that the images that choose also give the score. With
`val_split` "honest" a part of the training images validates instead, and the dataset's own
validation split becomes the test split.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from types import ModuleType

from segengine.config import DataConfig
from segengine.datasets import chosen_names, open_dataset, split_sizes
from segengine.datasets.base import SegDataset, Split
from segengine.datasets.splits.draw import stratified
from segengine.errors import UserError
from segengine.registry import find


def open_role(config: DataConfig, split: Split) -> SegDataset:
    """The images of one role; UserError where the dataset is missing or incomplete."""
    if not holds_out(config):
        return open_dataset(config, split)
    if split == "test":
        return open_dataset(config, "val")
    whole = open_dataset(config, "train")
    held_out = _held_out(config, whole)
    if split == "train":
        held_out_names = set(held_out)
        return _part(whole, tuple(name for name in whole.names if name not in held_out_names))
    return _part(whole, held_out)


def roles_of(config: DataConfig) -> tuple[Split, ...]:
    """The roles that a run has images in; UserError where data is missing."""
    return ("train", "val", "test") if is_tested(config) else ("train", "val")


def open_used(config: DataConfig, role: Split) -> tuple[SegDataset, tuple[str, ...]]:
    """The images of one role, and the names of those that a run uses; raises as `open_role`."""
    dataset = open_role(config, role)
    return dataset, dataset.names if role == "test" else chosen_names(dataset, config, role)


def role_sizes(config: DataConfig) -> dict[Split, int]:
    """Images per role that a run uses, limits applied; UserError where data is missing."""
    sizes = split_sizes(config)
    if _holds_out(config, sizes):
        held_out = _held_out_size(config, sizes["train"])
        sizes = {"train": sizes["train"] - held_out, "val": held_out, "test": sizes["val"]}
    limits: dict[Split, int] = {"train": config.train_limit, "val": config.val_limit}
    return {split: min(size, limits.get(split) or size) for split, size in sizes.items()}


def holds_out(config: DataConfig) -> bool:
    """Whether a part of the dataset's training split validates; UserError where data is missing."""
    return config.val_split == "honest" and _holds_out(config, split_sizes(config))


def is_tested(config: DataConfig) -> bool:
    """Whether a run scores a test split at its end; UserError where data is missing."""
    return config.val_split == "honest" and "test" in role_sizes(config)


def held_out_count(config: DataConfig, images: int) -> int:
    """How many of so many training images validate: `val_share` of them, but neither none nor all.

    Raises:
        UserError: there are fewer than two.
    """
    if images < 2:
        raise UserError(
            f"val_split honest needs at least 2 training images, one of which validates, but "
            f"{config.root} has {images}: add images, or choose official.",
            field="val_split",
        )
    return min(max(1, round(config.val_share * images)), images - 1)


def _held_out_size(config: DataConfig, images: int) -> int:
    """How many of the training images validate; only groups have to be looked at to know it."""
    has_groups = getattr(_module(config), "has_groups", None)
    if has_groups and has_groups(config):
        return len(_held_out(config, open_dataset(config, "train")))
    return held_out_count(config, images)


def _held_out(config: DataConfig, whole: SegDataset) -> tuple[str, ...]:
    """The training images that validate instead: of every kind its share, in whole groups."""
    count = held_out_count(config, len(whole.names))
    held_out = stratified(whole.names, whole.kind, count, config.split_seed, whole.group)
    if len(held_out) == len(whole.names):
        raise UserError(
            f"val_split honest needs training images of at least 2 groups, one of which validates, "
            f"but all {len(held_out):,} of {config.root} belong together: choose official.",
            field="val_split",
        )
    return held_out


def descriptions(config: DataConfig) -> dict[Split, str]:
    """Role -> what its images are, in a few words; UserError where data is missing."""
    module = _module(config)
    own: Mapping[Split, str] = getattr(module, "SPLIT_NAMES", {})
    names: dict[Split, str] = {
        split: own.get(split, f"{split} split of the dataset") for split in split_sizes(config)
    }
    if holds_out(config):
        return {"train": names["train"], "val": HELD_OUT, "test": names["val"]}
    return {**names, "val": HELD_OUT} if _is_drawn(module, config) else names


HELD_OUT = "held out of the training images"


def _module(config: DataConfig) -> ModuleType:
    return find("datasets", config.dataset).load()


def _holds_out(config: DataConfig, own: Collection[Split]) -> bool:
    """Own train, val and test splits are three roles already; so is a part that was drawn."""
    honest = config.val_split == "honest"
    return honest and "test" not in own and not _is_drawn(_module(config), config)


def _is_drawn(module: ModuleType, config: DataConfig) -> bool:
    """Whether the dataset itself draws its validation images from its training images."""
    draws = getattr(module, "draws_val", None)
    return bool(draws and draws(config))


def _part(dataset: SegDataset, names: tuple[str, ...]) -> SegDataset:
    part = copy.copy(dataset)
    part.names = names
    return part
