"""What the runs of a sweep came to: for groups on pages, for plots, for the choice of the best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from segengine.results.table import RunRow
from segengine.studies.record import SweepRecord
from segengine.studies.space import SEED, Value, combination_text, value_text


@dataclass(frozen=True)
class Outcome:
    """A run of a sweep.

    Attributes:
        run_id: "" before it was begun.
        values: varied field -> value.
        state: how it ended for the sweep; else its own state; "planned" before it was begun.
        best_miou: mIoU of its best validation so far, 0 to 1; None before one.
        problem: why it ended otherwise than planned.
    """

    run_id: str
    values: Mapping[str, Value]
    state: str
    best_miou: float | None = None
    problem: str = ""

    @property
    def setting(self) -> str:
        """The name of its group: the varied fields but the seed, as "lr 0.001, stem small"."""
        return combination_text(settings_values(self.values))


@dataclass(frozen=True)
class Setting:
    """The finished runs of a sweep that differ in their seed only.

    Attributes:
        values: varied field -> value, without the seed.
        seeds: of these runs; mious: their best mIoUs, 0 to 1, in that order.
    """

    values: Mapping[str, Value]
    seeds: tuple[int, ...]
    mious: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean of the best mIoUs."""
        return mean(self.mious)

    @property
    def spread(self) -> float | None:
        """Their standard deviation (n - 1); None of a single run."""
        return stdev(self.mious) if len(self.mious) > 1 else None


@dataclass(frozen=True)
class Dimension:
    """A varied field, or the score, as an axis of a plot: a position for each run.

    Attributes:
        positions: numbers themselves; of a field in words the index into `ticks`.
        ticks: the values in words, in their order; () for numbers.
        log: whether the numbers span so much that they are read on a logarithmic axis.
    """

    name: str
    positions: tuple[float, ...]
    ticks: tuple[str, ...] = ()
    log: bool = False


def settings_values(values: Mapping[str, Value]) -> dict[str, Value]:
    """A combination without its seed."""
    return {name: value for name, value in values.items() if name != SEED}


def outcomes(record: SweepRecord, rows: Iterable[RunRow]) -> list[Outcome]:
    """Every planned run of a sweep, in order.

    Args:
        rows: of the runs folder; those of other runs are left aside.
    """
    by_id = {row.run.id: row for row in rows}
    found = []
    for planned in record.runs:
        row = by_id.get(planned.run)
        state = planned.ended or (row.status.state if row else "planned")
        if planned.started and row is None:
            state = "deleted"
        best = row.status.best_miou if row else None
        found.append(Outcome(planned.run, planned.values, state, best, planned.problem))
    return found


def settings(found: Iterable[Outcome], base_seed: int = 0) -> list[Setting]:
    """The settings with a finished run, best mean first.

    Args:
        base_seed: the seed of all runs where it was not varied.
    """
    groups: dict[str, list[Outcome]] = {}
    for outcome in found:
        if outcome.state == "finished" and outcome.best_miou is not None:
            groups.setdefault(outcome.setting, []).append(outcome)
    made = [
        Setting(
            settings_values(runs[0].values),
            tuple(int(str(run.values.get(SEED, base_seed))) for run in runs),
            tuple(run.best_miou for run in runs if run.best_miou is not None),
        )
        for runs in groups.values()
    ]
    return sorted(made, key=lambda setting: -setting.mean)


def dimensions(found: Sequence[Outcome]) -> list[Dimension]:
    """Axes for a parallel-coordinates plot, and for a panel per field against best mIoU.

    The last one is `best_miou`. Runs without a score are left out: filter with `scored` first to
    know which run a position belongs to.
    """
    runs = scored(found)
    names = list(dict.fromkeys(name for run in runs for name in run.values))
    made = [
        _dimension(name, [run.values[name] for run in runs if name in run.values]) for name in names
    ]
    score = Dimension("best_miou", tuple(run.best_miou or 0.0 for run in runs))
    return [*made, score]


def scored(found: Iterable[Outcome]) -> list[Outcome]:
    """The runs with a best mIoU."""
    return [run for run in found if run.best_miou is not None]


def _dimension(name: str, values: Sequence[Value]) -> Dimension:
    numbers = [
        float(value)
        for value in values
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    ]
    if len(numbers) < len(values):
        ticks = tuple(dict.fromkeys(map(value_text, values)))
        return Dimension(name, tuple(float(ticks.index(value_text(v))) for v in values), ticks)
    wide = bool(numbers) and min(numbers) > 0 and math.log10(max(numbers) / min(numbers)) >= 1
    return Dimension(name, tuple(numbers), log=wide)
