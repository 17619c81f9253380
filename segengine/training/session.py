"""A session: sets up or resumes a run, trains it, predicts, and logs how it ended in any case."""

from __future__ import annotations

import contextlib
import json
import traceback
from pathlib import Path
from typing import cast, get_type_hints

import torch

from segengine.config import RunConfig
from segengine.datasets import ProgressFn
from segengine.datasets.decoded import DamagedFiles
from segengine.errors import UserError, one_line
from segengine.files import remove_temporary, write_text
from segengine.inference.evaluate import score_native, score_split
from segengine.inference.evaluation_data import Part, open_evaluation_data
from segengine.inference.predict import TrainedModel, predict_validation_set
from segengine.models.base import encoder_hash
from segengine.run.event_log import EventLog
from segengine.run.events import RunFinished, TestRecord
from segengine.run.logger import RunLogger
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopped, Stopper
from segengine.run.writer_lock import only_writer
from segengine.training.components import Components, build_components, run_started_event
from segengine.training.dry_run import dry_run
from segengine.training.resources import Meter
from segengine.training.state import Position, restore
from segengine.training.trainer import Trainer
from segengine.weights.checkpoint import (
    State,
    best_weights,
    can_train,
    load_best,
    save_checkpoint,
    weights_only,
)
from segengine.weights.integrity import parts_of


def set_up(
    config: RunConfig, runs_dir: Path, progress: ProgressFn, *, resumes: bool = False
) -> Components:
    """The dry run, then the components.

    Args:
        resumes: whether the run has a checkpoint, so that its encoder is not filled.

    Raises:
        UserError: the run would fail; the sentence says why.
    """
    dry_run(config)
    return build_components(config, progress, runs_dir, fill_encoder=not resumes)


def run_training(run: RunDir, stopper: Stopper, components: Components | None = None) -> int:
    """Train a run from its last checkpoint, or from the start, to its end; log how it ends.

    Args:
        components: what `set_up` returned for the run's config, if it was called before.

    Returns:
        The exit code: 0 finished or stopped on request, 1 failed.

    Raises:
        UserError: another process trains the run, or its folder cannot be written.
    """
    with only_writer(run), EventLog(run.events_file) as log:
        _remove_leftovers(run)
        logger = RunLogger(log, use=Meter())
        return _train_to_the_end(run, stopper, logger, components)


def _train_to_the_end(
    run: RunDir, stopper: Stopper, logger: RunLogger, components: Components | None
) -> int:
    """Train and return the exit code; the last event says how the run ended, whatever happens."""
    try:
        try:
            logger.finished(_train(run, stopper, logger, components))
        except Stopped as stop:
            logger.stopped(str(stop))
    except Exception as error:  # no run ends without a last event
        _log_failure(run, logger, error)
        return 1
    return 0


def _log_failure(run: RunDir, logger: RunLogger, error: Exception) -> None:
    """Say why the run failed: in its log or, where that cannot be written, wherever there is room.

    Call it where the error is being handled.
    """
    problems = error.sentences() if isinstance(error, DamagedFiles) else []
    sentence = _sentence(error)
    try:
        logger.failed(sentence, traceback.format_exc(), problems)
    except UserError:
        logger.aside("Failed: " + ("\n".join(problems) or sentence))
        _note_failure(run, sentence)
    if not isinstance(error, UserError):
        logger.aside(traceback.format_exc())


def _note_failure(run: RunDir, sentence: str) -> None:
    """Put the reason in the job's record, if there is room.

    A full disk has none for a new file, but most often within the last block of an old one.
    """
    with contextlib.suppress(UserError, OSError):
        job = run.job()
        if job is None:  # the folder itself is gone
            return
        text = json.dumps({**job, "error": sentence}, indent=2) + "\n"
        try:
            write_text(run.job_file, text)
        except UserError:
            with open(run.job_file, "r+b") as file:
                file.write(text.encode())


def _remove_leftovers(run: RunDir) -> None:
    """Remove the temporary files that a killed session left."""
    for folder in (run.last_checkpoint.parent, run.path / "masks", run.predictions):
        remove_temporary(folder)
    remove_temporary(run.path, older_than=3600.0)  # pages and `evaluate` write here, too


def _sentence(error: Exception) -> str:
    """What went wrong, for people."""
    # On CPU torch has no exception class for it.
    out_of_memory = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    if out_of_memory or isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "The memory does not hold this batch: choose a smaller batch_size or image_size."
    return one_line(error)


def _train(
    run: RunDir, stopper: Stopper, logger: RunLogger, components: Components | None
) -> RunFinished:
    """Set up, restore the last checkpoint if there is one, train, predict."""

    def progress(phase: str, done: int, total: int) -> None:
        stopper.check()
        logger.progress(phase, done, total)

    resumes = run.last_checkpoint.exists()
    if components is None:
        components = set_up(run.config(), run.path.parent, progress, resumes=resumes)
    position = restore(run, components) if resumes else Position.start(components)
    logger.started(run_started_event(components, position))
    if not position.is_over(components.config):  # else what an earlier end predicted is still so
        for file in (run.per_image_file, run.confusion_file, run.calibration_file):
            file.unlink(missing_ok=True)
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
    best = load_best(run)
    with parts_of(run.best_checkpoint):
        components.predictor.model.load_state_dict(best_weights(best))
    keep = components.config.train.keep_probabilities
    kept_bytes = predict_validation_set(
        run, components.predictor, components.val_data, progress, keep_probabilities=keep
    )
    if keep:
        finished["probability_bytes"] = kept_bytes
    if components.test_data is not None:
        finished["test"] = _score_test(run, components, position, progress)
    if components.config.train.native_scores:
        _score_at_native_size(run, components, position, progress)
    _keep_weights_only(run, best, position, logger)
    return finished


def _score_test(
    run: RunDir,
    components: Components,
    position: Position,
    progress: ProgressFn,
) -> TestRecord:
    """Score the test split once, with the best weights, as `evaluate` does."""
    config, loss = components.config, components.step.loss
    best = TrainedModel(components.predictor, components.classes, position.best_epoch)
    data = open_evaluation_data(run, best.classes, config.data, "test", None, progress)
    result, _ = score_split(run, config, best, loss, data, "test", progress)
    names = get_type_hints(TestRecord)
    return cast("TestRecord", {name: value for name, value in result.items() if name in names})


def _score_at_native_size(
    run: RunDir, components: Components, position: Position, progress: ProgressFn
) -> None:
    """What `evaluate --size native` writes, of the validation and the test split."""
    config = components.config
    best = TrainedModel(components.predictor, components.classes, position.best_epoch)
    splits: list[Part] = ["val"] if components.test_data is None else ["val", "test"]
    for split in splits:
        data = open_evaluation_data(run, best.classes, config.data, split, None, progress)
        score_native(run, config, best, data, split, progress)


def _keep_weights_only(run: RunDir, best: State, position: Position, logger: RunLogger) -> None:
    """The best checkpoint of a finished run: to predict with, not to train on from."""
    if not can_train(best):
        return
    digest = save_checkpoint(run.best_checkpoint, weights_only(best))
    path = run.best_checkpoint.relative_to(run.path).as_posix()
    logger.checkpoint(position.best_epoch, "best", path, digest)
