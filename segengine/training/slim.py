"""Let the optimizer's state of a run that has ended go: its checkpoints then hold weights only."""

from __future__ import annotations

from typing import Literal

from segengine.errors import UserError
from segengine.run.event_log import EventLog, read_events
from segengine.run.events import end_of
from segengine.run.logger import RunLogger
from segengine.run.rundir import RunDir
from segengine.run.writer_lock import only_writer
from segengine.weights.checkpoint import can_train, load_checkpoint, save_checkpoint, weights_only


def slim(run: RunDir) -> int:
    """Make the run's checkpoints smaller, and return how many bytes that freed.

    The run can then predict, be evaluated and give its weights to others, but not be resumed.

    Raises:
        UserError: the run is at work or has not finished, or a checkpoint is damaged.
    """
    with only_writer(run), EventLog(run.events_file) as log:
        end = end_of(read_events(run.events_file)[0])
        if end is None or end["event"] != "run_finished":
            raise UserError(
                f"Run {run.id} has not finished, and could not be resumed any more: resume it, or "
                "delete it.",
                field="run",
            )
        logger = RunLogger(log)
        return _slim(run, "last", logger) + _slim(run, "best", logger)


def _slim(run: RunDir, kind: Literal["last", "best"], logger: RunLogger) -> int:
    path = run.last_checkpoint if kind == "last" else run.best_checkpoint
    state = load_checkpoint(path) if path.exists() else {}
    if not can_train(state):
        return 0
    before = path.stat().st_size
    digest = save_checkpoint(path, weights_only(state))
    position = state["position"]
    epoch = position["epoch"] - 1 if kind == "last" else position["best_epoch"]
    logger.checkpoint(epoch, kind, path.relative_to(run.path).as_posix(), digest)
    return before - path.stat().st_size
