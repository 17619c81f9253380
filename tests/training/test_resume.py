"""A run that was stopped or killed goes on as if nothing had happened."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from segengine.config import RunConfig
from segengine.results.runlog import open_log
from segengine.run.rundir import RunDir
from segengine.training import trainer
from tests import tiny

CHANCES = 2 * (3 + 2) + 2  # steps and validation batches of two epochs, batches of predictions


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


@pytest.fixture(scope="module")
def config(pets: Path) -> RunConfig:
    """With all that is random: stochastic depth and dropout (the paper's stem), and mirroring."""
    return tiny.decoded(tiny.config(pets, stem="paper", augment=("hflip",), seed=3))


@pytest.fixture(scope="module")
def whole(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """The run without interruption."""
    stopper = tiny.StopsAt()
    run = tiny.train(tmp_path_factory.mktemp("whole"), config, stopper)
    assert stopper.seen == CHANCES
    return run


def model_of(path: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["model"]
    return weights


def assert_same(run: RunDir, whole: RunDir) -> None:
    """The two runs left the same records, weights, masks and predictions."""
    assert tiny.epochs(run) == tiny.epochs(whole)
    for name in ("last_checkpoint", "best_checkpoint"):
        mine, theirs = model_of(getattr(run, name)), model_of(getattr(whole, name))
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs), name
    for folder in ("masks", "predictions"):
        for path in (whole.path / folder).rglob("*.*"):
            copy = run.path / path.relative_to(whole.path)
            assert copy.read_bytes() == path.read_bytes(), path
    last, first = tiny.events(run, "run_finished"), tiny.events(whole, "run_finished")
    assert len(last) == 1
    assert [last[0][key] for key in ("best_epoch", "best_miou")] == [
        first[0][key] for key in ("best_epoch", "best_miou")
    ]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("chance", [1, 4, 12])
def test_a_stopped_run_goes_on_to_the_same_end(
    whole: RunDir, config: RunConfig, tmp_path: Path, chance: int
) -> None:
    """Stopped in the middle and at the end of an epoch, in validations, and while predicting."""
    run = tiny.train(tmp_path, config, tiny.StopsAt(chance))
    assert tiny.events(run)[-1]["event"] == "run_stopped"
    assert tiny.events(run)[-1]["reason"] == "Stopped on request."
    torch.manual_seed(12345)  # random numbers of others play no part
    np.random.seed(12345)
    tiny.go_on(run)
    assert_same(run, whole)


def test_a_run_stopped_again_and_again_comes_to_the_same_end(
    whole: RunDir, config: RunConfig, tmp_path: Path
) -> None:
    run = tiny.new_run(tmp_path, config)
    for _ in range(3):
        tiny.go_on(run, tiny.StopsAt(3))
    with run.events_file.open("ab") as file:
        file.write(b'{"v":1,"seq":99,"event":"epo')  # torn by a crash
    tiny.go_on(run)
    log = tiny.events(run)
    assert [event["seq"] for event in log] == list(range(len(log)))
    assert run.events_file.read_text().count("\n") == len(log)
    assert len(tiny.events(run, "run_stopped")) == 3
    assert_same(run, whole)


@pytest.mark.parametrize("chance", [2, 11])
def test_a_killed_run_goes_on_from_its_last_checkpoint(
    whole: RunDir, config: RunConfig, tmp_path: Path, chance: int
) -> None:
    run = tiny.new_run(tmp_path, config)
    with pytest.raises(tiny.Killed):
        tiny.go_on(run, tiny.StopsAt(chance, tiny.Killed))
    assert tiny.events(run)[-1]["event"] not in ("run_finished", "run_stopped", "run_failed")
    tiny.go_on(run)
    starts = [event["start_epoch"] for event in tiny.events(run, "run_started")]
    assert starts == {2: [1, 1], 11: [1, 3]}[chance]
    assert_same(run, whole)


@pytest.mark.parametrize(
    ("moment", "epoch"), [("save_checkpoint", 2), ("link_checkpoint", 1), ("link_checkpoint", 2)]
)
def test_a_kill_between_the_epochs_record_and_its_checkpoints_loses_nothing(
    whole: RunDir,
    config: RunConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    epoch: int,
) -> None:
    assert [
        event["epoch"] for event in tiny.events(whole, "checkpoint") if event["kind"] == "best"
    ] == [1, 2, 2]  # the last one once more, without its optimizer
    plain, calls = getattr(trainer, moment), []

    def killed(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == epoch:
            raise tiny.Killed
        return plain(*args)

    run = tiny.new_run(tmp_path, config)
    with monkeypatch.context() as patch:
        patch.setattr(trainer, moment, killed)
        with pytest.raises(tiny.Killed):
            tiny.go_on(run)
    assert open_log(run.events_file).epochs.keys() == set(range(1, epoch + 1))
    tiny.go_on(run)
    assert_same(run, whole)
    best = [event for event in tiny.events(run, "checkpoint") if event["kind"] == "best"][-1]
    assert best["epoch"] == 2
    assert best["sha256"] == hashlib.sha256(run.best_checkpoint.read_bytes()).hexdigest()


def test_a_stop_in_mid_epoch_is_on_record(config: RunConfig, tmp_path: Path) -> None:
    run = tiny.train(tmp_path, config, tiny.StopsAt(5 + 2))
    saved = tiny.events(run, "checkpoint")[-1]
    assert saved["kind"] == "last"
    assert saved["epoch"] == 1  # whole epochs that are in it
    assert saved["sha256"] == hashlib.sha256(run.last_checkpoint.read_bytes()).hexdigest()
    position = torch.load(run.last_checkpoint, weights_only=True)["position"]
    assert (position["epoch"], position["batch"], position["step"]) == (2, 2, 5)
    tiny.go_on(run, tiny.StopsAt(1))
    started = tiny.events(run, "run_started")[-1]
    assert (started["start_epoch"], started["start_step"]) == (2, 5)


def test_a_stop_while_images_are_read_loses_nothing(tmp_path: Path, whole: RunDir) -> None:
    root = tiny.write_pets(tmp_path / "pets")
    config = whole.config().with_values(root=str(root))
    run = tiny.train(tmp_path / "runs", config, tiny.StopsAt(2))
    told = [event["event"] for event in tiny.events(run) if event["event"] != "resources"]
    assert told == ["progress", "run_stopped"]
    tiny.go_on(run)
    assert tiny.epochs(run) == tiny.epochs(whole)


def test_a_frozen_run_goes_on_with_its_own_encoder(
    whole: RunDir, config: RunConfig, tmp_path: Path
) -> None:
    """Even where the run that lent it is gone: the checkpoint holds the weights and the lineage."""
    runs = tmp_path / "runs"
    source = tiny.copy_of(whole, runs)
    frozen = config.with_values(strategy="frozen", weights=f"run:{source.id}", epochs=1)
    expected = tiny.train(runs, frozen)
    run = tiny.train(runs, frozen, tiny.StopsAt(2))
    source.best_checkpoint.unlink()
    tiny.go_on(run)
    assert_same(run, expected)
    first, second = tiny.events(run, "run_started")
    assert first["lineage"] == second["lineage"] and second["lineage"]["matched"] > 100
    assert first["encoder_sha256"] == tiny.events(run, "run_finished")[0]["encoder_sha256"]
