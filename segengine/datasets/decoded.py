"""Splits at training size: decoded pairs in memory-mapped files, shared by runs and processes.

Image and mask go through one joint resize (image: antialiased bilinear, mask: nearest, so that no
label is invented). The result is keyed by the files' paths, sizes and times and by the target size:
whatever changes on disk is decoded again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.lib.format import open_memmap
from PIL import Image

from segengine.config import DataConfig
from segengine.datasets import chosen_names, open_dataset
from segengine.datasets.base import ClassInfo, ProgressFn, SegDataset, Split
from segengine.errors import UserError
from segengine.files import cannot_write

_LAYOUT = 1  # part of the key: count up when what is stored changes
_DECODING = ".decoding-"  # prefix of the folders that are being filled
_STALE = 24 * 3600.0  # seconds after which no process can still be filling a folder


@dataclass(frozen=True)
class DecodedSplit:
    """A split at one size.

    Attributes:
        names: the images' names, in order.
        images: (N, H, W, 3) uint8, memory-mapped.
        masks: (N, H, W) uint8, classes or 255, memory-mapped.
        classes: the classes in label order.
    """

    names: tuple[str, ...]
    images: np.ndarray
    masks: np.ndarray
    classes: tuple[ClassInfo, ...]

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


def cache_dir() -> Path:
    """Where decoded data is kept: $SEGLAB_CACHE, else ~/.cache/seglab."""
    return Path(os.environ.get("SEGLAB_CACHE", "~/.cache/seglab")).expanduser()


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
        dataset = open_dataset(config, split)
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
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target, len(names), progress):
            if not _is_whole(target, len(names)):
                shutil.rmtree(target, ignore_errors=True)
                _decode_into(target, dataset, names, size, workers, progress)
        return DecodedSplit(tuple(names), *_mapped_arrays(target), dataset.classes)
    except OSError as error:
        raise cannot_write(target, error) from error


def files_key(paths: Iterable[Path], prefix: str = "") -> str:
    """32 hex digits that change with the paths, sizes and times of files, and with the prefix."""
    digest = hashlib.sha256(prefix.encode())
    for path in paths:
        digest.update(f"{path}\0{_stamp(path)}\n".encode())
    return digest.hexdigest()[:32]


def _stamp(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:  # reading the file will say what is wrong
        return "missing"
    return f"{stat.st_size}\0{stat.st_mtime_ns}"


def _cache_key(dataset: SegDataset, names: Sequence[str], size: tuple[int, int]) -> str:
    settings = [_LAYOUT, type(dataset).__name__, size, *filter(None, [dataset.mapping])]
    paths = (path for name in names for path in dataset.files(name))
    return files_key(paths, json.dumps(settings))


def _mapped_arrays(target: Path) -> tuple[np.ndarray, np.ndarray]:
    """(images, masks), memory-mapped."""
    images = np.load(target / "images.npy", mmap_mode="r")
    return images, np.load(target / "masks.npy", mmap_mode="r")


def _is_whole(target: Path, count: int) -> bool:
    """Whether all images are there: a cleaner or a failing disk may have left only a part."""
    try:
        return all(len(array) == count for array in _mapped_arrays(target))
    except (OSError, ValueError, EOFError):
        return False


@contextlib.contextmanager
def _lock(target: Path, images: int, progress: ProgressFn) -> Iterator[None]:
    """Of two processes that need the same images, the second waits and then uses the first's."""
    lock = FileLock(target.with_suffix(".lock"))
    while True:
        try:
            lock.acquire(timeout=1)
        except Timeout:
            progress("Waiting for another run that reads the images", 0, images)
        else:
            break
    try:
        yield
    finally:
        lock.release()


def _decode_into(
    target: Path,
    dataset: SegDataset,
    names: Sequence[str],
    size: tuple[int, int],
    workers: int,
    progress: ProgressFn,
) -> None:
    """Decode into a temporary folder, which becomes `target` when it is whole."""
    folder = target.parent / f"{_DECODING}{target.name}"
    _remove_leftovers(folder)
    folder.mkdir()
    try:
        shape = (len(names), *size)
        images = _new_array(folder / "images.npy", (*shape, 3))
        masks = _new_array(folder / "masks.npy", shape)

        def decode(index: int) -> UserError | None:
            try:
                image, mask = dataset.pair(names[index])
            except UserError as error:
                return error
            images[index], masks[index] = resize_image(image, size), resize_mask(mask, size)
            return None

        problems: list[UserError] = []
        with ThreadPoolExecutor(workers) as pool:
            for done, problem in enumerate(pool.map(decode, range(len(names))), start=1):
                problems += [problem] if problem else []
                progress("Reading images", done, len(names))
        if problems:
            raise DamagedFiles(problems)
        images.flush()
        masks.flush()
        folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left: `folder`, whose lock the caller has, and old ones."""
    shutil.rmtree(folder, ignore_errors=True)
    for leftover in folder.parent.glob(f"{_DECODING}*"):
        with contextlib.suppress(OSError):  # another process may remove it too
            if time.time() - leftover.stat().st_mtime > _STALE:
                shutil.rmtree(leftover, ignore_errors=True)


def _new_array(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """A zeroed uint8 array on disk; OSError where the disk has no room for it.

    The room is allocated at once: writing to a sparse mapping on a full disk kills the process.
    """
    array: np.memmap = open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):  # macOS has none
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array
