"""The event log: one JSON object per line, append-only, one writer, any number of readers."""

from __future__ import annotations

import errno
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from segengine.errors import UserError
from segengine.files import cannot_read, cannot_write, open_regular
from segengine.run.events import VERSION, Event
from segengine.run.records import STRICT, first_problem

_DECLARED: TypeAdapter[Event] = TypeAdapter(
    Annotated[Event, Field(discriminator="event")], config=STRICT
)


class EventLog:
    """The writer. Reopening a log repairs a torn tail and continues the count.

    Every event goes out as one write of one line; `durable` ones reach the disk before `write`
    returns. Non-finite numbers become null, and the event then names them under "non_finite".
    """

    def __init__(self, path: Path) -> None:
        """Open for appending.

        Raises:
            UserError: the file cannot be written.
        """
        try:
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - closed by close()
            size, self._seq = _whole_lines(path)
            self._file.truncate(size)
        except OSError as error:
            raise cannot_write(path, error) from error
        self.path = path

    def write(self, event: Event, *, durable: bool = False) -> None:
        """Append one event; the log sets its head.

        A log that was moved still learns that its run failed.

        Raises:
            UserError: the disk is full or gone, or the log was moved or deleted; it stays readable.
        """
        if event["event"] != "run_failed":
            self.require_in_place()
        non_finite: list[str] = []
        head = {"v": VERSION, "seq": self._seq, "time": round(time.time(), 3)}
        body = {name: _finite(value, name, non_finite) for name, value in event.items()}
        if non_finite:
            body["non_finite"] = non_finite
        line = json.dumps({**head, **body}, allow_nan=False, separators=(",", ":")) + "\n"
        try:
            self._append(line.encode())
            if durable:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._seq += 1

    def require_in_place(self) -> None:
        """Refuse to go on where the log is not at its path any more.

        Raises:
            UserError: it was moved or deleted, most likely with the whole run folder.
        """
        try:
            if os.path.samestat(os.fstat(self._file.fileno()), os.stat(self.path)):
                return
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            raise cannot_write(self.path, error) from error
        raise UserError(
            f"{self.path} was moved or deleted while the run was at work: nothing more of it could "
            "be saved. Put the run folder back and resume the run, or start a new one."
        )

    def _append(self, line: bytes) -> None:
        """Write the whole line or, where the disk fills up in its middle, none of it."""
        start = os.fstat(self._file.fileno()).st_size
        written = self._file.write(line)
        if written != len(line):
            self._file.truncate(start)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Put everything on disk and close.

        Raises:
            UserError: the disk is full or gone.
        """
        if self._file.closed:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error
        finally:
            self._file.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class LogPart(NamedTuple):
    """What was read of a log.

    Attributes:
        events: those that are as declared, in order.
        offset: the byte to read from next time.
        lines: the number of whole lines that were read.
        damaged: (number of the line in this part, 0-based; what is wrong with it), for each line
            that holds no event as declared.
    """

    events: list[Event]
    offset: int
    lines: int
    damaged: list[tuple[int, str]]


def read_log(path: Path, offset: int = 0) -> LogPart:
    """What the log holds from a byte offset on; from its beginning where it became shorter.

    Only whole lines count: a line that is still being written (or torn by a crash) is left for next
    time. Kinds of events that only later versions know are left out. A missing file has no events.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with open_regular(path) as file:
            if offset and os.fstat(file.fileno()).st_size < offset:
                offset = 0
            file.seek(offset)
            block = file.read()
    except FileNotFoundError:
        return LogPart([], 0, 0, [])
    except OSError as error:
        raise cannot_read(path, error) from None
    lines = block.split(b"\n")
    torn = lines.pop()
    part = LogPart([], offset + len(block) - len(torn), len(lines), [])
    events = part.events
    for number, line in enumerate(lines):
        try:
            if event := parse_line(line):
                events.append(event)
        except UserError as problem:
            part.damaged.append((number, str(problem)))
    return part


def read_events(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """(the events from a byte offset on, the offset to read from next time); see `read_log`.

    Raises:
        UserError: the file cannot be read.
    """
    part = read_log(path, offset)
    return part.events, part.offset


def parse_line(line: bytes) -> Event | None:
    """The event that a line holds; None for an empty line and for what later versions log.

    Raises:
        UserError: the line is damaged; the text says where, such as "epoch.val.miou: ...".
    """
    try:
        event = _DECLARED.validate_json(line)
    except ValidationError as error:
        if not line or error.errors(include_url=False)[0]["type"] == "union_tag_invalid":
            return None
        raise UserError(first_problem(error)) from None
    if "time" not in event:  # the head is optional only for who writes
        raise UserError(f"{event['event']}.time: Field required")
    return event


def _whole_lines(path: Path) -> tuple[int, int]:
    """(bytes of the whole lines, next seq) of a log."""
    events, size = read_events(path)
    return size, 1 + max((event.get("seq", -1) for event in events), default=-1)


def _finite(value: Any, path: str, non_finite: list[str]) -> Any:
    """The value with None for NaN and infinities; their paths are added to `non_finite`."""
    if isinstance(value, float) and not math.isfinite(value):
        non_finite.append(path)
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item, f"{path}.{key}", non_finite) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item, f"{path}[{i}]", non_finite) for i, item in enumerate(value)]
    return value
