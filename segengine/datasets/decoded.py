"""Splits at training size: decoded pairs in memory-mapped files, shared by runs and processes.

Image and mask go through one joint resize (image: antialiased bilinear, mask: nearest, so that no
label is invented). The result is keyed by the files and by the target size: whatever changes on
disk is decoded again, and so is what has changed in the cache itself.
"""

from __future__ import annotations

import json
import os
import shutil
import weakref
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from PIL import Image

from segengine.config import DataConfig
from segengine.datasets import cache, chosen_names
from segengine.datasets.base import ClassInfo, ProgressFn, SegDataset, Split
from segengine.datasets.cache import cache_dir, files_key
from segengine.datasets.formats.photo import Turn, open_turns
from segengine.datasets.splits.roles import open_role
from segengine.errors import UserError
from segengine.files import cannot_write

_LAYOUT = 2  # part of the key: count up when what is stored changes
_FILES = ("images.npy", "masks.npy")
_BLOCK = 1 << 20  # bytes that are read at once


@dataclass(frozen=True)
class DecodedSplit:
    """A split at one size.

    Attributes:
        names: the images' names, in order.
        images: (N, H, W, 3) uint8, memory-mapped.
        masks: (N, H, W) uint8, classes or 255, memory-mapped.
        classes: the classes in label order.
        groups: image -> its group, of those that belong together with others.
        boundary_share: see `SegDataset`.
    """

    names: tuple[str, ...]
    images: np.ndarray
    masks: np.ndarray
    classes: tuple[ClassInfo, ...]
    groups: Mapping[str, str] = field(default_factory=dict)
    boundary_share: float = SegDataset.boundary_share

    def __len__(self) -> int:
        return len(self.names)


class DamagedFiles(UserError):
    """Images that cannot be used: what is wrong with the first, and the number of others.

    Attributes:
        problems: what is wrong with each image, in their order.
    """

    def __init__(self, problems: Sequence[UserError]) -> None:
        super().__init__(" ".join(_sentences(problems, 1)), field=problems[0].field)
        self.problems = tuple(problems)

    def sentences(self, most: int = 20) -> list[str]:
        """The first `most` problems, and the number of others."""
        return _sentences(self.problems, most)


def _sentences(problems: Sequence[UserError], most: int) -> list[str]:
    shown, others = list(map(str, problems[:most])), len(problems) - most
    if others > 0:
        images = "image has" if others == 1 else "images have"
        shown.append(f"{others:,} more {images} problems: `python -m segengine check` lists them.")
    return shown


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 to `size` (height, width): antialiased bilinear."""
    return np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) classes to uint8 at `size` (height, width): nearest."""
    image = Image.fromarray(mask.astype(np.uint8))
    return np.asarray(image.resize(size[::-1], Image.Resampling.NEAREST))


def load_splits(
    config: DataConfig, splits: Sequence[Split], progress: ProgressFn
) -> list[DecodedSplit]:
    """Open each split and decode those of its images that the config asks for.

    Raises:
        DamagedFiles: images cannot be used; it names those of all splits.
        UserError: a split is missing or incomplete, or the cache cannot be written.
    """
    loaded: list[DecodedSplit] = []
    problems: list[UserError] = []
    for split in splits:
        dataset = open_role(config, split)
        names = chosen_names(dataset, config, split)
        size, workers = config.height_width, config.workers
        try:
            loaded.append(decode_pairs(dataset, names, size, workers=workers, progress=progress))
        except DamagedFiles as error:
            problems += error.problems
    if problems:
        raise DamagedFiles(problems)
    return loaded


def decode_pairs(
    dataset: SegDataset,
    names: Sequence[str],
    size: tuple[int, int],
    *,
    workers: int,
    progress: ProgressFn,
) -> DecodedSplit:
    """The named pairs at `size` (height, width), from the cache where they are in it.

    Args:
        workers: threads that decode.
        progress: called after each image that is decoded.

    Raises:
        DamagedFiles: a file is missing, cannot be decoded or does not fit its partner.
        UserError: the cache cannot be written.
    """
    target = cache_dir() / _cache_key(dataset, names, size)
    shape = (len(names), *size)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        cache.remove_leftovers()
        with cache.making(target, len(names), progress):
            if not _is_sound(target, shape):
                phase = "Reading images"
                if target.exists():
                    phase += " again, as they were damaged in the cache"
                    shutil.rmtree(target)
                cache.make_room(4 * shape[0] * shape[1] * shape[2])
                _decode_into(
                    target,
                    dataset,
                    names,
                    size,
                    workers,
                    lambda done: progress(phase, done, len(names)),
                )
            images, masks = _mapped_arrays(target)
            weakref.finalize(images, cache.use(target).close)
        groups = {name: group for name in names if (group := dataset.group(name))}
        return DecodedSplit(
            tuple(names), images, masks, dataset.classes, groups, dataset.boundary_share
        )
    except OSError as error:
        raise cannot_write(target, error) from error


def _cache_key(dataset: SegDataset, names: Sequence[str], size: tuple[int, int]) -> str:
    settings = [_LAYOUT, type(dataset).__name__, size, *filter(None, [dataset.mapping])]
    paths = (path for name in names for path in dataset.files(name))
    return files_key(paths, json.dumps(settings))


def _mapped_arrays(target: Path) -> tuple[np.ndarray, np.ndarray]:
    """(images, masks), memory-mapped."""
    images, masks = (np.load(target / name, mmap_mode="r") for name in _FILES)
    return images, masks


def _is_sound(target: Path, shape: tuple[int, int, int]) -> bool:
    """Whether the entry is there and as it was written, byte for byte.

    A cleaner may have left only a part of it, and a failing disk other bytes.

    Args:
        shape: images, height, width.
    """
    if cache.read_note(target).get("files") != _checksums(target):
        return False
    try:
        images, masks = _mapped_arrays(target)
    except (OSError, ValueError, EOFError):
        return False
    shapes = images.shape, masks.shape
    return shapes == ((*shape, 3), shape) and images.dtype == masks.dtype == np.uint8


def _checksums(folder: Path) -> dict[str, Any] | None:
    """File name -> [size in bytes, CRC-32] of the arrays; None where one cannot be read.

    The CRC is there to find accidents, at the speed at which a disk is read.
    """
    sums = {}
    for name in _FILES:
        try:
            with open(folder / name, "rb") as file:
                size = crc = 0
                while block := file.read(_BLOCK):
                    size, crc = size + len(block), zlib.crc32(block, crc)
        except OSError:
            return None
        sums[name] = [size, crc]
    return sums


def _decode_into(
    target: Path,
    dataset: SegDataset,
    names: Sequence[str],
    size: tuple[int, int],
    workers: int,
    on_read: Callable[[int], None],
) -> None:
    """Decode into a temporary folder, which becomes `target` when it is whole."""
    folder = target.parent / f"{cache.IN_THE_MAKING}{target.name}"
    shutil.rmtree(folder, ignore_errors=True)  # its lock is ours: what is there, a kill has left
    folder.mkdir()
    try:
        shape = (len(names), *size)
        images = _new_array(folder / _FILES[0], (*shape, 3))
        masks = _new_array(folder / _FILES[1], shape)

        turns: dict[Path, Turn] = {}

        def decode(index: int) -> UserError | None:
            try:
                image, mask, turn = dataset.turned_pair(names[index])
            except UserError as error:
                return error
            turns[dataset.files(names[index])[0]] = turn
            images[index], masks[index] = resize_image(image, size), resize_mask(mask, size)
            return None

        problems: list[UserError] = []
        with ThreadPoolExecutor(workers) as pool:
            for done, problem in enumerate(pool.map(decode, range(len(names))), start=1):
                problems += [problem] if problem else []
                on_read(done)
        problems += open_turns(turns)
        if problems:
            raise DamagedFiles(problems)
        images.flush()
        masks.flush()
        _write_note(folder, dataset, names, size)
        folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_note(
    folder: Path, dataset: SegDataset, names: Sequence[str], size: tuple[int, int]
) -> None:
    """What the entry is, for `segengine cache`, and how its files are known to be whole."""
    places = {str(dataset.files(name)[0].parent) for name in names}
    note = {
        "place": os.path.commonpath(places) if places else "",
        "images": len(names),
        "size": list(size),
        "files": _checksums(folder),
    }
    (folder / cache.NOTE).write_text(json.dumps(note), encoding="utf-8")


def _new_array(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """A zeroed uint8 array on disk; OSError where the disk has no room for it.

    The room is allocated at once: writing to a sparse mapping on a full disk kills the process.
    """
    array: np.memmap = open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):  # macOS has none
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array
