"""RunLog: the event log of a run, folded into what readers ask for, read only once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from segengine.run.events import TERMINAL, Event, read_events


@dataclass
class RunLog:
    """What the log says so far. `refresh` reads the bytes that are new since the last time.

    A resumed run does again what came after its last checkpoint: those records replace the
    earlier ones, so that every epoch and step stands here once.

    Attributes:
        started: the last `run_started`; None before it.
        epochs: epoch number (1-based) -> `epoch` event.
        steps: the `step` events, in order.
        masks: epoch -> folder of its masks, relative to the run folder.
        terminal: the event that ended the run; None while it goes on (or after a crash).
        progress: the last `progress` (reading data, validating, ...), None while it steps.
        last_time: seconds since 1970 of the last event; 0 before any.
    """

    path: Path
    offset: int = 0
    started: Event | None = None
    epochs: dict[int, Event] = field(default_factory=dict)
    steps: list[Event] = field(default_factory=list)
    masks: dict[int, str] = field(default_factory=dict)
    terminal: Event | None = None
    progress: Event | None = None
    last_time: float = 0.0

    def refresh(self) -> list[Event]:
        """Fold in what was written since the last time, and return it."""
        events, self.offset = read_events(self.path, self.offset)
        for event in events:
            self._fold(event)
        return events

    def validated(self) -> list[Event]:
        """The `epoch` events that carry a validation, in order."""
        return [self.epochs[n] for n in sorted(self.epochs) if self.epochs[n].get("val")]

    def best(self) -> Event | None:
        """The `epoch` event with the highest validation mIoU (the first of equals)."""
        return max(self.validated(), key=lambda event: event["val"]["miou"], default=None)

    def _fold(self, event: Event) -> None:
        kind = event["event"]
        self.last_time = event.get("time", self.last_time)
        self.terminal = event if kind in TERMINAL else None
        self.progress = event if kind == "progress" else None
        if kind == "run_started":
            self.started = event
            self._forget_from(event["start_epoch"], event["start_step"])
        elif kind == "epoch":
            self.epochs[event["epoch"]] = event
        elif kind == "step":
            self.steps.append(event)
        elif kind == "masks":
            self.masks[event["epoch"]] = event["folder"]

    def _forget_from(self, epoch: int, step: int) -> None:
        """Drop what a resumed run is about to do again."""
        self.epochs = {n: event for n, event in self.epochs.items() if n < epoch}
        self.masks = {n: folder for n, folder in self.masks.items() if n < epoch}
        self.steps = [event for event in self.steps if event["step"] <= step]


def open_log(path: Path) -> RunLog:
    """The log of that file, read to its end."""
    log = RunLog(path)
    log.refresh()
    return log
