"""The training loop: epochs, steps, validations and checkpoints."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from segengine.datasets.sampler import Indices, shuffled_batches, steps_of
from segengine.errors import UserError
from segengine.files import sha256_of
from segengine.inference.predictor import PixelMean, Validation, save_mask
from segengine.run.logger import Reporter
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopper
from segengine.training.components import Experiment
from segengine.training.schedule import lr_factor
from segengine.training.state import Position, Snapshot, capture
from segengine.training.step import Outcome
from segengine.weights.checkpoint import link_checkpoint, save_checkpoint

Film = dict[str, np.ndarray]  # image -> predicted classes (H, W) uint8
SLOW_STEP = 1.0  # seconds from which on a step must be interruptible


@dataclass
class Fitting:
    """One session of training a run: from its position to its last epoch, or to a stop."""

    run: RunDir
    experiment: Experiment
    at: Position
    lineage: dict[str, Any] | None
    stopper: Stopper
    report: Reporter
    _slow: bool = field(default=True, init=False)  # until a step has shown otherwise
    _tick: float = field(default_factory=time.monotonic, init=False)

    def fit(self) -> None:
        """Train until the run is over.

        Raises:
            Stopped: on request, after a step; `save` then keeps all that was learned.
            UserError: the loss is not finite, or the disk is full; checkpoints stay as they were.
        """
        at = self.at
        if at.batch == 0 and at.best_epoch and at.best_epoch == at.epoch - 1:
            # A kill may have come between the two checkpoints.
            self._keep_best(sha256_of(self.run.last_checkpoint))
        while not at.is_over(self.experiment.config):
            self.epoch()

    def epoch(self) -> None:
        """Train to the end of the epoch under way, validate where that is due, log and save."""
        self._train_epoch()
        self._close_epoch()

    def save(self, before: Snapshot | None = None) -> str:
        """Write the last checkpoint and return its sha256; `before` as in `state.capture`.

        Raises:
            UserError: the weights are not finite, or the disk is full; the older one stays.
        """
        self._count_time()
        state = capture(self.experiment, self.at, self.lineage, before)
        # A loss is looked at before its step: what the last step did, only the weights tell.
        if not all(value.isfinite().all() for value in state["model"].values()):
            raise self._diverged("weights", "infinite or nan")
        digest = save_checkpoint(self.run.last_checkpoint, state)
        self._log_checkpoint("last", self.at.epoch - 1, digest)
        return digest

    def _train_epoch(self) -> None:
        config, at = self.experiment.config.train, self.at
        count = len(self.experiment.train_data)
        batches = shuffled_batches(count, config.batch_size, config.seed, at.epoch)
        self.experiment.model.train()
        for step in steps_of(batches, config.accumulate)[at.batch :]:
            began = time.monotonic()
            loss = self._step(step)
            self._slow = time.monotonic() - began > SLOW_STEP
            at.batch += 1
            at.step += 1
            self.report.step(at.epoch, at.step, loss, self._lr, sum(map(len, step)))
            self.stopper.check()

    def _step(self, batches: Sequence[Indices]) -> float | None:
        """One optimizer step; returns the loss where it was looked at (that waits for a GPU)."""
        of, at = self.experiment, self.at
        train = of.config.train
        seed = (train.seed, at.epoch, at.batch * train.accumulate)
        with self._interruptible():
            outcomes = of.learner.gradients(of.train_data, batches, seed)
            look = of.device.type == "cpu" or self.report.step_due()
            seen = _mean_loss(outcomes) if look else None
            self._check_finite(seen)
        of.learner.update(self._lr_factor(at.step))
        for loss, labels, masks in outcomes:
            at.loss.add(loss, masks)
            at.metrics.update(labels, masks)
        return seen

    def _close_epoch(self) -> None:
        """Validate where it is due, log the epoch, save."""
        config, at = self.experiment.config.train, self.at
        mean_loss = at.loss.value()
        self._check_finite(mean_loss)
        trained = {"loss": mean_loss, **at.metrics.scores()}
        due = at.epoch % config.val_every == 0 or at.epoch == config.epochs
        found, film = self._validate() if due else (None, {})
        val = found.record() if found else None
        self._count_time()
        self.report.epoch(
            epoch=at.epoch,
            step=at.step,
            train=trained,
            val=val,
            confusion=found.confusion.tolist() if found else None,
            lr=self._lr,
            seconds=round(at.epoch_seconds, 3),
        )
        if due:
            self._save_film(film)
        better = val is not None and at.note_validation(val, config.early_stop_metric)
        at.next_epoch()
        if due:
            digest = self.save()
            if better:
                self._keep_best(digest)

    def _validate(self) -> tuple[Validation, Film]:
        """How well the model does on the validation set, and the masks of the film's images."""
        of = self.experiment
        names = set(of.film)
        film: Film = {}

        def tick(done: int, total: int) -> None:
            self.stopper.check()
            self.report.progress("Validating", done, total)

        def watch(indices: Indices, labels: Tensor, masks: Tensor) -> None:
            for index, mask in zip(indices, labels, strict=True):
                if (name := of.val_data.names[index]) in names:
                    film[name] = mask.cpu().numpy().astype(np.uint8)

        with self.stopper.interruptible(self._save_from_listener):
            found = of.predictor.validate(
                of.val_data, of.learner.loss, len(of.classes), tick, watch
            )
        if not math.isfinite(found.loss):
            raise self._diverged("validation loss", found.loss)
        return found, film

    def _save_film(self, film: Film) -> None:
        """Keep the masks of a few validation images: written first, then told."""
        folder = self.run.masks(self.at.epoch)
        for name, mask in film.items():
            save_mask(folder / f"{name}.png", mask, self.experiment.classes)
        self.report.masks(self.at.epoch, folder.relative_to(self.run.path).as_posix())

    def _interruptible(self) -> contextlib.AbstractContextManager[None]:
        """For a slow step: what it changes is put back if it must be given up."""
        if not self._slow:
            return contextlib.nullcontext()
        before = Snapshot.take(self.experiment.model)
        return self.stopper.interruptible(lambda: self._save_from_listener(before))

    def _save_from_listener(self, before: Snapshot | None = None) -> None:
        """The stop could not wait: save from the listener's thread, and say so."""
        self.save(before)
        self.report.stopped("Stopped on request.")

    def _keep_best(self, digest: str) -> None:
        """The last checkpoint, of that sha256, is the best one too."""
        link_checkpoint(self.run.last_checkpoint, self.run.best_checkpoint)
        self._log_checkpoint("best", self.at.best_epoch, digest)

    def _log_checkpoint(self, kind: str, epoch: int, digest: str) -> None:
        path = self.run.last_checkpoint if kind == "last" else self.run.best_checkpoint
        self.report.checkpoint(epoch, kind, path.relative_to(self.run.path).as_posix(), digest)

    def _count_time(self) -> None:
        """Add the time since the last call to the epoch's and the run's."""
        now = time.monotonic()
        self.at.epoch_seconds += now - self._tick
        self.at.seconds += now - self._tick
        self._tick = now

    def _check_finite(self, loss: float | None) -> None:
        if loss is not None and not math.isfinite(loss):
            raise self._diverged("loss", loss)

    def _diverged(self, what: str, value: object) -> UserError:
        kept = "No checkpoint was saved yet."
        if self.run.last_checkpoint.exists():
            kept = "The last good checkpoint stays."
        return UserError(
            f"The {what} became {value} in epoch {self.at.epoch} after {self.at.step:,} steps: "
            f"lower the learning rate (now {self._lr:g}) or check the images. {kept}",
            field="lr",
        )

    @property
    def _lr(self) -> float:
        """The learning rate of the last step (of the decoder, where the encoder has its own)."""
        return self.experiment.config.optim.lr * self._lr_factor(max(self.at.step - 1, 0))

    def _lr_factor(self, step: int) -> float:
        of = self.experiment
        return lr_factor(of.config.optim, step, of.steps_per_epoch, of.config.train.epochs)


def _mean_loss(outcomes: Sequence[Outcome]) -> float:
    """The mean loss of a step's batches over all their pixels."""
    mean = PixelMean(outcomes[0].loss.device)
    for loss, _, masks in outcomes:
        mean.add(loss, masks)
    return mean.value()
