"""How many bytes runs take on disk; a run whose folders have not changed is counted once."""

from __future__ import annotations

import math
import os
import stat
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from segengine.run.rundir import RunDir


class _Counted(NamedTuple):
    """A run's bytes, and each of its folders with the time at which it changed last (ns)."""

    size: int
    folders: dict[str, int]


class Used(NamedTuple):
    """What several runs take together.

    Attributes:
        size: bytes of those that were counted.
        uncounted: how many were not yet.
    """

    size: int
    uncounted: int


class DiskUse:
    """The bytes of runs. Safe to use from several threads."""

    def __init__(self) -> None:
        self._counted: dict[Path, _Counted] = {}
        self._lock = threading.Lock()

    def of(self, run: RunDir) -> int:
        """Bytes of one run, up to now; 0 where it is gone."""
        known = self._counted.get(run.path)
        if known is None or any(_changed(path) != when for path, when in known.folders.items()):
            known = _count(run.path)
            with self._lock:
                self._counted[run.path] = known
        return known.size

    @property
    def counted(self) -> int:
        """How many runs were counted so far."""
        return len(self._counted)

    def known(self, run: RunDir) -> int | None:
        """Bytes of one run as they were counted last; None before that."""
        known = self._counted.get(run.path)
        return known.size if known else None

    def together(self, runs: Sequence[RunDir], seconds: float = math.inf) -> Used:
        """Bytes of runs as they were counted last; those never counted as far as time allows."""
        deadline = time.monotonic() + seconds
        size = uncounted = 0
        for run in runs:
            known = self.known(run)
            if known is None and time.monotonic() < deadline:
                known = self.of(run)
            size += known or 0
            uncounted += known is None
        return Used(size, uncounted)

    def forget(self, run: RunDir) -> None:
        """The run is gone."""
        with self._lock:
            self._counted.pop(run.path, None)


def size_of(run: RunDir) -> int:
    """Bytes of all files of a run, each once where several names lead to it; links count nothing.

    A run folder that is a link itself counts nothing: what it leads to is kept elsewhere.
    """
    return 0 if run.path.is_symlink() else _count(run.path).size


def size_words(size: int) -> str:
    """Bytes in words: "312 bytes", "1.4 GB"."""
    if size < 1_000:
        return "1 byte" if size == 1 else f"{size} bytes"
    units = ["TB", "GB", "MB", "kB"]
    value, unit = size / 1_000, units.pop()
    while value >= 999.5 and units:
        value, unit = value / 1_000, units.pop()
    return f"{value:.1f} {unit}" if value < 99.95 else f"{value:,.0f} {unit}"


def _count(path: Path) -> _Counted:
    sizes: dict[tuple[int, int], int] = {}
    folders: dict[str, int] = {}
    left = [str(path)]
    while left:
        folder = left.pop()
        folders[folder] = _changed(folder)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(found.st_mode):
                        left.append(entry.path)
                    elif stat.S_ISREG(found.st_mode):
                        sizes[found.st_dev, found.st_ino] = found.st_size
        except OSError:  # it has just been removed, or is another person's
            continue
    return _Counted(sum(sizes.values()), folders)


def _changed(folder: str) -> int:
    """When a folder changed last, in ns; 0 where that cannot be told."""
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0
