"""Oxford-IIIT Pet (Parkhi et al. 2012) with its trimaps: pet, background and border.

Training uses the official `trainval` list, validation `test`. Stored labels are 1 pet,
2 background, 3 border; here they are 0, 1, 2. torchvision downloads the dataset but does not read
it: this folder is free of torch.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path

import numpy as np

from segengine.config import DataConfig
from segengine.datasets.base import (
    IGNORE_INDEX,
    ClassInfo,
    IncompleteSplit,
    ProgressFn,
    SegDataset,
    SharedImages,
    Split,
    no_such_split,
)
from segengine.datasets.formats.class_table import ClassTable
from segengine.datasets.formats.mask_labels import read_mask
from segengine.errors import UserError, one_line

ENTRIES = {"oxford_pets": {"label": "Oxford-IIIT Pet", "options": ["root", "download"]}}

OFFICIAL_FOLDER = "oxford-iiit-pet"  # the name that torchvision's OxfordIIITPet looks for
OFFICIAL_SIZES: dict[Split, int] = {"train": 3680, "val": 3669}  # images
DOWNLOAD_BYTES = 791_918_971 + 19_173_078  # images.tar.gz and annotations.tar.gz
_HOMEPAGE = "https://www.robots.ox.ac.uk/~vgg/data/pets/"
_LISTS: dict[Split, str] = {"train": "trainval.txt", "val": "test.txt"}
SPLIT_NAMES: dict[Split, str] = {"train": "official trainval list", "val": "official test list"}
CLASSES = (
    ClassInfo("pet", "#0072B2"),
    ClassInfo("background", "#999999"),
    ClassInfo("border", "#F0E442"),
)
_TABLE = ClassTable(
    CLASSES, ((1, 0), (2, 1), (3, 2), (IGNORE_INDEX, IGNORE_INDEX)), source="Oxford-IIIT Pet"
)


class OxfordPets(SegDataset):
    """One split, read from `folder` (the `oxford-iiit-pet` folder)."""

    classes = CLASSES

    def __init__(self, folder: Path, split: Split) -> None:
        """List the split.

        Raises:
            UserError: the list is missing or empty.
            IncompleteSplit: images or masks are missing.
        """
        self.folder = folder
        self.names = _read_list(folder, split)
        missing = [pair for index in (0, 1) for pair in self._missing(index)]
        if missing:
            lost = {path.stem for path, _ in missing}
            self.names = tuple(name for name in self.names if name not in lost)
            remedy = "Unpack the dataset again, or take them off the split list."
            place = missing[0][0].parent
            noun = "image" if place.name == "images" else "mask"
            raise IncompleteSplit(noun, place, missing, remedy, self)

    def files(self, name: str) -> tuple[Path, Path]:
        return (
            self.folder / "images" / f"{name}.jpg",
            self.folder / "annotations" / "trimaps" / f"{name}.png",
        )

    def kind(self, name: str) -> str:
        return name.rpartition("_")[0]  # the breed

    def _missing(self, index: int) -> list[tuple[Path, Path]]:
        """(missing file, its partner) of the images (0) or the masks (1)."""
        pairs = [self.files(name) for name in self.names]
        place = pairs[0][index].parent
        existing = set(os.listdir(place)) if place.is_dir() else set()
        return [
            (pair[index], pair[1 - index]) for pair in pairs if pair[index].name not in existing
        ]

    def mask(self, name: str) -> np.ndarray:
        return read_mask(self.files(name)[1], _TABLE)


def folder_of(config: DataConfig) -> Path:
    """Where the official layout lies: `<root>/oxford-iiit-pet`."""
    return Path(config.root).expanduser() / OFFICIAL_FOLDER


def classes(config: DataConfig) -> tuple[ClassInfo, ...]:
    """Pet, background, border."""
    return CLASSES


def open_split(config: DataConfig, split: Split) -> SegDataset:
    """One split of the dataset; UserError where it is missing or incomplete."""
    return OxfordPets(folder_of(config), split)


def sizes(config: DataConfig) -> dict[Split, int]:
    """Images per split, or what they will be once downloaded.

    Raises:
        UserError: the dataset is missing or incomplete, and is not to be downloaded.
        SharedImages: both lists name an image.
    """
    if _to_download(config):
        return OFFICIAL_SIZES
    sizes: dict[Split, int] = {split: len(open_split(config, split).names) for split in _LISTS}
    _refuse_shared_names(folder_of(config))
    return sizes


def prepare(config: DataConfig, progress: ProgressFn) -> None:
    """Download the dataset where that was asked for and it is missing.

    Raises:
        UserError: the download failed; the sentence says how to get the files by hand.
        SharedImages: both lists name an image.
    """
    if _to_download(config):
        _wait_for_download(config, progress)
    if folder_of(config).is_dir():  # else opening a split says that it is missing
        _refuse_shared_names(folder_of(config))


def _wait_for_download(config: DataConfig, progress: ProgressFn) -> None:
    done, failures = threading.Event(), []

    def download() -> None:
        try:
            _download(config)
        except UserError as error:
            failures.append(error)
        finally:
            done.set()

    # In a thread: `progress` can end the wait (a stop), and a daemon thread ends with the process.
    threading.Thread(target=download, daemon=True, name="download").start()
    while not done.wait(1.0):
        arrived = sum(path.stat().st_size for path in folder_of(config).glob("*.tar.gz"))
        progress("Downloading megabytes", arrived // 2**20, DOWNLOAD_BYTES // 2**20)
    if failures:
        raise failures[0]


def _to_download(config: DataConfig) -> bool:
    """Whether a download was asked for and is needed; an earlier one may have been cut off."""
    folder = folder_of(config)
    unpacked = all((folder / part).is_dir() for part in ("images", "annotations"))
    return config.download and not unpacked


def _download(config: DataConfig) -> None:
    from torchvision.datasets import OxfordIIITPet

    root = Path(config.root).expanduser()
    try:
        root.mkdir(parents=True, exist_ok=True)
        OxfordIIITPet(root, target_types="segmentation", download=True)
    except Exception as error:  # of the network, the archives or the disk: no common class
        raise UserError(
            f"Oxford-IIIT Pet could not be downloaded ({one_line(error)}). Get images.tar.gz and "
            f"annotations.tar.gz from {_HOMEPAGE} and unpack both into {folder_of(config)}.",
            field="download",
        ) from None


def _read_list(folder: Path, split: Split) -> tuple[str, ...]:
    if split not in _LISTS:
        raise no_such_split("Oxford-IIIT Pet", split, _LISTS)
    path = folder / "annotations" / _LISTS[split]
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # editors may add a BOM
    except OSError:
        raise UserError(
            f"No Oxford-IIIT Pet in {folder.parent}: {path} is missing. Give the folder that holds "
            "oxford-iiit-pet/, or tick download.",
            field="root",
        ) from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error}): save it so.", field="root") from None
    names = tuple(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))
    if not names:
        raise UserError(f"{path} lists no images: the dataset is empty.", field="root")
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise UserError(
            f"{path} lists {name} {count} times, so that it would count {count} times: remove what "
            "is listed twice.",
            field="root",
        )
    return names


def _refuse_shared_names(folder: Path) -> None:
    """SharedImages where both lists name an image."""
    train = set(_read_list(folder, "train"))
    shared = [name for name in _read_list(folder, "val") if name in train]
    if shared:
        count = "1 image is" if len(shared) == 1 else f"{len(shared):,} images are"
        raise SharedImages(
            f"{count} in both {' and '.join(_LISTS.values())} of {folder / 'annotations'} (first: "
            f"{shared[0]}), but a model must not be validated on an image that it was trained on: "
            "take each off one list.",
            field="root",
        )
