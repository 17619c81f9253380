"""A checkpoint that is not what the run's log says is named as damaged, and never used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from segengine.errors import UserError
from segengine.inference.predict import load_trained
from segengine.run.rundir import RunDir
from segengine.weights.checkpoint import load_best, load_checkpoint
from tests import tiny
from tests.weights.filling import fill_nothing, started_from


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run of three epochs whose best checkpoint is an earlier one than its last."""
    root = tiny.write_pets(tmp_path_factory.mktemp("pets"))
    run = tiny.train(tmp_path_factory.mktemp("runs"), tiny.config(root, epochs=1, seed=5))
    best = run.best_checkpoint.read_bytes()
    run.best_checkpoint.unlink()  # it was a link to the last one
    run.best_checkpoint.write_bytes(best)
    return run


@pytest.fixture
def run(finished: RunDir, tmp_path: Path) -> RunDir:
    return RunDir(shutil.copytree(finished.path, tmp_path / finished.id))


def flip(path: Path, place: float) -> None:
    """Turn over one bit of the file, at a part of its length."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("place", [0.001, 0.2, 0.5, 0.8, 0.999])
def test_a_flipped_bit_is_not_predicted_with(run: RunDir, place: float) -> None:
    flip(run.best_checkpoint, place)
    with pytest.raises(UserError) as error:
        load_trained(run)
    sentence = str(error.value)
    assert str(run.best_checkpoint) in sentence
    if "truncated, or something else" not in sentence:  # its end, by which a zip is known
        assert "is damaged or truncated" in sentence and "sha256" in sentence
        assert "last.pt is whole (epoch 1): copy it over best.pt" in sentence
        shutil.copyfile(run.last_checkpoint, run.best_checkpoint)  # what the sentence advises
        assert load_trained(run).epoch == 1


def test_a_flipped_bit_is_not_lent_to_another_run(run: RunDir) -> None:
    flip(run.best_checkpoint, 0.5)
    for weights in (f"run:{run.id}", str(run.best_checkpoint)):
        with pytest.raises(UserError, match="is damaged or truncated") as error:
            fill_nothing(started_from(weights), run.path.parent)
        assert error.value.field == "weights" and weights in str(error.value)


def test_a_finished_runs_best_weights_are_no_state_to_go_on_from(run: RunDir) -> None:
    drop_the_end(run)
    flip(run.last_checkpoint, 0.4)
    tiny.go_on(run, code=1)
    (failed,) = tiny.events(run, "run_failed")
    assert f"weights only: start a new run with --weights run:{run.id}." in failed["error"]


def test_a_flipped_bit_is_not_gone_on_with(run: RunDir) -> None:
    drop_the_end(run)
    shutil.copyfile(run.last_checkpoint, run.best_checkpoint)  # as it is until the run finishes
    flip(run.last_checkpoint, 0.4)
    before = run.last_checkpoint.read_bytes()
    tiny.go_on(run, code=1)
    (failed,) = tiny.events(run, "run_failed")
    assert "best.pt is whole (epoch 1): copy it over last.pt" in failed["error"]
    assert run.last_checkpoint.read_bytes() == before
    shutil.copyfile(run.best_checkpoint, run.last_checkpoint)
    tiny.go_on(run)


def drop_the_end(run: RunDir) -> None:
    """As if the run had been killed before it predicted."""
    lines = run.events_file.read_text().splitlines(keepends=True)
    run.events_file.write_text("".join(line for line in lines if "run_finished" not in line))


def test_both_damaged_is_said_too(run: RunDir) -> None:
    for path in (run.best_checkpoint, run.last_checkpoint):
        flip(path, 0.5)
    with pytest.raises(UserError, match="no other whole checkpoint"):
        load_best(run)


def test_a_checkpoint_of_an_earlier_time_put_in_its_place_is_refused(run: RunDir) -> None:
    state = torch.load(run.best_checkpoint, weights_only=True)
    state["position"]["step"] -= 1
    torch.save(state, run.best_checkpoint)  # whole, but not what the log knows
    with pytest.raises(UserError, match="is not the file whose sha256"):
        load_best(run)


def test_one_that_was_written_and_not_yet_logged_is_used(run: RunDir) -> None:
    """The process was killed between the two: no epoch is lost."""
    lines = run.events_file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if '"event":"checkpoint"' not in line]
    assert len(kept) < len(lines)
    elsewhere = lines[-1].replace("run_finished", "checkpoint")[:-2]
    run.events_file.write_text("".join(kept[:-1]) + elsewhere + ',"sha256":"00","epoch":0}\n')
    assert load_checkpoint(run.last_checkpoint)["position"]["epoch"] == 2


def test_a_copied_checkpoint_needs_no_log(run: RunDir, tmp_path: Path) -> None:
    path = shutil.copy(run.best_checkpoint, tmp_path / "mine.pt")
    assert load_checkpoint(Path(path))["position"]["epoch"] == 2
    flip(Path(path), 0.5)
    with pytest.raises(UserError, match="is damaged or truncated"):
        load_checkpoint(Path(path))


def without(part: str) -> Callable[[dict[str, Any]], None]:
    return lambda state: state.pop(part)


def bent(part: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda state: state.update({part: value})


CHANGES = {
    "no model": without("model"),
    "no classes": without("classes"),
    "model is text": bent("model", "weights"),
    "model of another shape": lambda state: state["model"].update(
        {"encoder.patch_embed1.proj.weight": torch.zeros(2, 2)}
    ),
    "classes are numbers": bent("classes", [1, 2, 3]),
    "position is a list": bent("position", [1]),
    "bent normalization": bent("normalization", {"mean": 0.5}),
}


def rewrite(path: Path, change: Callable[[dict[str, Any]], None], log: Path) -> None:
    """Change a checkpoint, and leave no log that would tell."""
    state = torch.load(path, weights_only=True)
    change(state)
    path.unlink()
    torch.save(state, path)
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(line for line in lines if '"event":"checkpoint"' not in line))


@pytest.mark.parametrize("name", CHANGES)
def test_a_checkpoint_that_lacks_or_bends_a_part_is_a_sentence(run: RunDir, name: str) -> None:
    rewrite(run.best_checkpoint, CHANGES[name], run.events_file)
    with pytest.raises(UserError, match=r"best\.pt cannot be used: a part of it is missing or"):
        load_trained(run)
    if "class" not in name:  # which nobody needs who starts from it
        with pytest.raises(UserError, match=r"a part of it is missing or|'patch_embed1\.proj"):
            fill_nothing(started_from(f"run:{run.id}"), run.path.parent)


@pytest.mark.parametrize(
    "part", ["fingerprint", "model", "optimizer", "lineage", "rng", "position", "scaler"]
)
def test_a_run_whose_checkpoint_lacks_a_part_ends_with_a_sentence(run: RunDir, part: str) -> None:
    drop_the_end(run)
    rewrite(run.last_checkpoint, without(part), run.events_file)
    code = 0 if part == "scaler" else 1  # a scaler is for half precision only
    tiny.go_on(run, code=code)
    if code:
        (failed,) = tiny.events(run, "run_failed")
        assert "last.pt cannot be used: a part of it is missing" in failed["error"]
        assert f"'{part}'" in failed["error"]
