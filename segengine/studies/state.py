"""The state of a sweep, decided from disk: its record, the last request, the coordinator's lock."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from segengine import launchers
from segengine.errors import UserError
from segengine.results.status import tail
from segengine.run.writer_lock import is_locked
from segengine.studies.record import PlannedRun, SweepRecord
from segengine.studies.sweepdir import SweepDir

# stopping: a stop was asked for, and the coordinator still waits for the run at work.
# lost: the coordinator ended without a word (killed, or the machine went down).
SweepState = Literal["planned", "running", "stopping", "finished", "stopped", "lost", "unreadable"]
ACTIVE: tuple[SweepState, ...] = ("running", "stopping")


@dataclass(frozen=True)
class SweepStatus:
    """A sweep at one moment.

    Attributes:
        total: runs in all; counts: how a run ended -> how many did so.
        current: the run that was begun and has not ended; None where there is none.
        message: why it cannot be read, or what to do where the coordinator is lost.
    """

    state: SweepState
    total: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    current: PlannedRun | None = None
    message: str = ""

    @property
    def active(self) -> bool:
        """Whether a coordinator is at work."""
        return self.state in ACTIVE

    @property
    def ended(self) -> int:
        """Runs that have ended, however."""
        return sum(self.counts.values())

    @property
    def not_finished(self) -> int:
        """Runs that ended otherwise than finished, or stopped because they did badly."""
        return self.ended - self.counts.get("finished", 0) - self.counts.get("pruned", 0)

    def text(self) -> str:
        """ "4 of 6 runs ended: 3 finished, 1 failed"."""
        if not self.counts:
            return f"0 of {self.total:,} runs ended"
        parts = ", ".join(f"{count:,} {how}" for how, count in self.counts.items())
        return f"{self.ended:,} of {self.total:,} runs ended: {parts}"


def read_status(sweep: SweepDir) -> SweepStatus:
    """The status of a sweep; what cannot be read of it is said in the status."""
    at_work = has_coordinator(sweep)  # looked at first: who had the lock wrote the record last
    try:
        record = sweep.record()
    except UserError as problem:
        return SweepStatus("unreadable", message=str(problem))
    state = _state(sweep, record, at_work=at_work)
    begun = (planned for planned in record.runs if planned.run and not planned.ended)
    return SweepStatus(
        state=state,
        total=record.total,
        counts=dict(Counter(str(planned.ended) for planned in record.runs if planned.ended)),
        current=next(begun, None),
        message=_why_lost(sweep) if state == "lost" else "",
    )


def _why_lost(sweep: SweepDir) -> str:
    """What the coordinator said last, where that was an error; else that it said nothing."""
    last = tail(sweep.output_file, 1)
    reason = last if last.startswith("Error: ") else _KILLED
    return f"{reason} `python -m segengine sweep-continue {sweep.id}` takes it up again."


_KILLED = "Its coordinator was killed, or the machine went down; a run at work goes on by itself."


def has_coordinator(sweep: SweepDir) -> bool:
    """Whether a process works on the sweep, or one of another machine that cannot be asked."""
    job = sweep.job()
    return is_locked(sweep.lock_file) or bool(job and launchers.state(job) in ("alive", "unknown"))


def _state(sweep: SweepDir, record: SweepRecord, *, at_work: bool) -> SweepState:
    want = sweep.want()
    if at_work:
        return "running" if want == "go" else "stopping"
    if record.done:
        return "finished"
    if want != "go":
        return "stopped"
    begun = sweep.job() or any(planned.run for planned in record.runs)
    return "lost" if begun else "planned"
