"""`list`, `show`, `stop` and `resume`: the runs that exist."""

from __future__ import annotations

import json as json_text
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import tyro

from segengine import launchers
from segengine.cli import tables
from segengine.cli.flags import RUNS, RunId
from segengine.errors import UserError
from segengine.launchers.more_epochs import longer, meaning, plan_epochs, planned_but_not_trained
from segengine.results.amounts import size_text
from segengine.results.filter import parse_filter
from segengine.results.index import RunIndex
from segengine.results.status import read_status
from segengine.results.table import RunRow, as_json
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopper
from segengine.run.terminal import Terminal, say

STOP_SECONDS = 15.0  # how long `stop` waits for a run to end


def list_runs(
    filter: str = "",
    archived: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    limit: int = 100,
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    runs_dir: Path = RUNS,
) -> int:
    """List the runs, newest first.

    Args:
        filter: Words and conditions, such as "unet and best_miou > 0.6 and tag = baseline".
        archived: List archived runs, too.
        limit: At most so many, 0 for all.
        json: Print JSON instead of text.
        runs_dir: Folder that holds the runs.
    """
    if limit < 0:
        raise UserError(f"--limit must be 0 or more, but {limit} was given.")
    fits = parse_filter(filter)
    looked_at, rows, more = 0, list[RunRow](), False
    for row in _progressing(RunIndex().newest(runs_dir), runs_dir):
        looked_at += 1
        if (archived or not row.notes.get("archived")) and fits(row):
            if more := bool(limit) and len(rows) == limit:
                break
            rows.append(row)
    if json:
        say(json_text.dumps([as_json(row) for row in rows], indent=2))
    elif rows:
        say(tables.runs(rows))
    elif not looked_at:
        say(f"No runs in {runs_dir} yet: start one with `train`.")
    else:
        say(f"None of {looked_at:,} runs is shown: {_hidden_by(filter, archived)}.")
    if more:
        say(f"The newest {limit:,}; --limit 0 lists all.", error=True)
    return 0


def _progressing(rows: Iterable[RunRow], runs_dir: Path) -> Iterator[RunRow]:
    """The rows; says how far they are read where that takes more than a moment."""
    terminal, begun, total = Terminal(), time.monotonic(), 0
    try:
        for done, row in enumerate(rows):
            if not done % 100 and time.monotonic() - begun > 1.0:
                total = total or len(RunDir.candidates(runs_dir))
                terminal.progress("Reading runs", done, total)
            yield row
    finally:
        terminal.close()


def _hidden_by(text: str, archived: bool) -> str:
    reasons = [*(["no other fits the filter"] if text else [])]
    reasons += [] if archived else ["--archived shows archived ones"]
    return "; ".join(reasons)


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


def resume(run: RunId, epochs: int = 0, runs_dir: Path = RUNS) -> int:
    """Resume a run from its last checkpoint (from the beginning if it has none).

    With more epochs, a finished run goes on, too. An exponential or step schedule goes on as if
    the run had been planned this long; a cosine or polynomial one is stretched to the new end, so
    the learning rate jumps to what a run of that length has at this epoch.

    Args:
        run: Id of the run.
        epochs: Train it to so many epochs in all (0: to those that it was planned for).
        runs_dir: Folder that holds the runs.
    """
    opened = RunDir.open(runs_dir, run)
    state = read_status(opened).state
    if state == "finished" and not epochs and not planned_but_not_trained(opened):
        raise UserError(
            f"Run {run} is finished: there is nothing to resume. `--epochs` trains it longer.",
            field="run",
        )
    if epochs:
        longer(opened, epochs)  # what is refused shall leave no mark
    stopper = Stopper()
    stopper.listen()
    with launchers.claimed(opened):
        if epochs:
            say(meaning(plan_epochs(opened, epochs)), error=True)
        # imports torch, after the signals and the run are ours
        from segengine.training.session import run_training

        return run_training(opened, stopper)


def slim(
    runs: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    runs_dir: Path = RUNS,
) -> int:
    """Let the optimizer's state of finished runs go: most of what they take on disk.

    They can still predict, be evaluated and give their weights to others, but not be resumed, nor
    trained for more epochs.

    Args:
        runs: Ids of the runs.
        runs_dir: Folder that holds the runs.
    """
    opened = [RunDir.open(runs_dir, run) for run in runs]
    if not opened:
        raise UserError("Give at least one run.", field="runs")
    from segengine.training.slim import slim as let_go  # imports torch, after the quick checks

    for run in opened:
        say(f"{run.id}: {size_text(let_go(run))} freed")
    return 0
