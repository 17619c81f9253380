"""Folder: people's own images and masks, in any number of classes.

Files are paired by name (`img_7.jpg` and `img_7.png`), in one of two layouts:

    <root>/{train,val[,test]}/{images,masks}/    own splits
    <root>/{images,masks}/                       split by chance: val_share, split_seed

Masks hold one number a pixel (gray, palette, 16-bit) or colors (RGB). What they stand for is told
by `<root>/classes.json` (`formats.class_table` says how it looks). Without it, the
numbers must be 0, 1, 2, ... without gaps, and 255 is void.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segengine.config import DataConfig
from segengine.datasets.base import (
    ClassInfo,
    IncompleteSplit,
    ProgressFn,
    SegDataset,
    Split,
    no_such_split,
    read_image,
)
from segengine.datasets.folder_layout import Pairs, list_splits
from segengine.datasets.formats.class_guess import guess_class_table
from segengine.datasets.formats.class_table import FILE, ClassTable, read_class_table
from segengine.datasets.formats.folder_masks import read_mask
from segengine.datasets.formats.mask_scan import scan_masks
from segengine.datasets.identical import identical_files
from segengine.errors import UserError

ENTRIES = {
    "folder": {"label": "Your own images (folder)", "options": ["root", "val_share", "split_seed"]}
}


_IMAGE_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}


class FolderDataset(SegDataset):
    """One split of people's own images."""

    def __init__(self, pairs: Mapping[str, tuple[Path, Path]], table: ClassTable) -> None:
        self.names = tuple(pairs)
        self.classes = table.classes
        self.mapping = table.key
        self.table = table
        self._pairs = pairs

    def files(self, name: str) -> tuple[Path, Path]:
        return self._pairs[name]

    def image(self, name: str) -> np.ndarray:
        path = self.files(name)[0]
        image = read_image(path)
        if image.mode not in _IMAGE_MODES:
            raise UserError(
                f"{path} is stored as {image.mode}, which does not fit 8 bits a channel: save it "
                "as RGB or as 8-bit gray.",
                field="root",
            )
        return np.asarray(image.convert("RGB"))

    def mask(self, name: str) -> np.ndarray:
        return read_mask(self.files(name)[1], self.table)


def classes(config: DataConfig) -> tuple[ClassInfo, ...]:
    """The classes of `classes.json`, or as many as the masks hold.

    Raises:
        UserError: `classes.json` cannot stand, or the masks do not tell the classes.
    """
    return _table(config, list_splits(config), _quiet).classes


def sizes(config: DataConfig) -> dict[Split, int]:
    """How many pairs each split has; UserError where the folder cannot be used."""
    splits = list_splits(config)
    for pairs in splits.values():
        _require_whole(pairs)
    return {split: len(pairs.files) for split, pairs in splits.items()}


def open_split(config: DataConfig, split: Split) -> SegDataset:
    """One split of the folder; UserError where it is missing, or has files without a partner."""
    splits = list_splits(config)
    if split not in splits:
        raise no_such_split(f"The folder {config.root}", split, splits)
    dataset = FolderDataset(splits[split].files, _table(config, splits, _quiet))
    _require_whole(splits[split], dataset)
    return dataset


def prepare(config: DataConfig, progress: ProgressFn) -> None:
    """Look for the classes where no `classes.json` tells them, and for images in two splits.

    Raises:
        UserError: the classes cannot be told, or splits share images.
    """
    splits = list_splits(config)
    _table(config, splits, progress)
    split_of = {path[0]: split for split, pairs in splits.items() for path in pairs.files.values()}
    shared = [
        group for group in identical_files(split_of) if len({split_of[path] for path in group}) > 1
    ]
    if shared:
        one = shared[0][0]
        other = next(path for path in shared[0] if split_of[path] != split_of[one])
        others = len(shared) - 1
        more = f" {others:,} more image{' is' if others == 1 else 's are'} in two splits, too."
        raise UserError(
            f"{one} ({split_of[one]}) and {other} ({split_of[other]}) are the same image, but what "
            f"a model learns from must not judge it: remove one of them.{more if others else ''}",
            field="root",
        )


def _table(config: DataConfig, splits: Mapping[Split, Pairs], progress: ProgressFn) -> ClassTable:
    path = Path(config.root).expanduser() / FILE
    if path.is_file():
        return read_class_table(path)
    masks = [mask for pairs in splits.values() for _, mask in pairs.files.values()]
    masks.sort(key=str)  # the same for every seed of the split, so that no seed reads them again
    return guess_class_table(scan_masks(masks, config.workers, progress), path)


def _require_whole(pairs: Pairs, rest: SegDataset | None = None) -> None:
    if pairs.missing:
        place = pairs.missing[0][0].parent
        raise IncompleteSplit(
            place.name.removesuffix("s"),
            place,
            pairs.missing,
            "Images and masks are paired by name: correct it, or remove what has no partner.",
            rest,
        )


def _quiet(phase: str, done: int, total: int) -> None:
    """ProgressFn that nobody watches."""
