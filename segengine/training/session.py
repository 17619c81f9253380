"""The life of a run: set up or go on, fit, predict, and an honest last word in the log."""

from __future__ import annotations

import traceback
from typing import Any

import torch
from filelock import FileLock, Timeout

from segengine.datasets.decoded import DamagedFiles
from segengine.errors import UserError, one_line
from segengine.files import cannot_write
from segengine.inference.predict import predict_validation_set
from segengine.models.base import encoder_hash
from segengine.run.events import EventLog
from segengine.run.logger import Reporter
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopped, Stopper
from segengine.terminal import Terminal
from segengine.training.components import Experiment, build_experiment, describe
from segengine.training.state import Position, load_best, restore
from segengine.training.trainer import Fitting
from segengine.weights.checkpoint import best_weights
from segengine.weights.load_encoder import load_encoder


def run_training(run: RunDir, stopper: Stopper) -> int:
    """Train a run from where it stands to its end, and log how it ended.

    Returns:
        The exit code: 0 finished or stopped on request, 1 failed.

    Raises:
        UserError: another process trains this run, or its folder cannot be written.
    """
    try:
        lock = FileLock(run.lock_file)
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"Run {run.id} is being trained by another process already.") from None
    except OSError as error:
        raise cannot_write(run.path, error) from error
    with lock, EventLog(run.events_file) as log:
        return _to_its_end(run, stopper, Reporter(log, Terminal()))


def _to_its_end(run: RunDir, stopper: Stopper, report: Reporter) -> int:
    """Whatever happens, the log's last event says it."""
    try:
        report.finished(**_train(run, stopper, report))
    except Stopped as stop:
        report.stopped(str(stop))
        return 0
    except Exception as error:  # the last line of defence: no run dies without a word
        problems = error.sentences() if isinstance(error, DamagedFiles) else []
        report.failed(_in_a_sentence(error), traceback.format_exc(), problems)
        if not isinstance(error, UserError):
            report.aside(traceback.format_exc())
        return 1
    return 0


def _in_a_sentence(error: Exception) -> str:
    """What went wrong, for the person."""
    # On CPU torch has no exception of its own for it.
    no_room = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    if no_room or isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "The memory does not hold this batch: choose a smaller batch_size or image_size."
    if isinstance(error, ValueError) and "more than 1 value per channel" in str(error):
        return (
            "Batch norm cannot learn from one value a channel: choose a batch_size of 2 or more, "
            "or a larger image_size."
        )
    return one_line(error)


def _train(run: RunDir, stopper: Stopper, report: Reporter) -> dict[str, Any]:
    """Set up (or go on from the last checkpoint), fit, predict; returns `run_finished`'s fields."""

    def progress(phase: str, done: int, total: int) -> None:
        stopper.check()
        report.progress(phase, done, total)

    experiment = build_experiment(run.config(), progress)
    at, lineage = _start_or_go_on(run, experiment)
    about = describe(experiment, lineage)
    report.started(about, at.epoch, at.step)
    fitting = Fitting(run, experiment, at, lineage, stopper, report)
    try:
        fitting.fit()
    except Stopped:
        fitting.save()
        raise
    finished: dict[str, Any] = {
        "best_epoch": at.best_epoch,
        "best_miou": at.best_miou,
        "seconds": round(at.seconds, 3),
    }
    if experiment.model.frozen:
        finished["encoder_sha256"] = encoder_hash(experiment.model)
    experiment.predictor.model.load_state_dict(best_weights(load_best(run)))
    predict_validation_set(run, experiment, progress)
    return finished


def _start_or_go_on(run: RunDir, experiment: Experiment) -> tuple[Position, dict[str, Any] | None]:
    """(position, lineage): from the last checkpoint, or from the start with encoder weights."""
    saved = restore(run, experiment)
    if saved is not None:
        return saved
    model = run.config().model
    lineage = None
    if model.strategy != "scratch":
        lineage = load_encoder(experiment.model, model, run.path.parent)
    return Position.start(experiment), lineage
