"""The live path to the browser: what is new in the logs, as server-sent events.

A stream follows some runs. Its messages carry points for the chart, never whole logs. A message's
id is the byte offset reached in each log: a browser that comes back goes on exactly there.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dashboard.server.shared_views import shared_curves, shared_status
from dashboard.server.status_line import LiveStatus, live_facts
from dashboard.server.watcher import Watcher
from dashboard.shared.run_store import reading
from segengine.errors import UserError
from segengine.results.runlog import RunLog
from segengine.results.series import MAX_POINTS, Series, points_of, rounded, rows
from segengine.run.event_log import read_events
from segengine.run.events import Event
from segengine.run.rundir import RunDir

CHECK_SECONDS = 2.0  # a process that is gone changes no file: look so often
HEARTBEAT_SECONDS = 15.0  # a sign of life in silence, by which readers that left are noticed
GAP_SECONDS = 0.04  # least time between two messages of a stream
RETRY_MS = 500  # after which a browser that lost the server asks again


@dataclass
class Feed:
    """What one stream has sent of one run.

    Attributes:
        offset: byte in the log up to which everything was sent; -1: nothing was.
        most: step points that one picture of the run may have.
        steps: step points sent since the last reset.
        status: as last sent.
    """

    run: RunDir
    offset: int = -1
    most: int = MAX_POINTS
    steps: int = 0
    status: LiveStatus | None = None

    def news(self) -> dict[str, Any] | None:
        """What the reader does not know yet; None where there is nothing.

        Returns:
            id, status, steps and epochs (column -> numbers), and reset: None, or what the run is,
            where the points replace all earlier ones. That is so at first, when a resumed run does
            epochs again, and when so many steps were added that the curve must be thinned out.
        """
        with reading(self.run) as log:
            status = shared_status(self.run, log)
            if self.offset < 0 or self.offset > log.offset:
                return self._reset(log, status)
            events, offset = self._new_events(log)
            resumed = any(event["event"] == "run_started" for event in events)
            new_points = points_of(events, log)
            self.steps += rows(new_points.steps)
            if resumed or self.steps > self.most:
                return self._reset(log, status)
        self.offset = offset
        if not (new_points or self._moved(status) or (events and status != self.status)):
            return None
        self.status = status
        return self._message(new_points)

    def _new_events(self, log: RunLog) -> tuple[list[Event], int]:
        """(the events that were not sent, the offset after them)."""
        if self.offset == log.offset:
            return [], self.offset
        try:
            return read_events(self.run.events_file, self.offset)
        except UserError:  # the status says so
            return [], self.offset

    def _reset(self, log: RunLog, status: LiveStatus) -> dict[str, Any]:
        self.offset, self.steps, self.status = log.offset, 0, status
        return self._message(shared_curves(self.run, log, self.most), asdict(live_facts(log)))

    def _message(self, new: Series, reset: dict[str, Any] | None = None) -> dict[str, Any]:
        assert self.status is not None
        tables = {"steps": new.steps, "epochs": new.epochs, "uses": new.uses}
        points = {name: rounded(table) for name, table in tables.items()}
        return {"id": self.run.id, "reset": reset, **points, "status": asdict(self.status)}

    def _moved(self, status: LiveStatus) -> bool:
        """Whether more than the clock moved: the time left alone is no news."""
        return self.status is None or status.without_clock() != self.status.without_clock()


@dataclass
class Stream:
    """The open stream of one page.

    Attributes:
        last_sent: when the last message went out, on the monotonic clock.
    """

    watcher: Watcher
    feeds: list[Feed]
    last_sent: float = field(default_factory=time.monotonic)

    async def messages(self) -> AsyncIterator[str]:
        """Server-sent events: at first all that was not sent yet, until the server stops."""
        yield f"retry: {RETRY_MS}\n\n"
        ids = [feed.run.id for feed in self.feeds]
        with self.watcher.subscribed(ids) as subscription:
            changed = set(ids)
            while not subscription.ended:
                if message := await self._next_message(changed):
                    self.last_sent = time.monotonic()
                    yield message
                await asyncio.sleep(GAP_SECONDS)
                changed = await subscription.changed(CHECK_SECONDS) or set(ids)

    async def _next_message(self, changed: set[str]) -> str:
        """The news of the changed runs as one event, a sign of life, or nothing."""
        feeds = [feed for feed in self.feeds if feed.run.id in changed]
        if news := await asyncio.to_thread(_gather, feeds):
            offsets = ",".join(str(feed.offset) for feed in self.feeds)
            body = json.dumps({"runs": news}, allow_nan=False, separators=(",", ":"))
            return f"id: {offsets}\ndata: {body}\n\n"
        silent = time.monotonic() - self.last_sent > HEARTBEAT_SECONDS
        return ": still here\n\n" if silent else ""


def _gather(feeds: Sequence[Feed]) -> list[dict[str, Any]]:
    return [news for feed in feeds if (news := feed.news())]
