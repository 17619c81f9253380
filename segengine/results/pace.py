"""How long the parts of a run take, and so how much of the whole is left.

A run is its training steps, its validations (with what is saved after them) and, at its end, the
prediction of the validation set and the scoring of the test split. Each part is measured by the
times between its events.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from segengine.run.events import Event, RunStarted

# Phases of `progress`, as the engine calls them.
VALIDATING, PREDICTING, TESTING = "Validating", "Predicting", "Evaluating"
# Of a training step's time, what a forward pass takes: a backward pass costs about two of them.
# It stands in for the time of a validation until one was measured.
FORWARD_SHARE = 1 / 3


@dataclass
class Part:
    """A pass over images that is under way.

    Attributes:
        seconds: spent on it by now.
        share: how much of its images are done, 0 to 1.
    """

    seconds: float = 0.0
    share: float = 0.0

    def whole(self, guess: float) -> float:
        """Seconds of the whole pass: the guess, until some of it was measured."""
        return self.seconds / self.share if self.share else guess

    def note(self, done: int, total: int, seconds: float) -> None:
        """So many seconds later, so many of its images are done."""
        self.seconds += seconds
        self.share = done / total if total else 0.0


@dataclass
class Pace:
    """The seconds that a session has spent on each part; `note` adds an event.

    Attributes:
        steps_per_epoch: training steps per epoch.
        start_step: training steps done before the session.
        step: training steps done by now, with those before it.
        warm_up: seconds of the session's first training step, if it was logged by itself: it takes
            several times as long as the others.
        training: seconds of this session's other training steps.
        validations: validations done.
        validating: seconds of those, with what was saved after them.
        current: the validation under way.
        prediction: the final prediction.
        test: the scoring of the test split.
    """

    steps_per_epoch: int = 1
    start_step: int = 0
    step: int = 0
    warm_up: float = 0.0
    training: float = 0.0
    validations: int = 0
    validating: float = 0.0
    current: Part = field(default_factory=Part)
    prediction: Part = field(default_factory=Part)
    test: Part = field(default_factory=Part)
    last: float = 0.0  # time of the last event, in seconds since 1970

    @property
    def steps(self) -> int:
        """Training steps of this session."""
        return max(0, self.step - self.start_step)

    @property
    def seconds_per_step(self) -> float | None:
        """Of a training step; None where only the first one was measured."""
        measured = self.steps - (1 if self.warm_up else 0)
        if measured > 0:
            return self.training / measured
        return self.warm_up if self.validations else None  # better a bad guess than none for ever

    def note(self, event: Event) -> None:
        """The time since the last event belongs to the part that this event tells of."""
        now = event.get("time", self.last)
        seconds = max(0.0, now - self.last) if self.last else 0.0
        self.last = now
        if event["event"] == "step":
            before, self.step = self.step, event["step"]
            if before == self.start_step == self.step - 1:
                self.warm_up = seconds
            else:
                self.training += seconds
            return
        if event["event"] == "epoch":
            self.step = event.get("step", self.step)
        if event["event"] == "progress":
            self._note_progress(event["phase"], event["done"], event["total"], seconds)
        elif event["event"] == "epoch" and event["val"]:
            self.validating += self.current.seconds + seconds
            self.validations += 1
            self.current = Part()
        elif event["event"] == "epoch":
            self.training += seconds
        elif event["event"] == "masks" or event["event"] == "checkpoint":
            self.validating += seconds if self.validations else 0.0

    def _note_progress(self, phase: str, done: int, total: int, seconds: float) -> None:
        if phase == VALIDATING and done == 0:  # what came before were training steps
            self.training += seconds
            self.step += -self.step % self.steps_per_epoch  # the last ones may not be logged
        elif phase == VALIDATING:
            self.current.note(done, total, seconds)
        elif phase == PREDICTING:
            self.prediction.note(done, total, seconds)
        elif phase == TESTING:
            self.test.note(done, total, seconds)


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
    step = pace.seconds_per_step
    if step is None:
        return None
    validation = _seconds_per_validation(started, pace, step)
    per_image = validation / max(1, started["val_images"])
    ends = (
        (pace.prediction, validation),
        (pace.test, per_image * started.get("test_images", 0)),
    )
    done = steps * step + validations * validation + pace.current.seconds
    done += sum(part.seconds for part, _ in ends)
    left = sum(max(0.0, part.whole(guess) - part.seconds) for part, guess in ends)
    if not pace.prediction.share:  # else no more epochs come, be it by an early stop
        steps_left = started["epochs"] * started["steps_per_epoch"] - steps
        validations_left = max(0, planned_validations(started) - validations)
        left += max(0, steps_left) * step
        left += max(0.0, validations_left * validation - pace.current.seconds)
    return Work(done, left)


def planned_validations(started: RunStarted) -> int:
    """How often a run is validated: every so many epochs, and after the last."""
    every = max(1, started.get("val_every", 1))
    return -(-started["epochs"] // every)


def _seconds_per_validation(started: RunStarted, pace: Pace, step: float) -> float:
    if pace.validations:
        return pace.validating / pace.validations
    if pace.current.share:
        return pace.current.whole(0.0)
    images_per_step = started["train_images"] / max(1, started["steps_per_epoch"])
    return FORWARD_SHARE * started["val_images"] * step / max(1.0, images_per_step)
