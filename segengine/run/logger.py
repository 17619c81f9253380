"""What a run reports while it trains: events to its log, lines and a bar to the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal, cast

from segengine.run.event_log import EventLog
from segengine.run.events import (
    Checkpoint,
    Epoch,
    Masks,
    Progress,
    Resources,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    Step,
    Use,
)
from segengine.run.overlap import overlap_words
from segengine.run.terminal import Terminal

USE_INTERVAL = 2.0  # least seconds between two `resources` events
INTERVAL = 0.2  # least seconds between two `step` or two `progress` events


class RunLogger:
    """Writes a run's events to its log, and the same in short to the terminal."""

    def __init__(
        self,
        log: EventLog,
        terminal: Terminal | None = None,
        use: Callable[[], Use] | None = None,
    ) -> None:
        """Write to a log.

        Args:
            use: what the process uses of the machine since it was asked last.
        """
        self._log = log
        self._use = use
        self._last_use = 0.0
        self._terminal = terminal or Terminal()
        self._epochs = 0
        self._val_images = self._best_by = ""
        self._steps = 0
        self._images = 0  # since the last `step` event
        self._last_step = 0.0
        self._measuring_since = time.monotonic()  # validations don't count in images per second
        self._last_progress = 0.0

    def started(self, event: RunStarted) -> None:
        """A session begins: of a new run, or of one that is resumed."""
        self._log.write(event, durable=True)
        self._epochs = event["epochs"]
        splits, size = event.get("splits", {}), event["image_size"]
        self._best_by = event.get("best_by", "miou").replace("_", " ")
        self._val_images = f"{splits.get('val', 'validation split')}, at {size[0]}x{size[1]}"
        self._steps = event["epochs"] * event["steps_per_epoch"]
        parameters = event["parameters"]
        self._terminal.say(
            f"{event['train_images']:,} training and {event['val_images']:,} validation images; "
            f"{parameters['total']:,} parameters, {parameters['trainable']:,} of them trained; "
            f"{event['device']}, {event['precision']}."
        )
        if overlap := overlap_words(event):
            self._terminal.say(f"Note: {overlap}")
        self._begin_measuring()

    def step_due(self) -> bool:
        """Whether the next `step` would be logged: at most five per second are."""
        return time.monotonic() - self._last_step >= INTERVAL

    def step(self, epoch: int, step: int, loss: float | None, lr: float, images: int) -> None:
        """An optimizer step over so many images; `loss` is None where it was not read."""
        self._images += images
        if loss is None or not self.step_due():
            return
        self._last_step = time.monotonic()
        self._tell_use()
        speed = self._images / max(self._last_step - self._measuring_since, 1e-9)
        self._begin_measuring()
        self._log.write(
            Step(
                event="step",
                epoch=epoch,
                step=step,
                loss=loss,
                lr=lr,
                images_per_second=round(speed, 2),
            )
        )
        note = f"epoch {epoch}/{self._epochs}, loss {loss:.3g}, {speed:.0f} images/s"
        self._terminal.progress("Training", step, self._steps, note)

    def epoch(self, event: Epoch) -> None:
        """An epoch is over."""
        self._log.write(event, durable=True)
        text = f"epoch {event['epoch']}/{self._epochs}: training loss {event['train']['loss']:.4f}"
        if val := event["val"]:
            text += f", validation loss {val['loss']:.4f}, mIoU {val['miou']:.4f}"
        self._terminal.say(f"{text}, {event['seconds']:.1f} s")
        self._begin_measuring()

    def progress(self, phase: str, done: int, total: int) -> None:
        """Work other than training steps, such as reading images; at most five per second.

        Its beginning (`done` 0) and its end are always logged.
        """
        self.require_in_place()
        now = time.monotonic()
        if now - self._last_progress >= INTERVAL or done in (0, total):
            self._last_progress = now
            self._tell_use()
            self._log.write(Progress(event="progress", phase=phase, done=done, total=total))
        self._terminal.progress(phase, done, total)

    def _tell_use(self) -> None:
        now = time.monotonic()
        if self._use is None or now - self._last_use < USE_INTERVAL:
            return
        self._last_use = now
        self._log.write(cast("Resources", {"event": "resources", **self._use()}))

    def require_in_place(self) -> None:
        """Refuse to go on where the run folder was moved or deleted.

        Raises:
            UserError: it was.
        """
        self._log.require_in_place()

    def masks(self, epoch: int, folder: str) -> None:
        """Masks were written to a folder, given relative to the run folder."""
        self._log.write(Masks(event="masks", epoch=epoch, folder=folder))

    def checkpoint(self, epoch: int, kind: Literal["last", "best"], path: str, sha256: str) -> None:
        """A checkpoint was written, after so many whole epochs; path relative to the run folder."""
        event = Checkpoint(event="checkpoint", epoch=epoch, kind=kind, path=path, sha256=sha256)
        self._log.write(event, durable=True)

    def stopped(self, reason: str) -> None:
        """The run stops on request."""
        self._log.write(RunStopped(event="run_stopped", reason=reason), durable=True)
        self._say_last(reason)

    def failed(self, error: str, traceback: str, problems: Sequence[str] = ()) -> None:
        """The run failed: why, in one sentence, and every problem of its data if that is why."""
        event = RunFailed(
            event="run_failed", error=error, problems=list(problems), traceback=traceback
        )
        self._log.write(event, durable=True)
        self._say_last("Failed: " + ("\n".join(problems) or error))

    def aside(self, text: str) -> None:
        """A text for the terminal (or output.log) alone."""
        self._terminal.say(text)

    def finished(self, event: RunFinished) -> None:
        """All epochs are done and the validation set is predicted."""
        self._log.write(event, durable=True)
        tested = ""
        if test := event.get("test"):
            tested = f", {test['miou']:.4f} on {test['images']:,} test images that chose nothing"
        self._say_last(
            f"Finished: best epoch {event['best_epoch']} by validation {self._best_by}, mIoU "
            f"{event['best_miou']:.4f} ({self._val_images}){tested}, {event['seconds']:.0f} s."
        )

    def _say_last(self, text: str) -> None:
        self._terminal.close()
        self._terminal.say(text)

    def _begin_measuring(self) -> None:
        self._measuring_since, self._images = time.monotonic(), 0
