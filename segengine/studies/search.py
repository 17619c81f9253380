"""What a search (optuna) sees of a sweep: the combinations and, on disk, their validations."""

from __future__ import annotations

from pathlib import Path

from segengine.results.runlog import RunLog, open_log
from segengine.run.rundir import RunDir
from segengine.studies.record import PlannedRun, SweepRecord
from segengine.studies.space import Combination, grid
from segengine.studies.tpe import Trial, does_badly, propose

_TRIES = 20  # to propose a combination that has not run yet


def next_combination(record: SweepRecord, runs_dir: Path) -> Combination:
    """The next combination to run, none that has run already."""
    past = trials(record, runs_dir)
    tried = [planned.values for planned in record.runs]
    values: Combination = {}
    for attempt in range(_TRIES):
        seed = record.draw_seed + len(past) * _TRIES + attempt
        values = propose(record.axes, past, seed)
        if values not in tried:
            return values
    if all(axis.listed for axis in record.axes):  # few are left
        return next((other for other in grid(record.axes) if other not in tried), values)
    return values


def judged_badly(record: SweepRecord, index: int, log: RunLog, runs_dir: Path) -> bool:
    """Whether the run of that log does so badly that it shall stop."""
    others = [trial for at, trial in enumerate(trials(record, runs_dir)) if at != index]
    return does_badly(record.axes, Trial(record.runs[index].values, curve_of(log)), others)


def trials(record: SweepRecord, runs_dir: Path) -> list[Trial]:
    """Every run that the sweep has planned, in order."""
    return [_trial(planned, runs_dir) for planned in record.runs]


def curve_of(log: RunLog) -> dict[int, float]:
    """Epoch (1-based) -> mIoU of its validation."""
    return {found.epoch: found.scores["miou"] for found in log.validated()}


def _trial(planned: PlannedRun, runs_dir: Path) -> Trial:
    if planned.ended == "finished" or planned.ended == "pruned":
        curve = curve_of(open_log(RunDir(runs_dir / planned.run).events_file))
        return Trial(planned.values, curve, planned.ended)
    return Trial(planned.values, ended="failed")
