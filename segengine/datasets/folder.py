"""Folder: people's own images and masks, with 2 to 255 classes.

Files are paired by name (`img_7.jpg` and `img_7.png`), in one of two layouts:

    <root>/{train,val[,test]}/{images,masks}/    own splits
    <root>/{images,masks}/                       random split: val_share, split_seed

Also understood: labels/ for masks/, valid/ for val/, masks beside their split (train/ and
trainannot/ or train_labels/), and one suffix that all masks share (`img_7_mask.png`).

Masks hold one number per pixel (gray, palette, 16-bit) or colors (RGB). `<root>/classes.json` says
what they stand for (its format is described in `formats.class_table`). Without it, the numbers must
be 0, 1, 2, ... without gaps, and 255 is void; black and white with `binary`. `<root>/groups.csv`
says which images belong together (`formats.groups`): a random split keeps them together.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segengine.config import DataConfig
from segengine.config.messages import shown
from segengine.datasets.base import (
    SPLITS,
    ClassInfo,
    IncompleteSplit,
    ProgressFn,
    SegDataset,
    SharedImages,
    Split,
    no_such_split,
)
from segengine.datasets.folder_layout import Pairs, beside_the_layout, list_splits, own_splits
from segengine.datasets.formats.class_check import check_masks
from segengine.datasets.formats.class_guess import BINARY, guess_class_table, proposal
from segengine.datasets.formats.class_table import CLASSES_FILE, ClassTable, read_class_table
from segengine.datasets.formats.groups import GROUPS_FILE, read_groups
from segengine.datasets.formats.mask_labels import read_mask
from segengine.datasets.formats.mask_scan import MaskScan, scan_masks
from segengine.datasets.identical import identical_files
from segengine.errors import UserError

ENTRIES = {
    "folder": {
        "label": "Your own images (folder)",
        "options": ["root", "binary", "val_share", "split_seed"],
    }
}

SPLIT_NAMES: dict[Split, str] = {split: f"{split}/ of the folder" for split in SPLITS}


class FolderDataset(SegDataset):
    """One split of people's own images."""

    def __init__(
        self,
        pairs: Mapping[str, tuple[Path, Path]],
        table: ClassTable,
        groups: Mapping[str, str] | None = None,
    ) -> None:
        self._groups = groups or {}
        self.names = tuple(pairs)
        self.classes = table.classes
        self.mapping = table.key
        self.table = table
        self._pairs = pairs

    def files(self, name: str) -> tuple[Path, Path]:
        return self._pairs[name]

    def group(self, name: str) -> str:
        return self._groups.get(name, "")

    def mask(self, name: str) -> np.ndarray:
        return read_mask(self.files(name)[1], self.table)


def classes(config: DataConfig) -> tuple[ClassInfo, ...]:
    """The classes of `classes.json`, or one class per number in the masks.

    Raises:
        UserError: `classes.json` is not valid, or the classes do not follow from the masks.
    """
    return _table_of(config, list_splits(config), _no_progress).classes


def sizes(config: DataConfig) -> dict[Split, int]:
    """Pairs per split; UserError where the folder cannot be used."""
    splits = list_splits(config)
    for pairs in splits.values():
        _require_whole(pairs)
    return {split: len(pairs.files) for split, pairs in splits.items()}


def open_split(config: DataConfig, split: Split) -> SegDataset:
    """One split of the folder.

    Raises:
        UserError: the split is missing, or its classes are not known.
        IncompleteSplit: it has files without a partner.
    """
    splits = list_splits(config)
    if split not in splits:
        raise no_such_split(f"The folder {config.root}", split, splits)
    groups = groups_of(config, splits, split)
    dataset = FolderDataset(splits[split].files, _table_of(config, splits, _no_progress), groups)
    _require_whole(splits[split], dataset)
    return dataset


def draws_val(config: DataConfig) -> bool:
    """Whether the validation images are drawn: the folder has no splits of its own."""
    return not own_splits(config)


def has_groups(config: DataConfig) -> bool:
    """Whether some images belong together."""
    return os.path.lexists(Path(config.root).expanduser() / GROUPS_FILE)


def prepare(config: DataConfig, progress: ProgressFn) -> None:
    """Read all masks, to know their classes or to compare them with `classes.json`; compare splits.

    Raises:
        UserError: the classes do not follow from the masks, the masks contradict `classes.json` or
            each other, or two splits share an image.
    """
    splits = list_splits(config)
    table = _table_of(config, splits, progress)
    check_masks(_scan(config, splits, progress), table)
    split_of = {path[0]: split for split, pairs in splits.items() for path in pairs.files.values()}
    shared = [
        group for group in identical_files(split_of) if len({split_of[path] for path in group}) > 1
    ]
    if shared:
        first = shared[0][0]
        second = next(path for path in shared[0] if split_of[path] != split_of[first])
        others = len(shared) - 1
        more = f" {others:,} more image{' is' if others == 1 else 's are'} in two splits, too."
        raise SharedImages(
            f"{first} ({split_of[first]}) and {second} ({split_of[second]}) are the same image, "
            "but a model must not be validated on an image that it was trained on: remove one of "
            f"them.{more if others else ''}",
            field="root",
        )


def notes(config: DataConfig) -> list[str]:
    """What a person should know of how the folder is read: one sentence each.

    Raises:
        UserError: the folder cannot be used.
    """
    # In order; splits of one pool have the same.
    sentences = dict.fromkeys(left_out.sentence for left_out in beside_the_layout(config))
    for pairs in list_splits(config).values():
        if pairs.suffix:
            mask = next(iter(pairs.files.values()))[1]
            sentence = f"All masks in {mask.parent} end in {pairs.suffix}: paired without it."
            sentences[sentence] = None
        sentences.update(dict.fromkeys(left_out.sentence for left_out in pairs.left_out))
    sentences.update(dict.fromkeys(_groups_in_two_splits(config)))
    path = Path(config.root).expanduser() / CLASSES_FILE
    if not os.path.lexists(path) and not config.binary:
        count = len(classes(config))
        sentence = f"The masks hold the numbers 0 to {count - 1}, taken for {count} classes. "
        sentence += f"To name them, or to make one void, write {path}: {proposal(count)}."
        sentences[sentence] = None
    return list(sentences)


def _groups_in_two_splits(config: DataConfig) -> list[str]:
    """Which groups a person has put into several splits, in a sentence; a random split does not."""
    splits = list_splits(config)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for split in splits:
        for group in sorted(set(groups_of(config, splits, split).values())):
            found[group].append(split)
    shared = {group: names for group, names in found.items() if len(names) > 1}
    if not shared:
        return []
    group, names = next(iter(shared.items()))
    places = f"{', '.join(names[:-1])} and {names[-1]}"
    others = len(shared) - 1
    more = f" (and {others:,} more such group{'s' if others > 1 else ''})" if others else ""
    return [
        f"By {GROUPS_FILE}, {shown(group)} has images in {places}{more}: a model "
        "that was trained on images so alike scores too high."
    ]


def groups_of(config: DataConfig, splits: Mapping[Split, Pairs], split: Split) -> dict[str, str]:
    """Image -> group, of a split; one name in two splits may be told apart, as in val/img_7.

    Raises:
        UserError: as `read_groups`.
    """
    known = {name for pairs in splits.values() for name in pairs.files}
    named = {f"{part}/{name}" for part, pairs in splits.items() for name in pairs.files}
    groups = read_groups(Path(config.root).expanduser() / GROUPS_FILE, known | named)
    own = {name: groups.get(f"{split}/{name}") or groups.get(name) for name in splits[split].files}
    return {name: group for name, group in own.items() if group}


def _table_of(
    config: DataConfig, splits: Mapping[Split, Pairs], progress: ProgressFn
) -> ClassTable:
    path = Path(config.root).expanduser() / CLASSES_FILE
    if not os.path.lexists(path):
        return guess_class_table(_scan(config, splits, progress), path, binary=config.binary)
    if config.binary:
        raise UserError(
            f"{BINARY} was chosen, but {path} says what the masks hold: leave it out.",
            field="binary",
        )
    return read_class_table(path)


def _scan(config: DataConfig, splits: Mapping[Split, Pairs], progress: ProgressFn) -> MaskScan:
    masks = [mask for pairs in splits.values() for _, mask in pairs.files.values()]
    masks.sort(key=str)  # one order for all split seeds, so that the masks are read once
    return scan_masks(masks, config.workers, progress)


def _require_whole(pairs: Pairs, rest: SegDataset | None = None) -> None:
    if pairs.missing:
        place = pairs.missing[0][0].parent
        hint = f" {pairs.hint}" if pairs.hint else ""
        raise IncompleteSplit(
            place.name.removesuffix("s"),
            place,
            pairs.missing,
            "Images and masks are paired by name: correct it, or remove what has no partner."
            + hint,
            rest,
        )


def _no_progress(phase: str, done: int, total: int) -> None:
    """A ProgressFn that shows nothing."""
