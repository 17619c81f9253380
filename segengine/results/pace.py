"""How long the parts of a run take, and so how much of the whole is left.

A run is its training steps, its validations (with what is saved after them) and the prediction of
the validation set at its end. Each part is measured by the times between its events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from segengine.run.events import Event, RunStarted

VALIDATING, PREDICTING = (
    "Validating",
    "Predicting",
)  # phases of `progress`, as the engine calls them
# Of a training step's time, what a forward pass takes: a backward pass costs about two of them.
# It stands in for the time of a validation until one was measured.
FORWARD_SHARE = 1 / 3


@dataclass
class Pace:
    """The seconds that a session has spent on each part; `note` adds an event.

    Attributes:
        steps_per_epoch: training steps per epoch.
        start_step: training steps done before the session.
        step: training steps done by now, with those before it.
        training: seconds of this session's training steps.
        validations: validations done.
        validating: seconds of those, with what was saved after them.
        current: seconds of the validation under way.
        current_share: how much of its images are done, 0 to 1.
        predicting: seconds of the final prediction.
        predicted_share: how much of its images are done, 0 to 1.
    """

    steps_per_epoch: int = 1
    start_step: int = 0
    step: int = 0
    training: float = 0.0
    validations: int = 0
    validating: float = 0.0
    current: float = 0.0
    current_share: float = 0.0
    predicting: float = 0.0
    predicted_share: float = 0.0
    last: float = 0.0  # time of the last event, in seconds since 1970

    @property
    def steps(self) -> int:
        """Training steps of this session."""
        return max(0, self.step - self.start_step)

    def note(self, event: Event) -> None:
        """The time since the last event belongs to the part that this event tells of."""
        now = event.get("time", self.last)
        seconds = max(0.0, now - self.last) if self.last else 0.0
        self.last = now
        if event["event"] == "step" or event["event"] == "epoch":
            self.step = event.get("step", self.step)
        if event["event"] == "progress":
            self._note_progress(event["phase"], event["done"], event["total"], seconds)
        elif event["event"] == "step":
            self.training += seconds
        elif event["event"] == "epoch" and event["val"]:
            self.validating += self.current + seconds
            self.validations += 1
            self.current = self.current_share = 0.0
        elif event["event"] == "epoch":
            self.training += seconds
        elif event["event"] == "masks" or event["event"] == "checkpoint":
            self.validating += seconds if self.validations else 0.0

    def _note_progress(self, phase: str, done: int, total: int, seconds: float) -> None:
        if phase == VALIDATING and done == 0:  # what came before were training steps
            self.training += seconds
            self.step += -self.step % self.steps_per_epoch  # the last ones may not be logged
        elif phase == VALIDATING:
            self.current += seconds
            self.current_share = done / total if total else 0.0
        elif phase == PREDICTING:
            self.predicting += seconds
            self.predicted_share = done / total if total else 0.0


class Work(NamedTuple):
    """A run's work in seconds of one session's pace."""

    done: float
    left: float

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        whole = self.done + self.left
        return self.done / whole if whole else 0.0


def work_of(started: RunStarted, pace: Pace, steps: int, validations: int) -> Work | None:
    """A run's whole work; None where its pace is not known yet.

    Args:
        started: the session's start.
        pace: of a session.
        steps: training steps of all sessions.
        validations: validations of all sessions.
    """
    if not pace.steps:
        return None
    step = pace.training / pace.steps
    validation = _seconds_per_validation(started, pace, step)
    prediction = validation
    if pace.predicted_share:
        prediction = pace.predicting / pace.predicted_share
    done = steps * step + validations * validation + pace.current + pace.predicting
    left = max(0.0, prediction - pace.predicting)
    if not pace.predicted_share:  # else no more epochs come, be it by an early stop
        steps_left = started["epochs"] * started["steps_per_epoch"] - steps
        validations_left = max(0, planned_validations(started) - validations)
        left += max(0, steps_left) * step
        left += max(0.0, validations_left * validation - pace.current)
    return Work(done, left)


def planned_validations(started: RunStarted) -> int:
    """How often a run is validated: every so many epochs, and after the last."""
    every = max(1, started.get("val_every", 1))
    return -(-started["epochs"] // every)


def _seconds_per_validation(started: RunStarted, pace: Pace, step: float) -> float:
    if pace.validations:
        return pace.validating / pace.validations
    if pace.current_share:
        return pace.current / pace.current_share
    images_per_step = started["train_images"] / max(1, started["steps_per_epoch"])
    return FORWARD_SHARE * started["val_images"] * step / max(1.0, images_per_step)
