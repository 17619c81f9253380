"""What a run in training tells: events to its log, lines and a progress bar to the terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from segengine.run.events import EventLog
from segengine.terminal import Terminal

INTERVAL = 0.2  # seconds between two `step` or two `progress` events at the least


class Reporter:
    """The one voice of a run."""

    def __init__(self, log: EventLog, terminal: Terminal) -> None:
        self._log = log
        self._terminal = terminal
        self._epochs = 0
        self._steps = 0
        self._images = 0  # since the last `step` event
        self._last_step = 0.0
        self._measuring_since = time.monotonic()  # validations don't count in images a second
        self._last_progress = 0.0

    def started(self, about: Mapping[str, Any], start_epoch: int, start_step: int) -> None:
        """The run (or its continuation) begins; `about` as in the event."""
        self._log.write(
            "run_started", durable=True, **about, start_epoch=start_epoch, start_step=start_step
        )
        self._epochs = about["epochs"]
        self._steps = about["epochs"] * about["steps_per_epoch"]
        parameters = about["parameters"]
        self._terminal.say(
            f"{about['train_images']:,} training and {about['val_images']:,} validation images; "
            f"{parameters['total']:,} parameters, {parameters['trainable']:,} of them learn; "
            f"{about['device']}, {about['precision']}."
        )
        self._begin_measuring()

    def step_due(self) -> bool:
        """Whether the next `step` would be logged: at most five a second are."""
        return time.monotonic() - self._last_step >= INTERVAL

    def step(self, epoch: int, step: int, loss: float | None, lr: float, images: int) -> None:
        """An optimizer step over `images`; `loss` is None where it was not looked at."""
        self._images += images
        if loss is None or not self.step_due():
            return
        self._last_step = time.monotonic()
        speed = self._images / max(self._last_step - self._measuring_since, 1e-9)
        self._begin_measuring()
        self._log.write(
            "step", epoch=epoch, step=step, loss=loss, lr=lr, images_per_second=round(speed, 2)
        )
        note = f"epoch {epoch}/{self._epochs}, loss {loss:.3g}, {speed:.0f} images/s"
        self._terminal.progress("Training", step, self._steps, note)

    def epoch(self, **fields: Any) -> None:
        """An epoch is over; `fields` as in the event."""
        self._log.write("epoch", durable=True, **fields)
        text = (
            f"epoch {fields['epoch']}/{self._epochs}: training loss {fields['train']['loss']:.4f}"
        )
        if fields["val"]:
            val = fields["val"]
            text += f", validation loss {val['loss']:.4f}, mIoU {val['miou']:.4f}"
        self._terminal.say(f"{text}, {fields['seconds']:.1f} s")
        self._begin_measuring()

    def progress(self, phase: str, done: int, total: int) -> None:
        """Work other than training steps, such as reading images: at most five events a second."""
        now = time.monotonic()
        if now - self._last_progress >= INTERVAL or done == total:
            self._last_progress = now
            self._log.write("progress", phase=phase, done=done, total=total)
        self._terminal.progress(phase, done, total)

    def masks(self, epoch: int, folder: str) -> None:
        """Masks were written to a folder, given relative to the run's."""
        self._log.write("masks", epoch=epoch, folder=folder)

    def checkpoint(self, epoch: int, kind: str, path: str, sha256: str) -> None:
        """A checkpoint ("last" or "best") was written, after so many whole epochs."""
        self._log.write(
            "checkpoint", durable=True, epoch=epoch, kind=kind, path=path, sha256=sha256
        )

    def stopped(self, reason: str) -> None:
        """The run stops on request."""
        self._log.write("run_stopped", durable=True, reason=reason)
        self._say_last(reason)

    def failed(self, error: str, trace: str, problems: Sequence[str] = ()) -> None:
        """The run cannot go on: why, in one sentence, and all the `problems` if there are more."""
        self._log.write(
            "run_failed", durable=True, error=error, problems=list(problems), traceback=trace
        )
        self._say_last("Failed: " + ("\n".join(problems) or error))

    def aside(self, text: str) -> None:
        """For the terminal (or output.log) alone."""
        self._terminal.say(text)

    def finished(self, **fields: Any) -> None:
        """All is done; `fields` as in the event."""
        self._log.write("run_finished", durable=True, **fields)
        self._say_last(
            f"Finished: best validation mIoU {fields['best_miou']:.4f} in epoch "
            f"{fields['best_epoch']}, {fields['seconds']:.0f} s."
        )

    def _say_last(self, text: str) -> None:
        self._terminal.close()
        self._terminal.say(text)

    def _begin_measuring(self) -> None:
        self._measuring_since, self._images = time.monotonic(), 0
