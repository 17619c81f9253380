"""One file-system observer per server, and the open streams that it wakes."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserverVFS

POLL_SECONDS = 0.5
# The files that change a curve or a run's state. All others of a run folder wake nobody.
_WATCHED_FILES = frozenset({"events.jsonl", "job.json", "request.json"})
# Types of file systems that give no notice of changes made on other machines.
_NETWORK_TYPES = (
    *("nfs", "cifs", "smb", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "gluster"),
    *("sshfs", "rclone", "s3fs"),
)


class Subscription:
    """The runs that one stream follows. It belongs to the event loop that made it."""

    def __init__(self, run_ids: Sequence[str]) -> None:
        self.run_ids = frozenset(run_ids)
        self.ended = False
        self._loop = asyncio.get_running_loop()
        self._changed: set[str] = set()
        self._wake = asyncio.Event()

    async def changed(self, seconds: float) -> set[str]:
        """Wait for a change: the ids of the runs that changed, empty after `seconds` of silence."""
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except asyncio.TimeoutError:
            return set()
        self._wake.clear()
        changed, self._changed = self._changed, set()
        return changed

    def notify(self, run_id: str) -> None:
        """A run changed. Called from the observer's thread."""
        self._call_in_loop(self._mark, run_id)

    def end(self) -> None:
        """The server stops: the stream shall end. Called from any thread."""
        self._call_in_loop(self._finish)

    def _call_in_loop(self, method: Callable[..., None], *args: str) -> None:
        try:
            self._loop.call_soon_threadsafe(method, *args)
        except RuntimeError:  # the loop is closed already
            self.ended = True

    def _mark(self, run_id: str) -> None:
        self._changed.add(run_id)
        self._wake.set()

    def _finish(self) -> None:
        self.ended = True
        self._wake.set()


class Watcher(FileSystemEventHandler):
    """Follows a runs folder and wakes the streams of the runs that change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._observer: BaseObserver | None = None
        self._subscriptions: set[Subscription] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start to follow. The folder is made where it is missing.

        Where the system has no watch left to give, the folder is polled instead. A folder that
        cannot be made is not followed: the pages say what is wrong with it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        polling_only = must_poll(self.folder)
        for make in (_polling_observer,) if polling_only else (Observer, _polling_observer):
            observer = make()
            try:
                observer.schedule(self, str(self.folder), recursive=True)
                observer.start()
            except OSError:
                continue
            self._observer = observer
            return

    def stop(self) -> None:
        """Stop to follow, and end every open stream."""
        self.end_streams()
        if self._observer:
            self._observer.stop()
            self._observer.join(timeout=2.0)
            self._observer = None

    def end_streams(self) -> None:
        """Tell every open stream to end. Safe from any thread and from signal handlers."""
        for subscription in list(self._subscriptions):
            subscription.end()

    @contextmanager
    def subscribed(self, run_ids: Sequence[str]) -> Iterator[Subscription]:
        """Follow some runs from within an event loop."""
        subscription = Subscription(run_ids)
        with self._lock:
            self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)

    def on_created(self, event: FileSystemEvent) -> None:
        """A file is new."""
        self._see(event.src_path)

    def on_modified(self, event: FileSystemEvent) -> None:
        """A file has grown. (Reading a file is an event too, which must wake nobody.)"""
        self._see(event.src_path)

    def on_moved(self, event: FileSystemEvent) -> None:
        """A file was put in place atomically."""
        self._see(event.dest_path)

    def _see(self, path: bytes | str) -> None:
        folder, name = os.path.split(os.fsdecode(path))
        if name not in _WATCHED_FILES or os.path.dirname(folder) != str(self.folder):
            return
        run_id = os.path.basename(folder)
        with self._lock:
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            if run_id in subscription.run_ids:
                subscription.notify(run_id)


def must_poll(folder: Path) -> bool:
    """Whether the system gives no notice of changes: network file systems, or SEGLAB_POLL=1."""
    if os.environ.get("SEGLAB_POLL") == "1":
        return True
    mounts = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    for parent in (folder.resolve(), *folder.resolve().parents):
        if str(parent) in mounts:
            return mounts[str(parent)].lower().removeprefix("fuse.").startswith(_NETWORK_TYPES)
    return False


def _polling_observer() -> BaseObserver:
    return PollingObserverVFS(stat=os.stat, listdir=_list_shallow, polling_interval=POLL_SECONDS)


def _list_shallow(folder: str | None) -> Iterator[os.DirEntry[str]]:
    """What polling looks at: run folders and their watched files, not thousands of masks."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in _WATCHED_FILES or ("-" in entry.name and entry.is_dir()):
                yield entry
