"""RunLog: a run's event log folded into what readers ask for, each byte read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from segengine.errors import UserError
from segengine.results.pace import Pace
from segengine.run.event_log import read_log
from segengine.run.events import (
    End,
    Epoch,
    Event,
    Progress,
    Resources,
    RunStarted,
    Step,
    ValRecord,
    score_of,
)

MOST_USES = 2000
MOST_DAMAGED = 20  # damaged lines whose problem is kept


class Session(NamedTuple):
    """A training session.

    Attributes:
        start: when it began, in seconds since 1970.
        before: seconds that the sessions before it had trained, up to where it begins.
        step: optimizer steps done before it.
    """

    start: float
    before: float
    step: int


class ValidatedEpoch(NamedTuple):
    """The validation of one epoch (1-based)."""

    epoch: int
    scores: ValRecord


@dataclass
class RunLog:
    """What the log says so far. `refresh` reads the bytes that are new since the last time.

    A resumed run repeats what came after its last checkpoint. The new records replace the old
    ones, so that every epoch and step stands here once. Damaged lines are left out and counted.

    Attributes:
        started: the last `run_started`; None before it.
        sessions: one per `run_started`, in order.
        epochs: epoch number (1-based) -> `epoch` event.
        steps: the `step` events, in order.
        uses: (optimizer steps done, `resources` event), in order, at most MOST_USES.
        masks: epoch -> folder of its masks, relative to the run folder.
        end: the event that ended the run; None while it runs (or after a crash).
        progress: the last `progress` (reading data, validating, ...); None during training steps.
        last_time: time of the last event, in seconds since 1970; 0 before any.
        pace: how long the parts of this session take; `earlier_pace`: of the last one before that
            trained.
        unreadable: why the log cannot be read at present, in one sentence; "" where it can.
        lines: whole lines read.
        damaged: how many lines were left out, because they are damaged or contradict earlier ones.
        damage: what is wrong with the first MOST_DAMAGED of these.
    """

    path: Path
    offset: int = 0
    started: RunStarted | None = None
    sessions: list[Session] = field(default_factory=list)
    epochs: dict[int, Epoch] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    uses: list[tuple[int, Resources]] = field(default_factory=list)
    masks: dict[int, str] = field(default_factory=dict)
    end: End | None = None
    progress: Progress | None = None
    last_time: float = 0.0
    pace: Pace = field(default_factory=Pace)
    earlier_pace: Pace = field(default_factory=Pace)
    unreadable: str = ""
    lines: int = 0
    damaged: int = 0
    damage: list[str] = field(default_factory=list)

    def refresh(self) -> list[Event]:
        """Fold in the events that are new since the last time, and return them."""
        try:
            part = read_log(self.path, self.offset)
        except UserError as error:
            self.unreadable = str(error)
            return []
        if part.lines and (not self.offset or part.offset < self.offset):
            vars(self).update(vars(RunLog(self.path)))  # a first look, or another file is there now
        for number, problem in part.damaged:
            self._leave_out(f"line {self.lines + number + 1}: {problem}")
        self.unreadable, self.offset, self.lines = "", part.offset, self.lines + part.lines
        for event in part.events:
            self._fold(event)
        return part.events

    def validated(self) -> list[ValidatedEpoch]:
        """Every validation, by epoch."""
        ordered = sorted(self.epochs.items())
        return [ValidatedEpoch(number, event["val"]) for number, event in ordered if event["val"]]

    def best(self) -> ValidatedEpoch | None:
        """The best validation by the score that chooses the weights (the first of equals)."""
        best_by = self.started.get("best_by", "miou") if self.started else "miou"
        return max(
            self.validated(), key=lambda found: score_of(found.scores, best_by), default=None
        )

    def elapsed(self, event: Event) -> float:
        """Seconds of training before an event, without the pauses between sessions."""
        time = event.get("time", 0.0)
        for session in reversed(self.sessions):
            if session.start <= time:
                return session.before + time - session.start
        return self.sessions[0].before if self.sessions else 0.0

    def _fold(self, event: Event) -> None:
        if contradiction := self._contradiction(event):
            self._leave_out(f"event {event.get('seq')}: {contradiction}")
            return
        self.last_time = event.get("time", self.last_time)
        if event["event"] == "step":  # first: these are almost all
            self.end = self.progress = None
            self.pace.note(event)
            self.steps.append(event)
            return
        if event["event"] == "resources":
            self._note_use(event)
            return
        if event["event"] == "checkpoint" and self.end:
            return  # an ended run's checkpoint was made smaller: the run has still ended
        self.end = self.progress = None
        self.pace.note(event)
        if event["event"] == "run_started":
            self.started = event
            self.earlier_pace = self.pace if self.pace.steps > 0 else self.earlier_pace
            self.pace = Pace(
                max(1, event["steps_per_epoch"]),
                start_step=event["start_step"],
                step=event["start_step"],
                last=self.last_time,
            )
            self._forget_from(event["start_epoch"], event["start_step"])
            kept: list[Event] = [*self.steps[-1:], *list(self.epochs.values())[-1:]]
            before = max((self.elapsed(last) for last in kept), default=0.0)
            self.sessions.append(Session(self.last_time, before, event["start_step"]))
        elif event["event"] == "epoch":
            self.epochs[event["epoch"]] = event
        elif event["event"] == "masks":
            self.masks[event["epoch"]] = event["folder"]
        elif event["event"] == "progress":
            self.progress = event
        elif (
            event["event"] == "run_finished"
            or event["event"] == "run_stopped"
            or event["event"] == "run_failed"
        ):
            self.end = event

    def _note_use(self, event: Resources) -> None:
        """Of a long run every second, fourth, ... one is kept: more points than pixels are lost."""
        step = max(self.steps[-1]["step"] if self.steps else 0, self.pace.step)
        self.uses.append((step, event))
        if len(self.uses) > MOST_USES:
            del self.uses[1:-1:2]

    def _contradiction(self, event: Event) -> str:
        """Why an event cannot follow the earlier ones; "" where it can."""
        if event["event"] == "step":
            last = self.steps[-1]["step"] if self.steps else -1
            return "" if event["step"] > last else f"step {event['step']} follows step {last}"
        if not self.started:
            return ""
        known = len(self.started["classes"])
        if event["event"] == "run_started":
            given = len(event["classes"])
            goes_on = event["start_epoch"] > 1 and given != known
            return f"the run had {known} classes, and goes on with {given}" if goes_on else ""
        if event["event"] == "epoch" and event["val"] and _class_counts(event["val"]) != {known}:
            return f"epoch {event['epoch']} does not have one score for each of {known} classes"
        return ""

    def _leave_out(self, problem: str) -> None:
        self.damaged += 1
        if len(self.damage) < MOST_DAMAGED:
            self.damage.append(problem)

    def _forget_from(self, epoch: int, step: int) -> None:
        """Drop what a resumed run is about to repeat."""
        self.epochs = {number: event for number, event in self.epochs.items() if number < epoch}
        self.masks = {number: folder for number, folder in self.masks.items() if number < epoch}
        self.steps = [event for event in self.steps if event["step"] <= step]


def _class_counts(val: ValRecord) -> set[int]:
    """The numbers of classes that the scores per class are of."""
    lists = [val["iou"], val["dice"], val["precision"], val["recall"]]
    if "boundary_iou_per_class" in val:
        lists.append(val["boundary_iou_per_class"])
    return {len(values) for values in lists}


def open_log(path: Path) -> RunLog:
    """The log of that file, read to its end."""
    log = RunLog(path)
    log.refresh()
    return log
