"""Early stopping: after so many epochs without a better validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from segengine.inference.predictor import Predictor, ValidationResult
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
