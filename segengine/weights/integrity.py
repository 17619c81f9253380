"""Whether a run's checkpoint is still the file that the run's log acknowledges."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from segengine.errors import UserError, one_line
from segengine.files import sha256_of
from segengine.run.event_log import read_events
from segengine.run.rundir import RunDir
from segengine.weights.tensor_file import load_tensors

_BENT = (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError)


@dataclass(frozen=True)
class LoggedCheckpoints:
    """What a run's log says of its checkpoints.

    Attributes:
        run: the run; that of the checkpoint's folder.
        epochs: sha256 -> whole epochs trained.
        step: optimizer steps at the end of the last of these epochs.
    """

    run: RunDir
    epochs: dict[str, int]
    step: int

    @classmethod
    def beside(cls, checkpoint: Path) -> LoggedCheckpoints:
        """Those of the run whose folder holds the checkpoint; none where there is no log."""
        run = RunDir(checkpoint.absolute().parent.parent)
        epochs: dict[str, int] = {}
        steps: dict[int, int] = {}
        try:
            events, _ = read_events(run.events_file)
        except (OSError, UserError):
            events = []
        for event in events:
            if event["event"] == "checkpoint":
                epochs[event["sha256"]] = event["epoch"]
            elif event["event"] == "epoch":
                steps[event["epoch"]] = event["step"]
        return cls(run, epochs, steps.get(max(epochs.values(), default=0), 0))

    def knows(self, checkpoint: Path) -> bool:
        """Whether the file is, byte for byte, one that the log acknowledges."""
        return bool(self.epochs) and sha256_of(checkpoint) in self.epochs

    def is_newer(self, state: dict[str, Any]) -> bool:
        """Whether the checkpoint goes beyond those that the log knows.

        A process may have been killed after it wrote the file and before it logged that.
        """
        position = state.get("position")
        return not self.epochs or (isinstance(position, dict) and _step(position) > self.step)

    def damage(self, checkpoint: Path) -> UserError:
        """The sentence for a file that is not what it was, with the checkpoint to use instead."""
        return UserError(
            f"{checkpoint} is damaged or truncated: it is not the file whose sha256 the run's log "
            f"holds. {self.way_out(checkpoint)}"
        )

    def way_out(self, checkpoint: Path) -> str:
        """What to do where that checkpoint cannot be used: the other one, if it is whole."""
        both = (self.run.last_checkpoint, self.run.best_checkpoint)
        for other in both:
            if other != checkpoint.absolute() and other.is_file():
                epoch = self.epochs.get(sha256_of(other))
                if epoch is not None and not _can_train(other) and other.name == "best.pt":
                    return (
                        f"The run's best.pt is whole (epoch {epoch}) but holds weights only: start "
                        f"a new run with --weights run:{self.run.id}."
                    )
                if epoch is not None:
                    return (
                        f"The run's {other.name} is whole (epoch {epoch}): copy it over "
                        f"{checkpoint.name} to use it instead."
                    )
        return (
            "The run has no other whole checkpoint: restore the file from a copy, or train again."
        )


def _can_train(checkpoint: Path) -> bool:
    """Whether a whole checkpoint holds the optimizer's state."""
    return "optimizer" in load_tensors(checkpoint)


def _step(position: dict[str, Any]) -> int:
    step = position.get("step")
    return step if isinstance(step, int) else -1


def records_are_whole(path: Path) -> bool:
    """Whether every record of a PyTorch file has the checksum that was stored with it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, RuntimeError):
        return False


@contextmanager
def parts_of(checkpoint: Path) -> Iterator[None]:
    """A context in which a checkpoint's parts are used.

    Raises:
        UserError: one is missing or is not what it should be, instead of the error that it causes.
    """
    try:
        yield
    except (UserError, torch.OutOfMemoryError):
        raise
    except _BENT as error:
        reason = one_line(error)[:160]
        raise UserError(
            f"{checkpoint} cannot be used: a part of it is missing or is not what it should be "
            f"({reason}). {LoggedCheckpoints.beside(checkpoint).way_out(checkpoint)}"
        ) from error
