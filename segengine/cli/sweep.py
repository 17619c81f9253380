"""`sweep`, `sweeps`, `sweep-stop` and `sweep-continue`: one experiment with varied fields."""

from __future__ import annotations

import dataclasses
import json as json_text
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from segengine.cli import tables
from segengine.cli.flags import RUNS, config_of, with_flags
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.results.index import RunIndex
from segengine.results.table import RunRow
from segengine.run.stopping import Stopper
from segengine.run.terminal import Terminal, say
from segengine.studies import control, trial
from segengine.studies.best_of import plan_best_of
from segengine.studies.coordinator import coordinate
from segengine.studies.estimate import Pace, estimate
from segengine.studies.outcomes import outcomes, settings
from segengine.studies.plan import plan_sweep, require_startable
from segengine.studies.record import SweepRecord
from segengine.studies.space import SEED, combination_text, value_text
from segengine.studies.state import SweepStatus, read_status
from segengine.studies.sweepdir import SweepDir

SweepId = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SWEEP")]
# One --vary: a field and its values.
Varied = tyro.conf.UseAppendAction[
    Annotated[tuple[tuple[str, ...], ...], tyro.conf.arg(metavar="FIELD VALUE [VALUE ...]")]
]
STOP_SECONDS = 15.0  # how long `sweep-stop` waits for the sweep to end
_MOST_SHOWN = 50  # combinations that a plan lists
_METHODS = {
    "grid": "Grid",
    "random": "Random",
    "optuna": "Optuna (TPE)",
    "best_of": "The best again",
}


def sweep_command(base: RunConfig) -> Callable[..., int]:
    """The command `sweep`, whose flags have `base` as their defaults."""

    def sweep(
        flags: Any,
        vary: Varied = (),
        seeds: int = 0,
        method: Literal["grid", "random", "optuna"] = "grid",
        count: int = 0,
        draw_seed: int = 0,
        prune: bool = True,
        best_of: str = "",
        top: int = 3,
        trial: bool = False,
        dry_run: bool = False,
        detach: bool = False,
        config: Path | None = None,
        preset: str = "",
        runs_dir: Path = RUNS,
    ) -> int:
        """Run an experiment with varied fields, one run after the other.

        Args:
            flags: The experiment that is varied.
            vary: A field and its values, as often as you like: --vary lr 1e-3 5e-4, or a range:
                --vary lr 1e-4..1e-2 log 5, --vary seed 0..4.
            seeds: Run everything with so many seeds, from the experiment's on.
            method: grid runs every combination, random so many draws, optuna lets the earlier runs
                choose the next (TPE).
            count: Of random and optuna: how many combinations.
            draw_seed: Of random and optuna: the same seed draws the same.
            prune: Of optuna: stop runs whose validations fall behind the median of the others.
            best_of: Instead of --vary: run the best settings of that sweep again, with --seeds
                other seeds (5 if left out).
            top: Of --best-of: how many settings.
            trial: Time a few steps of each kind of run that never ran in this folder.
            dry_run: Show the plan, and start nothing.
            detach: Run it in the background, and return at once.
            config: JSON file with a RunConfig; flags given beside it win.
            preset: Settings to start from: quick_look, streets or course_recipe; flags win.
            runs_dir: Folder that holds the runs.
        """
        base_config = config_of(flags)
        if best_of:
            _refuse_beside_best_of(base_config, vary, method, count)
            rows = RunIndex().rows(runs_dir)
            source = SweepDir.open(runs_dir, best_of)
            record = plan_best_of(source, rows, top=top, seeds=seeds or 5)
        else:
            varied = varied_words(vary, seeds, base_config.train.seed)
            record = plan_sweep(
                base_config, varied, method=method, draws=count, draw_seed=draw_seed, prune=prune
            )
        return run_sweep(record, runs_dir, trial=trial, dry_run=dry_run, detach=detach)

    return with_flags(sweep, base)


def sweeps(sweep: SweepId = "", json: bool = False, runs_dir: Path = RUNS) -> int:
    """List the sweeps, newest first; or show the runs of one, and its settings by their score.

    Args:
        sweep: Id of a sweep, to show that one.
        json: Print JSON instead of text, with every run.
        runs_dir: Folder that holds the runs.
    """
    found = [SweepDir.open(runs_dir, sweep)] if sweep else SweepDir.all(runs_dir)
    if json:
        rows = RunIndex().rows(runs_dir)
        say(json_text.dumps([_as_json(each, rows) for each in found], indent=2))
        return 0
    if sweep:
        say(_one_sweep(found[0], runs_dir))
        return 0
    heads = ["SWEEP", "STATE", "ENDED", "NOT FINISHED", "METHOD", "VARIED"]
    table = tables.columns([heads, *map(_sweep_line, found)])
    say(table if found else f"No sweeps in {runs_dir} yet: start one with `sweep`.")
    return 0


def stop_sweep(sweep: SweepId, after_this_run: bool = False, runs_dir: Path = RUNS) -> int:
    """Stop a sweep and its run at work; `sweep-continue` takes up both.

    Args:
        sweep: Id of the sweep.
        after_this_run: Let the run at work finish, and start no further ones.
        runs_dir: Folder that holds the runs.
    """
    opened = SweepDir.open(runs_dir, sweep)
    control.stop_sweep(opened, current_run=not after_this_run)
    if after_this_run:
        status = read_status(opened)
        say(f"{sweep}: {status.state}; no further runs are started.")
        return 0
    deadline = time.monotonic() + STOP_SECONDS
    while (status := read_status(opened)).active and time.monotonic() < deadline:
        time.sleep(0.1)
    say(f"{sweep}: {status.state}. {status.text()}.")
    if status.active:
        say("It has not stopped yet: its run is still saving.", error=True)
        return 1
    return 0


def continue_sweep(
    sweep: SweepId, retry: bool = False, detach: bool = False, runs_dir: Path = RUNS
) -> int:
    """Go on with a sweep that was stopped, or whose coordinator was killed.

    A run that was stopped with the sweep, or crashed with the machine, is resumed. No run is
    started twice.

    Args:
        sweep: Id of the sweep.
        retry: Resume the runs that failed, crashed or were stopped by themselves, too.
        detach: Run it in the background, and return at once.
        runs_dir: Folder that holds the runs.
    """
    opened = SweepDir.open(runs_dir, sweep)
    control.prepare_to_continue(opened, retry=retry)
    return _work(opened, detach=detach)


def varied_words(
    vary: Sequence[Sequence[str]], seeds: int, base_seed: int
) -> dict[str, tuple[str, ...]]:
    """Field name -> its words, of every --vary and of --seeds.

    Raises:
        UserError: a field is varied twice, or has no name.
    """
    varied: dict[str, tuple[str, ...]] = {}
    for name, *words in vary:
        field = name.removeprefix("--").replace("-", "_")
        if field in varied:
            raise UserError(f"{field} is varied twice: give all its values behind one --vary.")
        varied[field] = tuple(words)
    if seeds < 0:
        raise UserError(f"--seeds must be at least 1, but {seeds} was given.", field=SEED)
    if seeds and SEED in varied:
        raise UserError("--seeds and --vary seed were both given: choose one of them.", field=SEED)
    if seeds:
        varied[SEED] = tuple(str(base_seed + number) for number in range(seeds))
    return varied


def run_sweep(
    record: SweepRecord, runs_dir: Path, *, trial: bool, dry_run: bool, detach: bool
) -> int:
    """Check, say what it costs, write it down and work on it (or have it worked on)."""
    require_startable(record, runs_dir)
    stopper = Stopper()
    if trial or not dry_run:
        stopper.listen()
    plan = _plan_text(record, runs_dir, stopper if trial else None)
    stopper.check()
    if dry_run:
        say(plan)
        return 0
    say(plan, error=True)
    sweep = SweepDir.create(runs_dir, record)
    say(sweep.id)
    return _work(sweep, detach=detach, stopper=stopper)


def _work(sweep: SweepDir, *, detach: bool, stopper: Stopper | None = None) -> int:
    if detach:
        control.start_coordinator(sweep)
        say(f"It runs in the background; its output: {sweep.output_file}.", error=True)
        return 0
    if stopper is None:
        stopper = Stopper()
        stopper.listen()
    coordinate(sweep, stopper, Terminal())
    status = read_status(sweep)
    say(f"{sweep.id}: {status.state}. {status.text()}.")
    if status.state == "stopped":
        say(f"`python -m segengine sweep-continue {sweep.id}` goes on with it.", error=True)
    return 1 if status.not_finished else 0


def _plan_text(record: SweepRecord, runs_dir: Path, trial_stopper: Stopper | None) -> str:
    """The combinations, what is worth a word, and the cost."""

    def measure(config: RunConfig) -> Pace:
        assert trial_stopper is not None
        say(f"Trial of {config.model.arch} at {config.data.image_size} pixels", error=True)
        return trial.measure(config, runs_dir, trial_stopper.check)

    cost = estimate(record, RunIndex().rows(runs_dir), runs_dir, measure if trial_stopper else None)
    shown = [f"  {planned.text}" for planned in record.runs[:_MOST_SHOWN]]
    if len(record.runs) > _MOST_SHOWN:
        shown.append(f"  and {len(record.runs) - _MOST_SHOWN:,} more")
    how = "; ".join(axis.text() for axis in record.axes) or f"of {record.chosen_from}"
    head = f"{_METHODS[record.method]}: {how}"
    return "\n".join([head, *shown, *record.notes, " ".join(cost.sentences())])


def _sweep_line(sweep: SweepDir) -> list[str]:
    status = read_status(sweep)
    try:
        record = sweep.record()
    except UserError as problem:
        return [sweep.id, status.state, "-", "-", "-", str(problem)]
    ended = f"{status.ended:,}/{status.total:,}"
    bad = str(status.not_finished or "-")
    return [sweep.id, status.state, ended, bad, record.method, ", ".join(record.varied)]


def _one_sweep(sweep: SweepDir, runs_dir: Path) -> str:
    record, status = sweep.record(), read_status(sweep)
    found = outcomes(record, RunIndex().rows(runs_dir))
    lines = [[*map(str.upper, record.varied), "RUN", "STATE", "BEST mIoU", ""]]
    for run in found:
        cells = [value_text(run.values[name]) for name in record.varied]
        problem = run.problem.strip().rpartition("\n")[2][:80]
        score = "-" if run.best_miou is None else f"{run.best_miou:.3f}"
        lines.append([*cells, run.run_id or "-", run.state, score, problem])
    blocks = [_head(sweep, status), *record.notes, tables.columns(lines)]
    ranked = settings(found, record.base_config().train.seed)
    if SEED in record.varied and ranked:
        rows = [["SETTING", "RUNS", "MEAN mIoU", "SD"]]
        for setting in ranked:
            spread = "-" if setting.spread is None else f"{setting.spread:.3f}"
            name = combination_text(setting.values)
            rows.append([name, str(len(setting.mious)), f"{setting.mean:.3f}", spread])
        blocks.append(tables.columns(rows))
    return "\n\n".join(blocks)


def _as_json(sweep: SweepDir, rows: Sequence[RunRow]) -> dict[str, Any]:
    """A sweep and its runs; mIoU is 0 to 1, null before a validation."""
    status = read_status(sweep)
    content: dict[str, Any] = {"id": sweep.id, "state": status.state, "message": status.message}
    if status.state == "unreadable":
        return content
    record = sweep.record()
    runs = [{**dataclasses.asdict(run), "setting": run.setting} for run in outcomes(record, rows)]
    more = {"method": record.method, "varied": record.varied, "notes": record.notes}
    return {**content, "total": status.total, "counts": status.counts, **more, "runs": runs}


def _head(sweep: SweepDir, status: SweepStatus) -> str:
    return f"{sweep.id}: {status.state}. {status.text()}. {status.message}".rstrip()


def _refuse_beside_best_of(
    config: RunConfig, vary: Sequence[Sequence[str]], method: str, count: int
) -> None:
    """--best-of takes everything but the seeds from the sweep.

    Raises:
        UserError: something else was given.
    """
    if vary or method != "grid" or count:
        raise UserError("--best-of runs settings of that sweep: leave --vary and --method out.")
    if config != RunConfig():
        raise UserError(
            "--best-of takes the experiment of that sweep: leave the flags of an experiment out "
            f"({' '.join(config.flags())})."
        )
