"""What all streams of a run share: its thinned curves and its status, worked out once.

However many pages look at a run, its curves are thinned once per state of its log, and its process
is looked for at most every STATUS_SECONDS.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from dashboard.server.status_line import LiveStatus, live_status
from segengine.results.runlog import RunLog
from segengine.results.series import Series, series_of
from segengine.run.rundir import RunDir

STATUS_SECONDS = 0.5  # a process can end without a change of any file
MOST_RUNS = 64  # whose curves are kept

Made = TypeVar("Made")


@dataclass
class _Kept(Generic[Made]):
    """The newest of something per run, with what it was made from."""

    made: OrderedDict[Path, tuple[object, Made]] = field(default_factory=OrderedDict)

    def get(self, run: RunDir, source: object, make: Callable[[], Made]) -> Made:
        known = self.made.get(run.path)
        if known is None or known[0] != source:
            known = self.made[run.path] = (source, make())
        self.made.move_to_end(run.path)
        if len(self.made) > MOST_RUNS:
            self.made.popitem(last=False)
        return known[1]


_curves: _Kept[Series] = _Kept()
_statuses: _Kept[LiveStatus] = _Kept()


def shared_curves(run: RunDir, log: RunLog, most: int) -> Series:
    """All curves of a run, thinned to `most` steps. Call it within `reading`; don't change them."""
    source = (log.offset, log.started, most)
    return _curves.get(run, source, lambda: series_of(log, most))


def shared_status(run: RunDir, log: RunLog) -> LiveStatus:
    """The status of a run up to now, give or take STATUS_SECONDS. Call it within `reading`."""
    records = [_changed(file) for file in (run.job_file, run.request_file)]
    source = (log.offset, records, int(time.monotonic() / STATUS_SECONDS))
    return _statuses.get(run, source, lambda: live_status(run, log))


def _changed(file: Path) -> tuple[int, int] | None:
    """What is another whenever the file was put in place anew; None where there is none."""
    try:
        stat = os.stat(file)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino
