"""The cache: where decoded data lies, how much of it is kept, and what of it is in use.

    <cache>/<key>/             an entry: arrays, and entry.json, which says what they are
    <cache>/<key>.lock         locked by the process that makes or removes the entry
    <cache>/.decoding-<key>/   an entry in the making
    <cache>/scans/<key>.json   which numbers the masks of a folder hold
    <cache>/runs.sqlite        what lists show of ended runs; see results/kept_rows

A key changes with the files that an entry was made from, so that old entries are never read: they
are removed once the cache is full, least recently used first. A process that uses an entry holds a
shared lock on its entry.json. Nothing else in the folder is ever touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from segengine.datasets.base import READER_VERSION, ProgressFn
from segengine.errors import UserError

if sys.platform != "win32":
    import fcntl

NOTE = "entry.json"
IN_THE_MAKING = ".decoding-"  # prefix of the folders that are being filled
LIMIT_VARIABLE = "SEGLAB_CACHE_LIMIT"
_DEFAULT_LIMIT = 20.0  # gigabytes
_KEY = re.compile(r"[0-9a-f]{32}")
_SCAN = re.compile(r"\.?[0-9a-f]{32}\.json.*")  # also what a killed process left of one


def cache_dir() -> Path:
    """Where decoded data is kept: $SEGLAB_CACHE, else ~/.cache/seglab."""
    return Path(os.environ.get("SEGLAB_CACHE", "~/.cache/seglab")).expanduser()


def cache_limit() -> float:
    """The most bytes that are kept: $SEGLAB_CACHE_LIMIT in gigabytes, else 20 GB.

    Raises:
        UserError: the variable holds no such number.
    """
    text = os.environ.get(LIMIT_VARIABLE, "").strip()
    try:
        gigabytes = float(text or _DEFAULT_LIMIT)
    except ValueError:
        gigabytes = -1.0
    if not gigabytes > 0:  # as NaN is not
        raise UserError(
            f"{LIMIT_VARIABLE} '{text[:80]}' was given: give the gigabytes that the cache may "
            f"hold, such as {_DEFAULT_LIMIT:.0f}, or inf for no limit."
        )
    return gigabytes * 1e9


def files_key(paths: Iterable[Path], prefix: str = "") -> str:
    """32 hex digits that change with files (path, size, times, inode), reader and prefix."""
    digest = hashlib.sha256(f"reader {READER_VERSION}\0{prefix}".encode())
    for path in paths:
        digest.update(f"{path}\0{_stamp(path)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _stamp(path: Path) -> str:
    """What changes when a file is written or replaced: tools can set mtime back, but not ctime."""
    try:
        stat = path.stat()
    except (OSError, ValueError):  # reading the file will say what is wrong
        return "missing"
    return f"{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ctime_ns}\0{stat.st_ino}"


@contextlib.contextmanager
def making(entry: Path, images: int, progress: ProgressFn) -> Iterator[None]:
    """The right to make an entry: of two processes that need it, the second waits for the first."""
    lock = _lock_of(entry)
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


def use(entry: Path) -> IO[bytes]:
    """An open file of an entry: the entry is in use, and stays, until it is closed.

    Raises:
        OSError: there is no such entry.
    """
    file = (entry / NOTE).open("rb")
    if sys.platform != "win32":  # where open files cannot be removed anyway
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_SH)
    with contextlib.suppress(OSError):  # a cache that belongs to somebody else
        os.utime(entry / NOTE)
    return file


@dataclass(frozen=True)
class CacheEntry:
    """One thing in the cache.

    Attributes:
        path: a folder of arrays, or the file of a scan.
        bytes: its size.
        used: when it was last used, in seconds since 1970.
        in_use: whether a process uses it now.
        note: what its entry.json says; empty for a scan, or where there is none.
    """

    path: Path
    bytes: int
    used: float
    in_use: bool
    note: dict[str, Any]


def cache_entries() -> list[CacheEntry]:
    """Everything in the cache, least recently used first."""
    found: list[CacheEntry] = []
    for path in [*_children(cache_dir()), *_children(cache_dir() / "scans")]:
        pattern = _SCAN if path.parent.name == "scans" else _KEY
        if pattern.fullmatch(path.name.removeprefix(IN_THE_MAKING)):
            with contextlib.suppress(OSError):  # another process removes it
                found.append(_entry(path))
    return sorted(found, key=lambda entry: (entry.used, entry.path))


def make_room(needed: int) -> None:
    """Remove entries, least recently used first, until `needed` more bytes are within the limit.

    What is in use stays, even where the limit is passed then.

    Raises:
        UserError: the limit cannot be understood.
    """
    limit, entries = cache_limit(), cache_entries()
    total = sum(entry.bytes for entry in entries)
    for entry in entries:
        if total + needed <= limit:
            break
        if _remove(entry):
            total -= entry.bytes


def remove_leftovers() -> None:
    """Remove the folders that killed processes were filling."""
    for path in _children(cache_dir()):
        if _in_the_making(path):
            with _if_free(path) as free:
                if free:
                    shutil.rmtree(path, ignore_errors=True)


def clear_cache() -> tuple[int, list[CacheEntry]]:
    """Remove all that is not in use; (bytes removed, entries that stay)."""
    entries = cache_entries()
    kept = [entry for entry in entries if not _remove(entry)]
    for path in _children(cache_dir()):
        entry = path.with_suffix("")
        if path.suffix == ".lock" and _KEY.fullmatch(entry.name) and not entry.exists():
            with _if_free(entry) as free:
                if free:
                    path.unlink(missing_ok=True)
    return sum(entry.bytes for entry in entries) - sum(entry.bytes for entry in kept), kept


def _children(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def _in_the_making(path: Path) -> bool:
    key = path.name.removeprefix(IN_THE_MAKING)
    return key != path.name and _KEY.fullmatch(key) is not None


def _entry(path: Path) -> CacheEntry:
    if not path.is_dir():
        stat = path.stat()
        return CacheEntry(path, stat.st_size, stat.st_mtime, False, {})
    note_file = path / NOTE
    size = sum(child.stat().st_size for child in _children(path))
    used = (note_file if note_file.exists() else path).stat().st_mtime
    return CacheEntry(path, size, used, _in_use(path), read_note(path))


def read_note(entry: Path) -> dict[str, Any]:
    """The content of an entry.json; empty where it cannot be read."""
    try:
        note = json.loads((entry / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}


def _in_use(entry: Path) -> bool:
    if _in_the_making(entry):
        with _if_free(entry) as free:
            return not free
    if sys.platform == "win32":  # removing it fails then
        return False
    try:
        with (entry / NOTE).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # another process has its lock, or the file belongs to somebody else
        return True
    return False


def _remove(entry: CacheEntry) -> bool:
    """Remove an entry unless it is made or used at this moment; whether it is gone."""
    if not entry.path.is_dir():
        with contextlib.suppress(OSError):
            entry.path.unlink(missing_ok=True)
        return not entry.path.exists()
    with _if_free(entry.path) as free:
        if free and (_in_the_making(entry.path) or not _in_use(entry.path)):
            shutil.rmtree(entry.path, ignore_errors=True)
            return not entry.path.exists()
    return False


@contextlib.contextmanager
def _if_free(entry: Path) -> Iterator[bool]:
    """Whether no process makes or removes the entry, which none does then until the end."""
    lock = _lock_of(entry)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):  # or the folder belongs to somebody else
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _lock_of(entry: Path) -> FileLock:
    return FileLock(entry.with_name(f"{entry.name.removeprefix(IN_THE_MAKING)}.lock"))
