"""The training loop: epochs, steps, validations and checkpoints."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from torch import Tensor

from segengine.datasets.sampler import Indices, batches_per_step, shuffled_batches
from segengine.errors import UserError
from segengine.files import sha256_of
from segengine.inference.mask_files import save_mask
from segengine.inference.predictor import ValidationResult
from segengine.losses.set_loss import SetLoss
from segengine.run.events import Epoch, TrainRecord
from segengine.run.logger import RunLogger
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopper
from segengine.training.components import Components
from segengine.training.schedule import lr_factor
from segengine.training.state import Position, Snapshot, capture
from segengine.training.step import BatchResult
from segengine.weights.checkpoint import link_checkpoint, save_checkpoint

Film = dict[str, np.ndarray]  # image name -> predicted classes (H, W) uint8
SLOW_STEP = 1.0  # seconds; a stop interrupts slower steps, and waits for faster ones


@dataclass
class Trainer:
    """The epoch loop of one session: from a position to the last epoch, or to a stop."""

    run: RunDir
    components: Components
    position: Position
    stopper: Stopper
    logger: RunLogger
    _slow: bool = field(default=True, init=False)  # the last step was; before the first, yes
    _counted_until: float = field(default_factory=time.monotonic, init=False)  # seconds

    def fit(self) -> None:
        """Train until the run is over.

        Raises:
            Stopped: on request, after a step; `save` then keeps all progress.
            UserError: the loss is not finite, or the disk is full; checkpoints stay as they were.
        """
        position = self.position
        if position.batch == 0 and 0 < position.best_epoch == position.epoch - 1:
            # The process may have been killed between writing the last and the best checkpoint.
            self._keep_best(sha256_of(self.run.last_checkpoint))
        while not position.is_over(self.components.config):
            self.epoch()

    def epoch(self) -> None:
        """Train to the end of the current epoch, validate where that is due, log and save."""
        self._train_epoch()
        self._close_epoch()

    def save(self, before: Snapshot | None = None) -> str:
        """Write the last checkpoint and return its sha256; `before` as in `state.capture`.

        Raises:
            UserError: the weights are not finite, or the disk is full; the earlier one stays.
        """
        self.logger.require_in_place()  # a deleted folder must not come back with this file
        self._count_time()
        state = capture(self.components, self.position, before)
        # The loss is checked before the update: after the last one, only the weights can show it.
        if not all(value.isfinite().all() for value in state["model"].values()):
            raise self._diverged("weights", "infinite or nan")
        digest = save_checkpoint(self.run.last_checkpoint, state)
        self._log_checkpoint("last", self.position.epoch - 1, digest)
        return digest

    def _train_epoch(self) -> None:
        config, position = self.components.config.train, self.position
        count = len(self.components.train_data)
        batches = shuffled_batches(count, config.batch_size, config.seed, position.epoch)
        self.components.model.train()
        for step_batches in batches_per_step(batches, config.accumulate)[position.batch :]:
            began = time.monotonic()
            loss = self._step(step_batches)
            self._slow = time.monotonic() - began > SLOW_STEP
            position.batch += 1
            position.step += 1
            images = sum(map(len, step_batches))
            self.logger.step(position.epoch, position.step, loss, self._lr, images)
            self.stopper.check()

    def _step(self, batches: Sequence[Indices]) -> float | None:
        """One optimizer step; its mean loss, or None where reading it would only delay a GPU."""
        components, position = self.components, self.position
        train = components.config.train
        seed = (train.seed, position.epoch, position.batch * train.accumulate)
        with self._interruptible():
            results = components.step.gradients(components.train_data, batches, seed)
            is_read = components.device.type == "cpu" or self.logger.step_due()
            mean_loss = self._loss_of(results) if is_read else None
            self._check_finite(mean_loss)
        components.step.update(self._lr_factor(position.step))
        for sums, labels, masks in results:
            position.loss.add(sums)
            position.metrics.update(labels, masks)
        return mean_loss

    def _loss_of(self, results: Sequence[BatchResult]) -> float:
        """The loss over all pixels of a step's batches."""
        loss = SetLoss(self.components.step.loss)
        for result in results:
            loss.add(result.sums)
        return loss.value()

    def _close_epoch(self) -> None:
        """Validate where that is due, log the epoch, save."""
        config, position = self.components.config.train, self.position
        mean_loss = position.loss.value()
        self._check_finite(mean_loss)
        due = position.epoch % config.val_every == 0 or position.epoch == config.epochs
        validation, film = self._validate() if due else (None, {})
        val = validation.record if validation else None
        self._count_time()
        event = Epoch(
            event="epoch",
            epoch=position.epoch,
            step=position.step,
            train=TrainRecord(loss=mean_loss, **position.metrics.scores()),
            val=val,
            confusion=validation.confusion.tolist() if validation else None,
            lr=self._lr,
            seconds=round(position.epoch_seconds, 3),
        )
        self.logger.epoch(event)
        if due:
            self._save_film(film)
        better = val is not None and position.note_validation(val, config.early_stop_metric)
        position.next_epoch()
        if due:
            digest = self.save()
            if better:
                self._keep_best(digest)

    def _validate(self) -> tuple[ValidationResult, Film]:
        """The scores on the validation set, and the predicted masks of the film's images."""
        components = self.components
        names = set(components.film)
        film: Film = {}

        def tick(done: int, total: int) -> None:
            self.stopper.check()
            self.logger.progress("Validating", done, total)

        def keep_film(indices: Indices, labels: Tensor, masks: Tensor) -> None:
            for index, mask in zip(indices, labels, strict=True):
                if (name := components.val_data.names[index]) in names:
                    film[name] = mask.cpu().numpy().astype(np.uint8)

        # Readers tell by it how long the training steps took.
        self.logger.progress("Validating", 0, len(components.val_data))
        with self.stopper.interruptible(self._save_from_listener):
            validation = components.predictor.validate(
                components.val_data, components.step.loss, len(components.classes), tick, keep_film
            )
        if not math.isfinite(validation.loss):
            raise self._diverged("validation loss", validation.loss)
        return validation, film

    def _save_film(self, film: Film) -> None:
        """Write the film's masks, then log them."""
        folder = self.run.masks(self.position.epoch)
        for name, mask in film.items():
            save_mask(folder / f"{name}.png", mask, self.components.classes)
        self.logger.masks(self.position.epoch, folder.relative_to(self.run.path).as_posix())

    def _interruptible(self) -> contextlib.AbstractContextManager[None]:
        """The context of a step: a slow one can be interrupted, and what it changed is undone."""
        if not self._slow:
            return contextlib.nullcontext()
        before = Snapshot.take(self.components.model)
        return self.stopper.interruptible(lambda: self._save_from_listener(before))

    def _save_from_listener(self, before: Snapshot | None = None) -> None:
        """The stop cannot wait for the step: save and log it from the listener's thread."""
        self.save(before)
        self.logger.stopped(self.stopper.reason)

    def _keep_best(self, digest: str) -> None:
        """The last checkpoint, which has that sha256, becomes the best one too."""
        link_checkpoint(self.run.last_checkpoint, self.run.best_checkpoint)
        self._log_checkpoint("best", self.position.best_epoch, digest)

    def _log_checkpoint(self, kind: Literal["last", "best"], epoch: int, digest: str) -> None:
        path = self.run.last_checkpoint if kind == "last" else self.run.best_checkpoint
        self.logger.checkpoint(epoch, kind, path.relative_to(self.run.path).as_posix(), digest)

    def _count_time(self) -> None:
        """Add the time since the last call to the epoch's and the run's."""
        now = time.monotonic()
        self.position.epoch_seconds += now - self._counted_until
        self.position.seconds += now - self._counted_until
        self._counted_until = now

    def _check_finite(self, loss: float | None) -> None:
        if loss is not None and not math.isfinite(loss):
            raise self._diverged("loss", loss)

    def _diverged(self, quantity: str, value: object) -> UserError:
        kept = "No checkpoint was saved yet."
        if self.run.last_checkpoint.exists():
            kept = "The last good checkpoint stays."
        position = self.position
        return UserError(
            f"The {quantity} became {value} in epoch {position.epoch} after {position.step:,} "
            f"steps: lower the learning rate (now {self._lr:g}) or check the images. {kept}",
            field="lr",
        )

    @property
    def _lr(self) -> float:
        """The learning rate of the last step (the decoder's, where the encoder has another)."""
        return self.components.config.optim.lr * self._lr_factor(max(self.position.step - 1, 0))

    def _lr_factor(self, step: int) -> float:
        components = self.components
        return lr_factor(
            components.config.optim,
            step,
            components.steps_per_epoch,
            components.config.train.epochs,
        )
