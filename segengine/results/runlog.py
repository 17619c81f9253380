"""RunLog: a run's event log folded into what readers ask for, each byte read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from segengine.results.pace import Pace
from segengine.run.event_log import read_events
from segengine.run.events import End, Epoch, Event, Progress, RunStarted, Step, ValRecord, score_of


class ValidatedEpoch(NamedTuple):
    """The validation of one epoch (1-based)."""

    epoch: int
    scores: ValRecord


@dataclass
class RunLog:
    """What the log says so far. `refresh` reads the bytes that are new since the last time.

    A resumed run repeats what came after its last checkpoint. The new records replace the old
    ones, so that every epoch and step stands here once.

    Attributes:
        started: the last `run_started`; None before it.
        epochs: epoch number (1-based) -> `epoch` event.
        steps: the `step` events, in order.
        masks: epoch -> folder of its masks, relative to the run folder.
        end: the event that ended the run; None while it runs (or after a crash).
        progress: the last `progress` (reading data, validating, ...); None during training steps.
        last_time: time of the last event, in seconds since 1970; 0 before any.
        pace: how long the parts of this session take; `earlier_pace`: of the last one before that
            trained.
    """

    path: Path
    offset: int = 0
    started: RunStarted | None = None
    epochs: dict[int, Epoch] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    masks: dict[int, str] = field(default_factory=dict)
    end: End | None = None
    progress: Progress | None = None
    last_time: float = 0.0
    pace: Pace = field(default_factory=Pace)
    earlier_pace: Pace = field(default_factory=Pace)

    def refresh(self) -> list[Event]:
        """Fold in the events that are new since the last time, and return them."""
        events, self.offset = read_events(self.path, self.offset)
        for event in events:
            self._fold(event)
        return events

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

    def _fold(self, event: Event) -> None:
        self.last_time = event.get("time", self.last_time)
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
        elif event["event"] == "epoch":
            self.epochs[event["epoch"]] = event
        elif event["event"] == "step":
            self.steps.append(event)
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

    def _forget_from(self, epoch: int, step: int) -> None:
        """Drop what a resumed run is about to repeat."""
        self.epochs = {number: event for number, event in self.epochs.items() if number < epoch}
        self.masks = {number: folder for number, folder in self.masks.items() if number < epoch}
        self.steps = [event for event in self.steps if event["step"] <= step]


def open_log(path: Path) -> RunLog:
    """The log of that file, read to its end."""
    log = RunLog(path)
    log.refresh()
    return log
