"""Evaluations in the background: started, followed, and what is said when they fail."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from segengine.errors import UserError
from segengine.launchers import local
from segengine.launchers.evaluating import evaluating, progress_into, start_evaluation
from segengine.results.evaluations import saved_evaluations
from segengine.run.rundir import RunDir
from tests import tiny
from tests.made_runs import make_run


def wait(run: RunDir) -> str:
    deadline = time.monotonic() + 60
    while (now := evaluating(run)) and now.state == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert now
    return now.message or now.state


def test_a_split_is_evaluated_in_the_background(tmp_path: Path) -> None:
    config = tiny.config(tiny.write_pets(tmp_path / "pets"), epochs=1, val_split="honest")
    run = tiny.train(tmp_path / "runs", config)
    assert evaluating(run) is None
    start_evaluation(run, "test", "native", "best")
    with pytest.raises(UserError, match="is being evaluated already"):
        start_evaluation(run, "val", "training", "best")
    assert wait(run) == "done", run.evaluating_output.read_text()
    assert ("test", "native") in [(one.split, one.scored_at) for one in saved_evaluations(run)]


def test_a_failure_is_told_in_its_own_sentence(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    start_evaluation(run, "val", "training", "best")
    assert wait(run) == f"Run {run.id} has no weights yet: it saves them at its first validation."


def test_how_far_it_is_can_be_read(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.evaluating_file.parent.mkdir(parents=True)
    what = {"split": "val", "size": "training", "weights": "best"}
    job = {"backend": "local", "submitted": 1.0, **local.handle_of(os.getpid()), **what}
    run.evaluating_file.write_text(json.dumps(job))
    assert evaluating(run).total == 0  # type: ignore[union-attr]
    progress = progress_into(run.evaluating_progress)
    progress("Evaluating", 1, 40)
    progress("Evaluating", 2, 40)  # too soon after the first
    now = evaluating(run)
    assert now and (now.state, now.phase, now.done, now.total) == ("running", "Evaluating", 1, 40)
    progress("Evaluating", 40, 40)
    assert evaluating(run).done == 40  # type: ignore[union-attr]


def test_a_process_that_was_killed_is_said(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.evaluating_file.parent.mkdir(parents=True)
    what = {"split": "val", "size": "training", "weights": "best"}
    job = {"backend": "local", "submitted": 1.0, **local.handle_of(os.getpid()), **what}
    run.evaluating_file.write_text(json.dumps({**job, "started": 1.0}))  # another process's pid
    now = evaluating(run)
    assert now and (now.state, now.message) == ("failed", "Its process ended before it was done.")
    run.evaluating_file.write_text("{torn")
    assert evaluating(run) is None
