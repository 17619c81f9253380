"""Stopping a run within seconds, without losing a finished step.

SIGTERM, SIGINT and SIGHUP (a closed terminal) wake a thread. The training loop calls `check` after
every step and stops there. Where a single step takes longer than the grace period (a C++ call,
during which Python runs no signal handler), the thread itself saves the state from before the step
and exits.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

from segengine.errors import UserError
from segengine.files import write_text
from segengine.run.rundir import RunDir

ON_REQUEST = "Stopped on request."
_REASONS = {"SIGHUP": "Stopped because its terminal was closed."}
GRACE = 5.0  # seconds that a step may still take; the rest of 10 s is for saving
KILL_AFTER = 10.0  # seconds after the first request to stop; a request after them kills


def request_stop(run: RunDir) -> None:
    """Write down that a person asked the run to stop; an earlier request keeps its time."""
    if seconds_since_stop_request(run) is None:
        write_text(run.request_file, json.dumps({"want": "stop", "time": time.time()}) + "\n")


def seconds_since_stop_request(run: RunDir, now: float | None = None) -> float | None:
    """How long ago a person asked the run to stop; None where nobody has, or it is illegible."""
    try:
        request = run.request()
    except UserError:
        return None
    if request is None:
        return None
    return max(0.0, (time.time() if now is None else now) - request["time"])


class Stopped(Exception):
    """A person asked the run to stop."""


class Stopper:
    """Whether a stop was requested, by a signal or in code, and what saves the run then.

    Attributes:
        reason: why, in one sentence.
    """

    def __init__(self) -> None:
        self.reason = ON_REQUEST
        self._requested = threading.Event()
        self._lock = threading.Lock()
        self._save: Callable[[], None] | None = None

    def listen(self) -> None:
        """Take the signals as requests from now on. Call this in the main thread.

        SIGHUP stays ignored where it is: `nohup` asks for that.
        """
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        # The wake-up byte is written when the signal arrives, the handler runs when Python may.
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
                signal.signal(number, lambda number, _: self._request_by(number))
        threading.Thread(
            target=self._listen, args=(reader, writer), daemon=True, name="stop-listener"
        ).start()

    def request(self) -> None:
        """Request a stop."""
        self._requested.set()

    def _request_by(self, number: int) -> None:
        self.reason = _REASONS.get(signal.Signals(number).name, ON_REQUEST)
        self.request()

    def check(self) -> None:
        """Stop here if that was requested.

        Raises:
            Stopped: it was.
        """
        if self._requested.is_set():
            raise Stopped(self.reason)

    @contextlib.contextmanager
    def interruptible(self, save: Callable[[], None]) -> Iterator[None]:
        """While the body runs, another thread may call `save` to save a consistent state.

        The body must not change what `save` reads. When the grace period is over, the process saves
        and exits, whatever the body is doing.
        """
        self._set_save(save)
        try:
            yield
        finally:
            self._set_save(None)

    def _set_save(self, save: Callable[[], None] | None) -> None:
        with self._lock:
            self._save = save

    def _listen(self, reader: socket.socket, writer: socket.socket) -> None:
        self._request_by(reader.recv(1)[0])  # the byte is the signal's number
        deadline = time.monotonic() + GRACE
        while True:
            time.sleep(max(0.05, deadline - time.monotonic()))
            with self._lock:  # holds the main thread at the end of its interruptible part
                if self._save is not None:
                    self._save()
                    os._exit(0)
