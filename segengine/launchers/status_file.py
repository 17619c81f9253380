"""A file in which a command that works in the background says how far it is, and how it ended."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from types import TracebackType

from segengine.errors import UserError, one_line
from segengine.files import write_text
from segengine.run.records import TaskStatus

EVERY = 0.5  # seconds between two writes


class StatusFile:
    """Keeps the file up to date while its body runs; a UserError in the body stands in it.

    A file that cannot be written is passed over: it is for those who watch, and ends no work.

    Args:
        path: the file; None: nobody watches.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._written = 0.0
        self._status: TaskStatus = {"phase": "", "done": 0, "total": 0}

    def __enter__(self) -> StatusFile:
        self._write()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, UserError):
            self._status["error"] = one_line(error)
            self._write()

    def progress(self, phase: str, done: int, total: int) -> None:
        """Note how far a phase is."""
        is_new = phase != self._status["phase"]
        self._status = {"phase": phase, "done": done, "total": total}
        if is_new or done >= total or time.monotonic() - self._written >= EVERY:
            self._write()

    def finish(self, result: Path) -> None:
        """Note that the work is done, and lies there."""
        self._status["result"] = str(result)
        self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        if self._path:
            with contextlib.suppress(UserError):
                write_text(self._path, json.dumps(self._status) + "\n")
