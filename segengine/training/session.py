"""The life of a run: set up or resume, train, predict, and an honest last word in the log."""

from __future__ import annotations

import traceback
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from segengine.config import RunConfig
from segengine.datasets import ProgressFn
from segengine.datasets.decoded import DamagedFiles
from segengine.errors import UserError, one_line
from segengine.files import cannot_write
from segengine.inference.predict import predict_validation_set
from segengine.models.base import encoder_hash
from segengine.run.event_log import EventLog
from segengine.run.events import RunFinished
from segengine.run.logger import RunLogger
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopped, Stopper
from segengine.training.components import Components, build_components, describe
from segengine.training.dry_run import dry_run
from segengine.training.state import Position, restore
from segengine.training.trainer import Trainer
from segengine.weights.checkpoint import best_weights, load_best


def set_up(
    config: RunConfig, runs_dir: Path, progress: ProgressFn, *, resumes: bool = False
) -> Components:
    """Check what needs torch, then build all parts of a run.

    Raises:
        UserError: the run would fail; the sentence says why.
    """
    dry_run(config)
    return build_components(config, progress, runs_dir, fill_encoder=not resumes)


def run_training(run: RunDir, stopper: Stopper, components: Components | None = None) -> int:
    """Train a run from where it stands to its end, and log how it ended.

    Args:
        components: what `set_up` has built for the run's config, if somebody called it.

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
        return _to_its_end(run, stopper, RunLogger(log), components)


def _to_its_end(
    run: RunDir, stopper: Stopper, logger: RunLogger, components: Components | None
) -> int:
    """Whatever happens, the log's last event says it."""
    try:
        logger.finished(_train(run, stopper, logger, components))
    except Stopped as stop:
        logger.stopped(str(stop))
        return 0
    except Exception as error:  # the last line of defense: no run dies without a word
        problems = error.sentences() if isinstance(error, DamagedFiles) else []
        logger.failed(_in_a_sentence(error), traceback.format_exc(), problems)
        if not isinstance(error, UserError):
            logger.aside(traceback.format_exc())
        return 1
    return 0


def _in_a_sentence(error: Exception) -> str:
    """What went wrong, for the person."""
    # On CPU torch has no exception of its own for it.
    no_room = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    if no_room or isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "The memory does not hold this batch: choose a smaller batch_size or image_size."
    return one_line(error)


def _train(
    run: RunDir, stopper: Stopper, logger: RunLogger, components: Components | None
) -> RunFinished:
    """Set up, go on from the last checkpoint if there is one, train, predict."""

    def progress(phase: str, done: int, total: int) -> None:
        stopper.check()
        logger.progress(phase, done, total)

    resumes = run.last_checkpoint.exists()
    if components is None:
        components = set_up(run.config(), run.path.parent, progress, resumes=resumes)
    position = restore(run, components) if resumes else Position.start(components)
    logger.started(describe(components, position.epoch, position.step))
    trainer = Trainer(run, components, position, stopper, logger)
    try:
        trainer.fit()
    except Stopped:
        trainer.save()
        raise
    finished = RunFinished(
        event="run_finished",
        best_epoch=position.best_epoch,
        best_miou=position.best_miou,
        seconds=round(position.seconds, 3),
    )
    if components.model.frozen:
        finished["encoder_sha256"] = encoder_hash(components.model)
    components.predictor.model.load_state_dict(best_weights(load_best(run)))
    predict_validation_set(run, components.predictor, components.val_data, progress)
    return finished
