"""What a dataset is: names, native-size images, and masks of 0-based classes with 255 for void.

Datasets know nothing of torch, so that pages may read them too. Label offsets live in the dataset's
own file and nowhere else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from segengine.errors import UserError

IGNORE_INDEX = 255
Split = Literal["train", "val", "test"]
ProgressFn = Callable[[str, int, int], None]  # (what is being done, done, total)


@dataclass(frozen=True)
class ClassInfo:
    """A class: its name and its color (#rrggbb), the same everywhere."""

    name: str
    color: str


class SegDataset(ABC):
    """One split of a dataset.

    Attributes:
        classes: the classes in label order; label i is classes[i].
        names: the images' names, unique, in the official order.
        mapping: what else than the files decides the masks, such as a label table in a file of its
            own; part of the cache's key.
    """

    classes: tuple[ClassInfo, ...]
    names: tuple[str, ...]
    mapping: str = ""

    @abstractmethod
    def files(self, name: str) -> tuple[Path, Path]:
        """(image file, mask file) of an image."""

    @abstractmethod
    def mask(self, name: str) -> np.ndarray:
        """The ground truth: (H, W) int64, values 0..classes-1 or 255.

        Raises:
            UserError: the file cannot be decoded, or holds a label that is not allowed.
        """

    def image(self, name: str) -> np.ndarray:
        """The image at its native size: (H, W, 3) uint8 RGB.

        Raises:
            UserError: the file cannot be decoded.
        """
        return np.asarray(read_image(self.files(name)[0]).convert("RGB"))

    def pair(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(image, mask) of one image, checked to be of one size."""
        image, mask = self.image(name), self.mask(name)
        if image.shape[:2] != mask.shape:
            paths = self.files(name)
            raise UserError(
                f"{paths[0]} is {image.shape[1]}x{image.shape[0]} pixels but its mask {paths[1]} "
                f"is {mask.shape[1]}x{mask.shape[0]}: they must be of one size.",
                field="root",
            )
        return image, mask


class IncompleteSplit(UserError):
    """Images without their mask, or masks without their image.

    Attributes:
        missing: (file that is missing, file that it belongs to), in order.
        rest: the split without them; None where it was only counted.
    """

    def __init__(
        self,
        what: str,
        place: Path,
        missing: Sequence[tuple[Path, Path]],
        remedy: str,
        rest: SegDataset | None = None,
    ) -> None:
        """Makes the sentence: it names the first of what is missing, and counts the others.

        Args:
            what: what the first one is, such as "mask".
            place: the folder that it should be in; what is missing elsewhere is not counted.
            remedy: what to do, as a sentence.
        """
        here = [path.relative_to(place) for path, _ in missing if path.is_relative_to(place)]
        files = f"1 {what} is" if len(here) == 1 else f"{len(here):,} {what}s are"
        more = f" and {len(here) - 1:,} more" if len(here) > 1 else ""
        super().__init__(f"{files} missing in {place}: {here[0]}{more}. {remedy}", field="root")
        self.missing = tuple(missing)
        self.rest = rest


def no_such_split(dataset: str, split: str, known: Iterable[str]) -> UserError:
    """The sentence for a split that a dataset does not have."""
    return UserError(
        f"{dataset} has no split '{split}': choose {' or '.join(known)}.", field="split"
    )


def read_image(path: Path) -> Image.Image:
    """Decode an image file whole.

    Raises:
        UserError: it is missing, truncated, or no image.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        unknown = isinstance(error, UnidentifiedImageError)  # its text would say the path again
        raise UserError(
            f"{path} cannot be decoded as an image ({'of no known format' if unknown else error}): "
            "replace it or remove it.",
            field="root",
        ) from None


def map_labels(raw: np.ndarray, table: dict[int, int], path: Path, allowed: str) -> np.ndarray:
    """Stored label values -> classes, by a table that names every value that may occur.

    Args:
        raw: (H, W) integers as stored.
        table: stored value (0..255) -> class or 255.
        allowed: the allowed values in words, for the error.

    Raises:
        UserError: a value outside the table; the sentence names the file and the value.
    """
    lookup = np.full(257, -1, dtype=np.int64)  # the last one: for whatever does not fit in a byte
    lookup[list(table)] = list(table.values())
    codes = raw if raw.dtype == np.uint8 else np.where((raw < 0) | (raw > 255), 256, raw)
    mask: np.ndarray = lookup[codes]
    if (mask < 0).any():
        value = int(raw[mask < 0][0])
        raise UserError(
            f"{path} holds the label {value}, but allowed are {allowed}: correct the mask.",
            field="root",
        )
    return mask
