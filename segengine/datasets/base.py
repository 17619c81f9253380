"""What a dataset is: names, native-size images, and masks of 0-based classes with 255 for void.

Label offsets live in the dataset's own file and nowhere else.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from segengine.datasets.formats.photo import Size, Turn, read_photo
from segengine.errors import UserError

IGNORE_INDEX = 255
READER_VERSION = 3  # of images and masks: count up when the same file is read as something else
Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
ProgressFn = Callable[[str, int, int], None]  # (what is being done, items done, items in all)


@dataclass(frozen=True)
class ClassInfo:
    """A class: its name and its color (#RRGGBB), the same on every page."""

    name: str
    color: str


class SegDataset(ABC):
    """One split of a dataset.

    Attributes:
        classes: the classes in label order; label i is classes[i].
        names: the images' names, unique, in the official order.
        mapping: what decides the masks besides their files, such as a label table, as text; part of
            the cache's key.
        boundary_share: how wide the strips of boundary IoU are, of an image's diagonal.
    """

    classes: tuple[ClassInfo, ...]
    names: tuple[str, ...]
    mapping: str = ""
    boundary_share: float = 0.02  # the default of `segengine.statistics.boundary`

    @abstractmethod
    def files(self, name: str) -> tuple[Path, Path]:
        """(image file, mask file) of one image."""

    def kind(self, name: str) -> str:
        """Which images are alike (a breed, a city): a seeded draw takes its share of each kind."""
        return ""

    def group(self, name: str) -> str:
        """Which images belong together (a sequence, an animal): comparisons draw whole groups.

        "" where the image is a group by itself.
        """
        return ""

    @abstractmethod
    def mask(self, name: str) -> np.ndarray:
        """The ground truth: (H, W) int64, values 0..classes-1 or 255.

        Raises:
            UserError: the file cannot be decoded, or holds a label that is not allowed.
        """

    def image(self, name: str, fits: Size | None = None) -> np.ndarray:
        """The image at its native size, upright: (H, W, 3) uint8 RGB.

        Args:
            fits: the size of its mask, which says whether it was drawn on the upright image.

        Raises:
            UserError: the file cannot be decoded.
        """
        return self.photo(name, fits)[0]

    def photo(self, name: str, fits: Size | None = None) -> tuple[np.ndarray, Turn]:
        """(image, what was done about its EXIF orientation), as `image` gives it."""
        return read_photo(self.files(name)[0], fits)

    def pair(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(image, mask) as `image` and `mask` give them.

        Raises:
            UserError: a file cannot be decoded, a label is not allowed, or the sizes differ.
        """
        return self.turned_pair(name)[:2]

    def turned_pair(self, name: str) -> tuple[np.ndarray, np.ndarray, Turn]:
        """(image, mask, what was done about the image's EXIF orientation); raises as `pair`."""
        mask = self.mask(name)
        image, turn = self.photo(name, (mask.shape[0], mask.shape[1]))
        if image.shape[:2] != mask.shape:
            paths = self.files(name)
            raise UserError(
                f"{paths[0]} is {image.shape[1]}x{image.shape[0]} pixels but its mask {paths[1]} "
                f"is {mask.shape[1]}x{mask.shape[0]}: they must be of one size.",
                field="root",
            )
        return image, mask, turn


class IncompleteSplit(UserError):
    """Images without their mask, or masks without their image.

    Attributes:
        missing: (missing file, its partner), in order.
        rest: the split without them; None where it was only counted.
    """

    def __init__(
        self,
        noun: str,
        place: Path,
        missing: Sequence[tuple[Path, Path]],
        remedy: str,
        rest: SegDataset | None = None,
    ) -> None:
        """Word the error: it names the first missing file and counts the others.

        Args:
            noun: what the first file is, such as "mask".
            place: the folder that it belongs in; what is missing elsewhere is not counted.
            remedy: what to do, as a sentence.
        """
        files = [path.relative_to(place) for path, _ in missing if path.is_relative_to(place)]
        count = f"1 {noun} is" if len(files) == 1 else f"{len(files):,} {noun}s are"
        more = f" and {len(files) - 1:,} more" if len(files) > 1 else ""
        super().__init__(f"{count} missing in {place}: {files[0]}{more}. {remedy}", field="root")
        self.missing = tuple(missing)
        self.rest = rest


class SharedImages(UserError):
    """Two splits hold the same image."""


def require_utf8(path: Path) -> None:
    """UserError where a file's name is not UTF-8, as those of old file systems may be."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UserError(
            f"The file name {os.fsencode(path)!r} is not UTF-8 and cannot be written into a log: "
            "rename it.",
            field="root",
        ) from None


def no_such_split(dataset: str, split: str, known: Iterable[str]) -> UserError:
    """The error for a split that a dataset does not have; it names those that it has."""
    return UserError(
        f"{dataset} has no split '{split}': choose {' or '.join(known)}.", field="split"
    )
