"""A finished run trains on; its files hold what is still needed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from segengine import launchers
from segengine.cli.main import main
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.inference.evaluate import evaluate
from segengine.launchers.more_epochs import plan_epochs
from segengine.launchers.slim import bytes_of_checkpoints, slim
from segengine.results.runlog import open_log
from segengine.results.status import read_status
from segengine.run.rundir import RunDir
from segengine.training.schedule import lr_factor
from tests import tiny
from tests.made_runs import make_run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


@pytest.fixture(scope="module")
def config(pets: Path) -> RunConfig:
    return tiny.decoded(tiny.config(pets, epochs=2, augment=("hflip",), seed=3))


@pytest.fixture(scope="module")
def finished(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    return tiny.train(tmp_path_factory.mktemp("runs"), config)


@pytest.fixture
def run(finished: RunDir, tmp_path: Path) -> RunDir:
    return tiny.copy_of(finished, tmp_path / "runs")


def command(run: RunDir, name: str, *words: str) -> int:
    return main([name, run.id, "--runs-dir", str(run.path.parent), *words])


def test_a_longer_run_is_to_the_bit_the_one_that_was_planned_so(
    run: RunDir, config: RunConfig, tmp_path: Path, capsys: Captured
) -> None:
    assert command(run, "resume", "--epochs", "4") == 0
    assert "as if the run had been planned this long" in capsys.readouterr().err
    whole = tiny.train(tmp_path / "whole", config.with_values(epochs=4))
    assert tiny.epochs(run) == tiny.epochs(whole)
    mine, theirs = (torch.load(one.last_checkpoint, weights_only=True) for one in (run, whole))
    assert all(torch.equal(mine["model"][name], theirs["model"][name]) for name in theirs["model"])
    assert mine["fingerprint"] == theirs["fingerprint"]
    status = read_status(run)
    assert (status.state, status.epoch, status.epochs) == ("finished", 4, 4)
    assert run.config().train.epochs == 4
    for file in (run.per_image_file, run.confusion_file):
        assert file.read_bytes() == (whole.path / file.relative_to(run.path)).read_bytes()


def test_what_more_epochs_do_to_a_cosine_schedule_is_said_and_done(
    pets: Path, tmp_path: Path, capsys: Captured
) -> None:
    settings = tiny.config(pets, epochs=2, scheduler="cosine")
    run = tiny.train(tmp_path / "runs", tiny.decoded(settings))
    assert command(run, "resume", "--epochs", "4") == 0
    assert "becomes that of a run of 4 epochs: the learning rate jumps" in capsys.readouterr().err
    log = open_log(run.events_file)
    steps = log.started["steps_per_epoch"] if log.started else 0
    rates = [log.epochs[epoch]["lr"] / settings.optim.lr for epoch in (2, 3)]
    before = lr_factor(settings.optim, 2 * steps - 1, steps, 2)
    after = lr_factor(settings.optim, 3 * steps - 1, steps, 4)
    assert rates == pytest.approx([before, after]) and after > before


def test_epochs_that_are_no_more_are_refused(run: RunDir, capsys: Captured) -> None:
    for epochs in ("1", "2"):
        assert command(run, "resume", "--epochs", epochs) == 2
        assert "has 2 epochs, of which 2 are done: give a larger" in capsys.readouterr().err
    assert command(run, "resume") == 2
    assert "`--epochs` trains it longer" in capsys.readouterr().err
    run.last_checkpoint.unlink()
    with pytest.raises(UserError, match="no last checkpoint to go on from"):
        plan_epochs(run, 3)
    assert run.config().train.epochs == 2


def test_a_run_that_stopped_early_would_stop_again(tmp_path: Path) -> None:
    run = make_run(tmp_path, epochs_done=3, epochs=9, early_stop=1)
    with pytest.raises(UserError, match=r"stopped by its own rule after epoch 3 \(early_stop 1\)"):
        plan_epochs(run, 20)


def test_a_start_that_was_lost_can_be_made_again(run: RunDir) -> None:
    plan_epochs(run, 3)  # and then the process was killed
    assert read_status(run).state == "finished"
    tiny.go_on(run)
    assert read_status(run).epoch == 3


def test_the_dashboard_starts_it_in_a_process_of_its_own(run: RunDir) -> None:
    launchers.submit(run, epochs=3)
    assert run.config().train.epochs == 3
    with pytest.raises(UserError, match="already running"):
        launchers.submit(run, epochs=5)
    job = run.job()
    while job and launchers.state(job) == "alive":
        pass
    assert read_status(run).epoch == 3, run.output_file.read_text()


def test_the_best_checkpoint_of_a_finished_run_holds_weights_only(finished: RunDir) -> None:
    best = torch.load(finished.best_checkpoint, weights_only=True)
    last = torch.load(finished.last_checkpoint, weights_only=True)
    assert not {"optimizer", "scaler", "rng"} & best.keys()
    assert {"optimizer", "rng"} <= last.keys()
    assert finished.best_checkpoint.stat().st_size < 0.6 * finished.last_checkpoint.stat().st_size


def test_the_optimizer_of_a_finished_run_can_be_let_go(
    run: RunDir, config: RunConfig, tmp_path: Path, capsys: Captured
) -> None:
    before = evaluate(run, run.config(), tiny.no_progress).result["miou"]
    size = run.last_checkpoint.stat().st_size
    assert command(run, "slim") == 0
    freed = size - run.last_checkpoint.stat().st_size
    assert freed > 0 and " freed" in capsys.readouterr().out
    assert read_status(run).state == "finished"
    last = evaluate(run, run.config(), tiny.no_progress, weights="last").result
    assert last["epoch"] == 2
    assert evaluate(run, run.config(), tiny.no_progress).result["miou"] == before
    assert command(run, "resume", "--epochs", "4") == 1
    assert "optimizer's state" in (read_status(run).message or "")
    other = config.with_values(strategy="pretrained", weights=f"run:{run.id}", epochs=1)
    assert read_status(tiny.train(run.path.parent, other)).state == "finished"


def test_a_run_at_work_keeps_its_optimizer(run: RunDir, capsys: Captured) -> None:
    log = run.events_file.read_text().splitlines(keepends=True)
    run.events_file.write_text("".join(log[:-1]))  # as if it had crashed
    assert command(run, "slim") == 2
    assert "has not finished, and could not be resumed any more" in capsys.readouterr().err


def test_the_dashboard_lets_the_optimizer_go_without_torch(run: RunDir) -> None:
    before = bytes_of_checkpoints(run)
    slim(run)
    assert 0 < bytes_of_checkpoints(run) < before
    run.last_checkpoint.write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"last\.pt"):
        slim(run)
