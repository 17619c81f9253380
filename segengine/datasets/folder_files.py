"""The files of people's own folders: what is listed, what is left out, and which names pair."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from segengine.datasets.base import require_utf8
from segengine.errors import UserError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".gif")
_SEPARATORS = ("_", "-", ".", " ")  # one begins a suffix that all masks share
_PROBED = 8  # masks that are compared with every image, to find it


@dataclass(frozen=True)
class LeftOut:
    """Entries of a folder that are not read.

    Attributes:
        kind: "folders", or the files' ending.
        example: the first of them.
    """

    folder: Path
    kind: str
    count: int
    example: str

    @property
    def sentence(self) -> str:
        """What is left out, for a person."""
        what = self.kind if self.kind == "folders" else f"files ending in {self.kind}"
        if self.count == 1:
            return f"{self.folder / self.example} is left out: {self._reason}."
        return f"{self.count:,} {what} in {self.folder} are left out ({self.example}, ...): " + (
            f"{self._reason}."
        )

    @property
    def _reason(self) -> str:
        return (
            "subfolders are not searched" if self.kind == "folders" else "not of a kind read here"
        )


@dataclass(frozen=True)
class NamePairs:
    """Which mask belongs to which image.

    Attributes:
        masks: image name -> mask name.
        suffix: what every mask's name has after its image's name; "" where they are the same.
        hint: what may be wrong with the names that are left, as a sentence; "" where nothing is.
    """

    masks: dict[str, str]
    suffix: str = ""
    hint: str = ""


def list_files(
    folder: Path, suffixes: tuple[str, ...]
) -> tuple[dict[str, Path], tuple[LeftOut, ...]]:
    """(name -> file with one of the endings, everything else); hidden files are not mentioned.

    Names are in Unicode's composed form: macOS writes "é" in two characters.

    Raises:
        UserError: two files have one name, or a name is not UTF-8.
    """
    files: dict[str, Path] = {}
    others: list[tuple[str, bool]] = []
    # Strings, not Paths: the form lists the folder, of 10,000 files perhaps, at every change.
    for file, is_folder in sorted(_entries(folder)):
        stem, suffix = os.path.splitext(file)
        if file.startswith("."):
            continue
        if is_folder or suffix.lower() not in suffixes:
            others.append((file, is_folder))
            continue
        name = _composed(stem, folder / file)
        if name in files:
            raise UserError(
                f"{files[name].name} and {file} in {folder} have one name: images and masks are "
                "paired by name, so rename or remove one of them.",
                field="root",
            )
        files[name] = folder / file
    return files, _left_out(folder, others)


def list_others(folder: Path, used: Collection[str]) -> tuple[LeftOut, ...]:
    """Everything in a folder but what is used of it; hidden files are not mentioned."""
    entries = sorted(_entries(folder))
    return _left_out(folder, [entry for entry in entries if entry[0] not in used])


def pair_names(images: Iterable[str], masks: Iterable[str]) -> NamePairs:
    """Pair by equal names; else by one suffix that all masks share; letters' case may differ."""
    images, masks = sorted(images), sorted(masks)
    equal = sorted({*images} & {*masks})
    if equal or not masks:
        pairs = {name: name for name in equal}
        pairs |= _same_but_for_case(set(images) - set(equal), set(masks) - set(equal))
        return NamePairs(pairs, hint=_suffix_hint(set(images) - pairs.keys(), masks))
    suffix = _common_suffix(images, masks)
    if suffix:
        known = set(images)
        stems = {mask.removesuffix(suffix): mask for mask in masks}
        pairs = {stem: mask for stem, mask in stems.items() if stem in known}
        return NamePairs(pairs, suffix=suffix)
    pairs = _same_but_for_case(set(images), set(masks))
    hint = "" if pairs else f"{images[0]}.* needs a mask called {images[0]}.png, not {masks[0]}.*."
    return NamePairs(pairs, hint=hint)


def _entries(folder: Path) -> list[tuple[str, bool]]:
    """(name, whether it is a folder) of everything in a folder; nothing where it is none."""
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, is_folder(entry)) for entry in entries]
    except (OSError, ValueError):
        return []


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; a link in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _left_out(folder: Path, entries: Iterable[tuple[str, bool]]) -> tuple[LeftOut, ...]:
    names: dict[str, list[str]] = {}
    for file, is_folder in entries:
        if not file.startswith("."):
            kind = "folders" if is_folder else os.path.splitext(file)[1] or "no ending"
            names.setdefault(kind, []).append(file)
    return tuple(LeftOut(folder, kind, len(files), files[0]) for kind, files in names.items())


def _composed(stem: str, path: Path) -> str:
    require_utf8(path)
    return unicodedata.normalize("NFC", stem)


def _same_but_for_case(images: set[str], masks: set[str]) -> dict[str, str]:
    """Pairs whose names differ in the case of letters only, where that is clear."""
    by_fold: dict[str, list[str]] = {}
    for mask in masks:
        by_fold.setdefault(mask.casefold(), []).append(mask)
    folds = Counter(image.casefold() for image in images)
    return {
        image: by_fold[image.casefold()][0]
        for image in images
        if len(by_fold.get(image.casefold(), ())) == 1 == folds[image.casefold()]
    }


def _common_suffix(images: list[str], masks: list[str]) -> str:
    """What all masks' names end in, and no image's name does; "" where there is no such ending."""
    for mask in masks[:_PROBED]:
        for image in images:
            suffix = mask.removeprefix(image)
            is_suffix = suffix != mask and suffix[:1] in _SEPARATORS
            if is_suffix and all(other.endswith(suffix) for other in masks):
                return suffix
    return ""


def _suffix_hint(images: set[str], masks: list[str]) -> str:
    """A sentence where some masks, but not all, have a suffix."""
    for image in sorted(images):
        close = [mask for mask in masks if mask.removeprefix(image)[:1] in _SEPARATORS]
        close = [mask for mask in close if mask.startswith(image)]
        if close:
            return f"{close[0]}.* looks like the mask of {image}.*: rename it to {image}.png."
    return ""
