"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from segengine.run.event_log import read_events
from segengine.run.rundir import RunDir

STATES_AT_WORK = ("waiting", "starting", "running")


def until(condition: Callable[[], Any], seconds: float = 90.0) -> Any:
    """The value of the condition, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "this never came"
        time.sleep(0.02)
    return value


def kinds(run: RunDir) -> list[str]:
    """The events of a run so far."""
    return [event["event"] for event in read_events(run.events_file)[0]]
