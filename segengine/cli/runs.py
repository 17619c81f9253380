"""`list`, `show`, `stop` and `resume`: the runs that exist."""

from __future__ import annotations

import time
from pathlib import Path

from segengine import launchers
from segengine.cli import tables
from segengine.cli.flags import RUNS, RunId
from segengine.errors import UserError
from segengine.results.index import RunIndex
from segengine.results.status import read_status
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopper
from segengine.run.terminal import say

STOP_SECONDS = 15.0  # how long `stop` waits for a run to end


def list_runs(runs_dir: Path = RUNS) -> int:
    """List the runs, newest first.

    Args:
        runs_dir: Folder that holds the runs.
    """
    rows = RunIndex().rows(runs_dir)
    say(tables.runs(rows) if rows else f"No runs in {runs_dir} yet: start one with `train`.")
    return 0


def show(run: RunId, runs_dir: Path = RUNS) -> int:
    """Show one run: its state, settings, first weights and scores.

    Args:
        run: Id of the run.
        runs_dir: Folder that holds the runs.
    """
    say(tables.one_run(RunDir.open(runs_dir, run)))
    return 0


def stop(run: RunId, runs_dir: Path = RUNS) -> int:
    """Stop a run: it finishes its step, saves and exits; `resume` continues it.

    Args:
        run: Id of the run.
        runs_dir: Folder that holds the runs.
    """
    opened = RunDir.open(runs_dir, run)
    launchers.cancel(opened)
    deadline = time.monotonic() + STOP_SECONDS
    while read_status(opened).active and time.monotonic() < deadline:
        time.sleep(0.1)
    status = read_status(opened)
    say(f"{run}: {status.state}")
    if status.active:
        say("It has not stopped yet: `stop` once more kills it.", error=True)
        return 1
    return 0


def resume(run: RunId, runs_dir: Path = RUNS) -> int:
    """Resume a run from its last checkpoint (from the beginning if it has none).

    Args:
        run: Id of the run.
        runs_dir: Folder that holds the runs.
    """
    opened = RunDir.open(runs_dir, run)
    if read_status(opened).state == "finished":
        raise UserError(f"Run {run} is finished: there is nothing to resume.")
    stopper = Stopper()
    stopper.listen()
    with launchers.claimed(opened):
        # imports torch, after the signals and the run are ours
        from segengine.training.session import run_training

        return run_training(opened, stopper)
