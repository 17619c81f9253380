"""Evaluations in the background: started, followed, stopped, and what is said when they fail."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from segengine.errors import UserError
from segengine.launchers import local
from segengine.launchers.evaluations import (
    BackgroundEvaluation,
    Target,
    evaluations_of,
    forget_evaluation,
    start_evaluation,
    stop_evaluation,
)
from segengine.launchers.status_file import StatusFile
from segengine.results.evaluations import saved_evaluations
from segengine.run.rundir import RunDir
from tests import tiny
from tests.made_runs import make_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    folder = tmp_path_factory.mktemp("evaluations")
    config = tiny.config(tiny.write_pets(folder / "pets"), epochs=1, val_split="honest")
    return tiny.train(folder / "runs", config)


@pytest.fixture
def run(trained: RunDir, tmp_path: Path) -> RunDir:
    return tiny.copy_of(trained, tmp_path / "runs")


def wait(run: RunDir) -> BackgroundEvaluation:
    deadline = time.monotonic() + 90
    while (now := evaluations_of(run)[0]).state == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    return now


def test_a_split_is_evaluated_in_the_background_and_not_twice_at_once(run: RunDir) -> None:
    assert evaluations_of(run) == []
    target = Target(split="test", size="native")
    start_evaluation(run, target)
    with pytest.raises(UserError, match="being made already"):
        start_evaluation(run, target)
    done = wait(run)
    assert done.state == "done", run.evaluating_output(target.key).read_text()
    assert ("test", "native") in [(one.split, one.scored_at) for one in saved_evaluations(run)]
    forget_evaluation(run, target.key)
    assert evaluations_of(run) == []


def test_a_failure_is_told_in_its_own_sentence(run: RunDir, tmp_path: Path) -> None:
    start_evaluation(run, Target(root=str(tmp_path / "nowhere")))
    failed = wait(run)
    assert failed.state == "failed" and str(tmp_path / "nowhere") in failed.problem


def test_what_cannot_be_started_is_refused(tmp_path: Path, run: RunDir) -> None:
    with pytest.raises(UserError, match="no best weights yet: they are saved at the first"):
        start_evaluation(make_run(tmp_path / "made"), Target())
    with pytest.raises(UserError, match="limit 'many' was given"):
        start_evaluation(run, Target(limit="many"))


def recorded(run: RunDir, **job: object) -> Target:
    """A record of an evaluation that this very process makes."""
    target = Target()
    run.evaluating(target.key).parent.mkdir(parents=True, exist_ok=True)
    record = {"backend": "local", "submitted": 1.0, **local.handle_of(os.getpid())}
    content = {**record, "target": vars(target), **job}
    run.evaluating(target.key).write_text(json.dumps(content))
    return target


def test_how_far_it_is_can_be_read(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    target = recorded(run)
    with StatusFile(run.evaluating_status(target.key)) as status:
        assert evaluations_of(run)[0].state == "running"
        status.progress("Evaluating", 3, 40)
        (now,) = evaluations_of(run)
        assert (now.phase, now.done, now.total) == ("Evaluating", 3, 40)
        status.finish(tmp_path / "val.json")
    assert evaluations_of(run)[0].state == "done"


def test_a_process_that_was_killed_is_said(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    target = recorded(run, started=1.0)  # the pid is another process's now
    (now,) = evaluations_of(run)
    assert now.state == "failed" and "ended before it was done" in now.problem
    run.evaluating(target.key).write_text("{torn")
    assert evaluations_of(run) == []


def test_a_stopped_evaluation_is_forgotten(run: RunDir) -> None:
    target = Target(split="all")
    start_evaluation(run, target)
    stop_evaluation(run, target.key)
    assert evaluations_of(run) == []
