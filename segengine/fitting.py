"""The training loop: epochs, steps, validations and checkpoints."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from segengine.batches import augment, load_batch
from segengine.checkpoint import link_checkpoint, save_checkpoint, sha256_of
from segengine.device import autocast
from segengine.errors import UserError
from segengine.experiment import Experiment
from segengine.inference import save_mask
from segengine.order import Indices, shuffled_batches
from segengine.reporting import Reporter
from segengine.rundir import RunDir
from segengine.scores import scores
from segengine.state import Position, Snapshot, capture
from segengine.stopping import Stopper

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
        for indices in batches[at.batch :]:
            began = time.monotonic()
            loss = self._step(indices)
            self._slow = time.monotonic() - began > SLOW_STEP
            at.batch += 1
            at.step += 1
            self.report.step(at.epoch, at.step, loss, self._lr, len(indices))
            self.stopper.check()

    def _step(self, indices: Indices) -> float | None:
        """One optimizer step; returns the loss where it was looked at (that waits for a GPU)."""
        of, at = self.experiment, self.at
        images, masks = load_batch(of.train_data, indices, of.device)
        if of.config.data.augment:
            seed = (of.config.train.seed, at.epoch, at.batch)
            images, masks = augment(images, masks, of.config.data.augment, seed)
        of.optimizer.zero_grad(set_to_none=True)
        with self._interruptible():
            with autocast(of.device, of.precision):
                logits = of.model(images)
                loss = of.loss(logits, masks)
            seen = loss.item() if of.device.type == "cpu" or self.report.step_due() else None
            self._check_finite(seen)
            loss.backward()  # type: ignore[no-untyped-call]
        of.optimizer.step()
        at.loss.add(loss, masks)
        at.metrics.update(logits, masks)
        return seen

    def _close_epoch(self) -> None:
        """Validate where it is due, log the epoch, save."""
        config, at = self.experiment.config.train, self.at
        mean_loss = at.loss.value()
        self._check_finite(mean_loss)
        trained = {"loss": mean_loss, **at.metrics.scores()}
        due = at.epoch % config.val_every == 0 or at.epoch == config.epochs
        val, confusion = self._validate() if due else (None, None)
        self._count_time()
        self.report.epoch(
            epoch=at.epoch,
            step=at.step,
            train=trained,
            val=val,
            confusion=confusion,
            lr=self._lr,
            seconds=round(at.epoch_seconds, 3),
        )
        if due:
            self._save_film()
        better = val is not None and val["miou"] > at.best_miou
        if val is not None and better:
            at.best_miou, at.best_epoch = val["miou"], at.epoch
        self.experiment.scheduler.step()
        at.next_epoch()
        if due:
            digest = self.save()
            if better:
                self._keep_best(digest)

    def _validate(self) -> tuple[dict[str, Any], list[list[int]]]:
        """Scores and confusion matrix (rows = true class) of the validation set."""
        of = self.experiment

        def tick(done: int, total: int) -> None:
            self.stopper.check()
            self.report.progress("Validating", done, total)

        with self.stopper.interruptible(self._save_from_listener):
            loss, confusion = of.predictor.validate(of.val_data, of.loss, len(of.classes), tick)
        if not math.isfinite(loss):
            raise self._diverged("validation loss", loss)
        return {"loss": loss, **scores(confusion)}, confusion.tolist()

    def _save_film(self) -> None:
        """Keep the masks of a few validation images: written first, then told."""
        of, folder = self.experiment, self.run.masks(self.at.epoch)
        film = of.film
        for indices, logits, _ in of.predictor.batches(film):
            labels = logits.argmax(1).cpu().numpy().astype(np.uint8)
            for index, mask in zip(indices, labels, strict=True):
                save_mask(folder / f"{film.names[index]}.png", mask, of.classes)
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
        return float(self.experiment.optimizer.param_groups[0]["lr"])
