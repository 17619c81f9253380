"""Writes a drawn dataset to disk: whole or not at all, and never over other files."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, Generic, TypeVar

from segengine.errors import UserError
from segengine.files import cannot_write

CORES = os.cpu_count() or 1
OnDrawn = Callable[[int, int], None]  # (pictures drawn, pictures in all)


PictureT = TypeVar("PictureT")


class DrawnSet(ABC, Generic[PictureT]):
    """A drawn dataset in the layout of an official one: the training pictures, then the others.

    Args:
        train, val: pictures per split.

    Attributes:
        title: its name in sentences, such as "the sample pets".
        layout: sentences of its README that say how to read it.
        splits: what the official dataset calls the training and the validation pictures.
        readme: text of its README, by which a later call recognizes the dataset.
        count: number of its pictures.

    Raises:
        UserError: a split would be empty.
    """

    title: str
    layout: str
    splits: tuple[str, str]

    def __init__(self, train: int, val: int, seed: int) -> None:
        if train < 1 or val < 1:
            raise UserError(f"train={train} and val={val} were given; each needs at least 1 image.")
        self.train, self.count, self.seed = train, train + val, seed
        counts = f"{self.splits[0]} {train}, {self.splits[1]} {val}"
        self.readme = (
            "Synthetic sample, drawn by SegLab, not real photographs.\n\n"
            f"{self.layout}\n\n{counts}, seed {seed}, second edition\n"
        )

    @abstractmethod
    def picture(self, split: int, index: int) -> PictureT:
        """A picture: `index` within the split, 0 for training and 1 for validation."""

    def numbered(self, number: int) -> PictureT:
        """Picture `number`, 0..count-1."""
        split = int(number >= self.train)
        return self.picture(split, number - split * self.train)

    def pictures(self) -> list[PictureT]:
        """All pictures; made when asked for, since every job of a worker carries this object."""
        return [self.numbered(number) for number in range(self.count)]

    @abstractmethod
    def files(self) -> list[str]:
        """Its files, relative to its folder, without the README."""

    @abstractmethod
    def write_lists(self, folder: Path) -> None:
        """Make its folders and lists, before the first picture."""

    @abstractmethod
    def write_picture(self, folder: Path, number: int) -> None:
        """Draw and save picture `number`, 0..count-1, with its mask."""


def write_drawn_set(
    folder: Path, drawn_set: DrawnSet[Any], progress: OnDrawn | None = None
) -> Path:
    """Draw the set into `folder`, unless it is complete already, and return the folder.

    The folder appears only when it is whole. Where two processes draw at once, the folder of the
    first to finish stays.

    Raises:
        UserError: the folder holds something else, or cannot be written.
    """
    if _is_complete(folder, drawn_set):
        return folder
    _refuse_foreign(folder, drawn_set)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as private:
            drawn = Path(private) / folder.name  # an inner folder, with the usual permissions
            drawn.mkdir()
            (drawn / "README").write_text(drawn_set.readme, encoding="utf-8")
            drawn_set.write_lists(drawn)
            _write_pictures(drawn, drawn_set, progress)
            _move_into_place(drawn, folder, drawn_set)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


def _is_complete(folder: Path, drawn_set: DrawnSet[Any]) -> bool:
    """Whether the folder holds exactly this set."""
    try:
        if (folder / "README").read_text(encoding="utf-8") != drawn_set.readme:
            return False
    except OSError:
        return False
    return all((folder / name).is_file() for name in drawn_set.files())


def _refuse_foreign(folder: Path, drawn_set: DrawnSet[Any]) -> None:
    """UserError where the folder holds other files, perhaps the real dataset."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(
            f"{folder} holds something other than {drawn_set.title} asked for. "
            "Give another folder, or move that one away."
        )


def _write_pictures(folder: Path, drawn_set: DrawnSet[Any], progress: OnDrawn | None) -> None:
    """Draw and save every picture, one process per core: threads would wait for each other."""
    workers = min(CORES, drawn_set.count)
    # Not forked: this process may have threads, which a fork would not copy.
    with ProcessPoolExecutor(workers, get_context("spawn"), _follow_parent) as pool:
        jobs = [
            pool.submit(drawn_set.write_picture, folder, number)
            for number in range(drawn_set.count)
        ]
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                job.result()
                if progress is not None:
                    progress(done, drawn_set.count)
        except BaseException:  # Ctrl-C too: drawing the rest would only delay the end
            pool.shutdown(cancel_futures=True)
            raise


def _follow_parent() -> None:
    """A worker ignores Ctrl-C, which its parent handles, and ends when its parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()


def _move_into_place(drawn: Path, folder: Path, drawn_set: DrawnSet[Any]) -> None:
    """Rename the finished folder; where another process was faster, its folder stays."""
    try:
        drawn.rename(folder)
    except OSError:
        if not _is_complete(folder, drawn_set):
            raise
