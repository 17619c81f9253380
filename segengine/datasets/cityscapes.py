"""Cityscapes (Cordts et al. 2016, arXiv 1604.01685): street scenes with 19 classes, else void.

The official tree is read as it is unpacked:

    <root>/leftImg8bit/<split>/<city>/<image>_leftImg8bit.png
    <root>/gtFine/<split>/<city>/<image>_gtFine_labelIds.png

It may also lie in `<root>/cityscapes/`. Where a split has `<image>_gtFine_labelTrainIds.png`, as
the official scripts write them, those are read; the classes are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from segengine.config import DataConfig
from segengine.datasets.base import (
    IGNORE_INDEX,
    SPLITS,
    ClassInfo,
    IncompleteSplit,
    ProgressFn,
    SegDataset,
    Split,
    require_utf8,
)
from segengine.datasets.formats.class_table import ClassTable
from segengine.datasets.formats.mask_labels import read_mask
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

SPLIT_NAMES: dict[Split, str] = {
    "train": "official training split",
    "val": "official validation split",
    "test": "official test split",
}
_IMAGE = "_leftImg8bit.png"
_TRAIN_IDS, _LABEL_IDS = "_gtFine_labelTrainIds.png", "_gtFine_labelIds.png"
# The official label ids 0..33, in order of the 19 classes; -1 (license plate) is stored as 255.
_EVALUATED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
_VOID = tuple((label, IGNORE_INDEX) for label in (-1, *range(34), 255) if label not in _EVALUATED)
_TABLES = {  # by the ending of the masks' files
    _TRAIN_IDS: ClassTable(
        CLASSES,
        (*((label, label) for label in range(19)), (IGNORE_INDEX, IGNORE_INDEX)),
        source="Cityscapes",
        allowed_numbers="the train ids 0 to 18 and 255 (void)",
    ),
    _LABEL_IDS: ClassTable(
        CLASSES,
        (*((label, index) for index, label in enumerate(_EVALUATED)), *_VOID),
        source="Cityscapes",
        allowed_numbers="the official label ids 0 to 33 and 255 (void)",
    ),
}
_PROBED = 8  # masks that are read to decide whether the test split is labeled
_HOW_TO_GET_IT = (
    "Register at https://www.cityscapes-dataset.com, download leftImg8bit_trainvaltest.zip and "
    "gtFine_trainvaltest.zip and unpack both there, so that it holds "
    "leftImg8bit/train/<city>/*_leftImg8bit.png and gtFine/train/<city>/*_gtFine_labelIds.png."
)


class Cityscapes(SegDataset):
    """One split, read from `folder` (which holds leftImg8bit/ and gtFine/).

    Names are the official ones, without their endings: `aachen_000000_000019`.
    """

    classes = CLASSES
    boundary_share = 0.005  # as is common for it: at 2 % whole poles would be boundary

    def __init__(self, folder: Path, split: Split) -> None:
        """List the split.

        Raises:
            UserError: the tree or the split is missing, or the test split has no real labels.
            IncompleteSplit: an image has no label.
        """
        self.folder, self.split = folder, split
        self._cities = _cities_of(folder / "leftImg8bit" / split)
        self._ending, unlabeled = self._label_ending()
        lost = set(unlabeled)
        self.names = tuple(name for name in self._cities if name not in lost)
        if split == "test" and not self.names:
            raise UserError(
                f"{folder / 'gtFine'} has no test labels: choose train or val.", field="split"
            )
        if unlabeled:
            raise IncompleteSplit(
                "label",
                folder / "gtFine" / split,
                [self.files(name)[::-1] for name in unlabeled],
                "Unpack gtFine_trainvaltest.zip again, or remove the images without a label.",
                self,
            )
        if split == "test" and self._is_void_everywhere():
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

    def group(self, name: str) -> str:
        """The city and its sequence: frames of one drive."""
        return "_".join(name.split("_")[:2])

    def kind(self, name: str) -> str:
        return self._cities[name]

    def mask(self, name: str) -> np.ndarray:
        return read_mask(self.files(name)[1], _TABLES[self._ending])

    def _label_ending(self) -> tuple[str, list[str]]:
        """(ending of the more complete kind of labels, names that lack one, in order)."""
        existing = {path.name for path in _png_files(self.folder / "gtFine" / self.split)}
        missing = {
            ending: [name for name in self._cities if f"{name}{ending}" not in existing]
            for ending in _TABLES
        }
        ending = min(missing, key=lambda ending: len(missing[ending]))
        if len(missing[ending]) == len(self._cities):  # no labels: the download holds labelIds
            ending = _LABEL_IDS
        return ending, missing[ending]

    def _is_void_everywhere(self) -> bool:
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
    """Images per split; of the test split where it has real labels.

    Raises:
        UserError: the training or the validation split is missing or incomplete.
    """
    images: dict[Split, int] = {}
    for split in SPLITS:
        try:
            images[split] = len(open_split(config, split).names)
        except UserError:
            if split != "test":  # which no training needs
                raise
    return images


def has_groups(config: DataConfig) -> bool:
    """The frames of a drive belong together."""
    return True


def prepare(config: DataConfig, progress: ProgressFn) -> None:
    """Nothing to do: only a registered person can download Cityscapes."""


def _cities_of(folder: Path) -> dict[str, str]:
    """Image name -> city, sorted by city and name."""
    paths = [path for path in _png_files(folder) if path.name.endswith(_IMAGE)]
    if not paths:
        raise UserError(
            f"No Cityscapes {folder.name} images in {folder}/<city>/. {_HOW_TO_GET_IT}",
            field="split" if folder.name == "test" else "root",
        )
    cities: dict[str, str] = {}
    for path in sorted(paths):
        require_utf8(path)
        name, city = path.name.removesuffix(_IMAGE), path.parent.name
        if name in cities:
            raise UserError(
                f"Two images of {folder} are called {path.name}, in {cities[name]}/ and {city}/: "
                "rename one of them and its label.",
                field="root",
            )
        cities[name] = city
    return cities


def _png_files(folder: Path) -> Iterator[Path]:
    """The files in the cities' folders, without the hidden `._*` ones that macOS leaves there."""
    return (path for path in folder.glob("*/*.png") if not path.name.startswith("."))


@lru_cache(maxsize=64)
def _is_void(path: Path, ending: str, changed_ns: int) -> bool:
    """Whether a mask holds none of the 19 classes; kept, since the form asks at every change."""
    return bool((read_mask(path, _TABLES[ending]) == IGNORE_INDEX).all())
