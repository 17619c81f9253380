"""Cityscapes (Cordts et al. 2016): street scenes with 19 classes; all other labels are void.

The official tree is read as it is unpacked:

    <root>/leftImg8bit/<split>/<city>/<image>_leftImg8bit.png
    <root>/gtFine/<split>/<city>/<image>_gtFine_labelIds.png

`<root>/cityscapes/` may hold it, too. Where a split has `<image>_gtFine_labelTrainIds.png`, as the
official scripts write them, those are read; the classes are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from segengine.config import DataConfig
from segengine.datasets.base import (
    IGNORE_INDEX,
    ClassInfo,
    IncompleteSplit,
    ProgressFn,
    SegDataset,
    Split,
    map_labels,
    no_such_split,
)
from segengine.datasets.formats.index_masks import read_index_mask
from segengine.errors import UserError

ENTRIES = {"cityscapes": {"label": "Cityscapes", "options": ["root"]}}

CLASSES = (
    ClassInfo("road", "#804080"),
    ClassInfo("sidewalk", "#F423E8"),
    ClassInfo("building", "#464646"),
    ClassInfo("wall", "#66669C"),
    ClassInfo("fence", "#BE9999"),
    ClassInfo("pole", "#999999"),
    ClassInfo("traffic light", "#FAAA1E"),
    ClassInfo("traffic sign", "#DCDC00"),
    ClassInfo("vegetation", "#6B8E23"),
    ClassInfo("terrain", "#98FB98"),
    ClassInfo("sky", "#4682B4"),
    ClassInfo("person", "#DC143C"),
    ClassInfo("rider", "#FF0000"),
    ClassInfo("car", "#00008E"),
    ClassInfo("truck", "#000046"),
    ClassInfo("bus", "#003C64"),
    ClassInfo("train", "#005064"),
    ClassInfo("motorcycle", "#0000E6"),
    ClassInfo("bicycle", "#770B20"),
)

_SPLITS: tuple[Split, ...] = ("train", "val", "test")
_IMAGE = "_leftImg8bit.png"
_TRAIN_IDS, _LABEL_IDS = "_gtFine_labelTrainIds.png", "_gtFine_labelIds.png"
# The official label ids 0..33, in order of the 19 classes; -1 (license plate) is stored as 255.
_EVALUATED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
_FROM_LABEL_ID = {
    **dict.fromkeys((*range(34), 255), IGNORE_INDEX),
    **{label: index for index, label in enumerate(_EVALUATED)},
}
_FROM_TRAIN_ID = {**{label: label for label in range(19)}, 255: IGNORE_INDEX}
_PROBED = 8  # masks that are looked into to tell whether the test split is labeled
_GET_IT = (
    "Register at https://www.cityscapes-dataset.com, download leftImg8bit_trainvaltest.zip and "
    "gtFine_trainvaltest.zip and unpack both there, so that it holds "
    "leftImg8bit/train/<city>/*_leftImg8bit.png and gtFine/train/<city>/*_gtFine_labelIds.png."
)


class Cityscapes(SegDataset):
    """One split, read from `folder` (which holds leftImg8bit/ and gtFine/).

    Names are the official ones, without their endings: `aachen_000000_000019`.
    """

    classes = CLASSES

    def __init__(self, folder: Path, split: Split) -> None:
        """List the split.

        Raises:
            UserError: the tree or the split is missing, or an image has no label.
        """
        if split not in _SPLITS:
            raise no_such_split("Cityscapes", split, _SPLITS)
        self.folder, self.split = folder, split
        self._cities = _list_images(folder, split)
        self._ending, without = self._choose_labels()
        lost = set(without)
        self.names = tuple(name for name in self._cities if name not in lost)
        if split == "test" and not self.names:
            raise UserError(
                f"{folder / 'gtFine'} has no test labels: choose train or val.", field="split"
            )
        if without:
            raise IncompleteSplit(
                "label",
                folder / "gtFine" / split,
                [self.files(name)[::-1] for name in without],
                "Unpack gtFine_trainvaltest.zip again, or remove the images without a label.",
                self,
            )
        if split == "test" and self._is_unlabeled():
            raise UserError(
                f"The test labels in {folder / 'gtFine'} are void everywhere: the real ones are "
                "kept back for Cityscapes' own benchmark. Choose train or val.",
                field="split",
            )

    def files(self, name: str) -> tuple[Path, Path]:
        city = self._cities[name]
        return (
            self.folder / "leftImg8bit" / self.split / city / f"{name}{_IMAGE}",
            self.folder / "gtFine" / self.split / city / f"{name}{self._ending}",
        )

    def mask(self, name: str) -> np.ndarray:
        path = self.files(name)[1]
        if self._ending == _TRAIN_IDS:
            allowed = "the train ids 0 to 18 and 255 (void)"
            return map_labels(read_index_mask(path), _FROM_TRAIN_ID, path, allowed)
        allowed = "the official label ids 0 to 33 and 255 (void)"
        return map_labels(read_index_mask(path), _FROM_LABEL_ID, path, allowed)

    def _choose_labels(self) -> tuple[str, list[str]]:
        """(ending of the labels that are more complete, names that lack one)."""
        place = self.folder / "gtFine" / self.split
        there = {path.name for path in _files(place)}
        missing = {
            ending: [name for name in self._cities if f"{name}{ending}" not in there]
            for ending in (_TRAIN_IDS, _LABEL_IDS)
        }
        ending = min((_TRAIN_IDS, _LABEL_IDS), key=lambda ending: len(missing[ending]))
        if len(missing[ending]) == len(self._cities):  # none at all: labelIds is what one gets
            ending = _LABEL_IDS
        return ending, missing[ending]

    def _is_unlabeled(self) -> bool:
        step = max(1, len(self.names) // _PROBED)
        masks = (self.files(name)[1] for name in self.names[::step])
        return all(_is_void(path, self._ending, path.stat().st_mtime_ns) for path in masks)


def folder_of(config: DataConfig) -> Path:
    """Where the official tree lies: the root itself, or `<root>/cityscapes`."""
    root = Path(config.root).expanduser()
    inner = root / "cityscapes"
    return inner if inner.is_dir() and not (root / "leftImg8bit").is_dir() else root


def classes(config: DataConfig) -> tuple[ClassInfo, ...]:
    """The 19 evaluated classes."""
    return CLASSES


def open_split(config: DataConfig, split: Split) -> SegDataset:
    """One split of the dataset; UserError where it is missing or incomplete."""
    return Cityscapes(folder_of(config), split)


def sizes(config: DataConfig) -> dict[Split, int]:
    """How many images each split has; the test split where it has real labels.

    Raises:
        UserError: the training or the validation split is missing or incomplete.
    """
    found: dict[Split, int] = {}
    for split in _SPLITS:
        try:
            found[split] = len(open_split(config, split).names)
        except UserError:
            if split != "test":  # which nobody needs in order to train
                raise
    return found


def prepare(config: DataConfig, progress: ProgressFn) -> None:
    """Nothing: the download needs a registered person."""


def _list_images(folder: Path, split: str) -> dict[str, str]:
    """Name -> city, sorted by city and name."""
    place = folder / "leftImg8bit" / split
    paths = [path for path in _files(place) if path.name.endswith(_IMAGE)]
    if not paths:
        raise UserError(
            f"No Cityscapes {split} images in {place}/<city>/. {_GET_IT}",
            field="split" if split == "test" else "root",
        )
    cities: dict[str, str] = {}
    for path in sorted(paths):
        name, city = path.name.removesuffix(_IMAGE), path.parent.name
        if name in cities:
            raise UserError(
                f"Two images of {place} are called {path.name}, in {cities[name]}/ and {city}/: "
                "rename one of them and its label.",
                field="root",
            )
        cities[name] = city
    return cities


def _files(place: Path) -> Iterator[Path]:
    """The files in the cities' folders; macOS leaves hidden `._*` ones there."""
    return (path for path in place.glob("*/*.png") if not path.name.startswith("."))


@lru_cache(maxsize=64)
def _is_void(path: Path, ending: str, changed_ns: int) -> bool:
    """Whether a mask holds none of the 19 classes; the form asks often, so the answer is kept."""
    table = _FROM_TRAIN_ID if ending == _TRAIN_IDS else _FROM_LABEL_ID
    mask = map_labels(read_index_mask(path), table, path, "Cityscapes' labels")
    return bool((mask == IGNORE_INDEX).all())
