"""Early stopping: after so many epochs without a better validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from segengine.inference.predictor import Predictor, ValidationResult
from segengine.results.runlog import open_log
from segengine.results.scored_on import validation_words
from segengine.statistics.scores import scores
from tests import tiny


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


def scripted(monkeypatch: pytest.MonkeyPatch, shares: list[float]) -> None:
    """Validations come out with these shares of right pixels, one after the other."""
    left = iter(shares)

    def validate(*_: object) -> ValidationResult:
        right = int(next(left) * 100)
        confusion = np.array([[right, 100 - right, 0], [0, 100, 0], [0, 0, 100]])
        return ValidationResult(1.0, confusion, {"loss": 1.0, **scores(confusion)})

    monkeypatch.setattr(Predictor, "validate", validate)


@pytest.mark.parametrize(
    ("val_every", "patience", "shares", "epochs", "best"),
    [
        (1, 2, [0.5, 0.6, 0.55, 0.6, 0.9], 4, 2),  # as good as before is not better
        (1, 0, [0.5, 0.4, 0.3, 0.2, 0.1], 5, 1),
        (2, 1, [0.5, 0.4], 4, 2),  # never between two validations
    ],
)
def test_early_stop_waits_for_so_many_epochs_without_a_better_one(
    pets: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    val_every: int,
    patience: int,
    shares: list[float],
    epochs: int,
    best: int,
) -> None:
    scripted(monkeypatch, shares)
    config = tiny.config(
        pets, epochs=5, val_every=val_every, early_stop=patience, train_limit=2, val_limit=1
    )
    run = tiny.train(tmp_path, config)
    records = tiny.epochs(run)
    assert len(records) == epochs
    assert records[-1]["val"] is not None
    assert tiny.events(run, "run_finished")[0]["best_epoch"] == best
    state = torch.load(run.best_checkpoint, weights_only=True)
    assert state["position"]["epoch"] == best + 1
    state = torch.load(run.last_checkpoint, weights_only=True)
    assert state["position"]["epoch"] == epochs + 1


def losses(monkeypatch: pytest.MonkeyPatch, scripted: list[tuple[float, float]]) -> None:
    """Validations come out with these losses and shares of right pixels."""
    left = iter(scripted)

    def validate(*_: object) -> ValidationResult:
        loss, share = next(left)
        right = int(share * 100)
        confusion = np.array([[right, 100 - right, 0], [0, 100, 0], [0, 0, 100]])
        return ValidationResult(loss, confusion, {"loss": loss, **scores(confusion)})

    monkeypatch.setattr(Predictor, "validate", validate)


OVERFITTING = [(0.9, 0.5), (0.5, 0.6), (0.7, 0.8), (0.8, 0.9), (0.9, 0.95)]  # by loss epoch 2


def test_one_score_stops_the_run_and_chooses_its_weights(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses(monkeypatch, OVERFITTING)
    limits = {"train_limit": 2, "val_limit": 1, "early_stop_metric": "loss"}
    run = tiny.train(tmp_path, tiny.config(pets, epochs=5, early_stop=2, **limits))
    assert len(tiny.epochs(run)) == 4
    assert torch.load(run.best_checkpoint, weights_only=True)["position"]["best_epoch"] == 2
    (started,), (finished,) = tiny.events(run, "run_started"), tiny.events(run, "run_finished")
    assert (started["best_by"], finished["best_epoch"]) == ("loss", 2)
    log = open_log(run.events_file)
    best = log.best()
    assert best is not None and best.epoch == 2
    assert finished["best_miou"] == best.scores["miou"]
    assert "chose the epoch by loss" in validation_words(log)


def test_without_early_stopping_the_score_chooses_all_the_same(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses(monkeypatch, OVERFITTING)
    limits = {"train_limit": 2, "val_limit": 1, "early_stop_metric": "loss"}
    run = tiny.train(tmp_path, tiny.config(pets, epochs=5, **limits))
    assert len(tiny.epochs(run)) == 5
    assert tiny.events(run, "run_finished")[0]["best_epoch"] == 2


def test_a_run_of_an_older_version_goes_on_choosing_by_miou(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its best.pt is of the best mIoU so far, whatever early stopping watches."""
    losses(monkeypatch, OVERFITTING)
    limits = {"train_limit": 2, "val_limit": 1, "early_stop_metric": "loss"}
    config = tiny.decoded(tiny.config(pets, epochs=5, early_stop=3, **limits))
    run = tiny.train(tmp_path, config, tiny.StopsAt(2))  # in the second epoch
    state = torch.load(run.last_checkpoint, weights_only=True)
    assert state["position"].pop("best_by") == "loss"
    torch.save(state, run.last_checkpoint)
    tiny.go_on(run)
    assert tiny.events(run, "run_started")[-1]["best_by"] == "miou"
    assert tiny.events(run, "run_finished")[0]["best_epoch"] == 5
