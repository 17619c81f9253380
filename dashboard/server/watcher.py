"""One file-system observer per server: the runs it follows, and the open streams that it wakes."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from watchdog.events import (
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch
from watchdog.observers.polling import PollingObserverVFS

POLL_SECONDS = 0.5
# The files that change a curve or a run's state. All others of a run folder wake nobody.
_WATCHED_FILES = frozenset({"events.jsonl", "job.json", "request.json"})
# Not the reading of a file: the dashboard reads all the time, and would keep itself awake.
_WATCHED_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileDeletedEvent,
]
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


class _Follower(FileSystemEventHandler):
    """Told of what happens in one run's folder, it tells of the run."""

    def __init__(self, run_id: str, tell: Callable[[str], None]) -> None:
        self._run_id = run_id
        self._tell = tell

    def on_any_event(self, event: FileSystemEvent) -> None:
        """A file is new, has grown, was put in place atomically or is gone."""
        paths = (os.fsdecode(event.src_path), os.fsdecode(event.dest_path))
        if any(os.path.basename(path) in _WATCHED_FILES for path in paths):
            self._tell(self._run_id)


@dataclass
class _Watch:
    """A run folder under an observer's eyes, and how many streams want it there."""

    observer: BaseObserver
    handle: ObservedWatch
    streams: int = 1


class Watcher:
    """Follows the runs that open streams look at, and wakes the streams of those that change.

    Nothing else is watched: no run that nobody looks at, and no folder inside a run. So what it
    costs depends on what is open, not on how many runs there are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._observers: list[BaseObserver] = []  # a run is given to the first that can take it
        self._subscriptions: set[Subscription] = set()
        self._lock = threading.Lock()
        self._watches: dict[str, _Watch] = {}
        # An observer tells of a change while it holds its own lock, and waits for that of the
        # subscriptions. Who schedules a watch waits for the observer's: it holds this one instead.
        self._watches_lock = threading.Lock()

    def start(self) -> None:
        """Start to follow. The folder is made where it is missing.

        A folder that cannot be made is not followed: the pages say what is wrong with it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        polling_only = must_poll(self.folder)
        for make in (_polling_observer,) if polling_only else (Observer, _polling_observer):
            try:
                observer = make()
                observer.start()
            except OSError:  # the system has no more observers to give: there is polling
                continue
            self._observers.append(observer)

    def stop(self) -> None:
        """Stop to follow, and end every open stream."""
        self.end_streams()
        for observer in self._observers:
            observer.stop()
            observer.join(timeout=2.0)
        self._observers = []

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
        for run_id in subscription.run_ids:
            self._watch(run_id)
        try:
            yield subscription
        finally:
            for run_id in subscription.run_ids:
                self._unwatch(run_id)
            with self._lock:
                self._subscriptions.discard(subscription)

    def _watch(self, run_id: str) -> None:
        """Watch a run's folder for one more stream.

        Where the system has no watch left to give, the folder is polled. A folder that is gone is
        not watched: its stream looks at it from time to time in any case.
        """
        with self._watches_lock:
            if watch := self._watches.get(run_id):
                watch.streams += 1
                return
            for observer in self._observers:
                try:
                    handle = observer.schedule(
                        _Follower(run_id, self._changed),
                        str((self.folder / run_id).resolve()),
                        event_filter=_WATCHED_EVENTS,
                    )
                except OSError:
                    continue
                self._watches[run_id] = _Watch(observer, handle)
                return

    def _unwatch(self, run_id: str) -> None:
        """One stream less looks at this run: the last one ends the watch."""
        with self._watches_lock:
            watch = self._watches.get(run_id)
            if watch is None:
                return
            watch.streams -= 1
            if not watch.streams:
                del self._watches[run_id]
                with suppress(KeyError):  # the observer was stopped before
                    watch.observer.unschedule(watch.handle)

    def _changed(self, run_id: str) -> None:
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
    """What polling looks at in a run's folder: the watched files."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in _WATCHED_FILES:
                yield entry
