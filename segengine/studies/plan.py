"""Planning a sweep: every combination is a valid RunConfig at birth, and no two are the same."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from segengine.config import InvalidConfig, RunConfig
from segengine.config.section import defaults_by_choice
from segengine.errors import UserError
from segengine.launchers.preflight import preflight
from segengine.studies import tpe
from segengine.studies.record import Method, PlannedRun, SweepRecord
from segengine.studies.space import (
    MOST_RUNS,
    SEED,
    Axis,
    Combination,
    axes_of,
    combination_text,
    grid,
    refuse_too_many,
    value_text,
)
from segengine.studies.space import (
    draws as drawn_combinations,
)

PATIENCE = 20  # draws for each combination that is wanted


def plan_sweep(
    base: RunConfig,
    vary: Mapping[str, Sequence[str]],
    *,
    method: Method = "grid",
    draws: int = 0,
    draw_seed: int = 0,
    prune: bool = True,
) -> SweepRecord:
    """The sweep over `vary`: field name -> the words that were typed for it.

    Seeds are never drawn: random runs every drawn setting with each of them.

    Raises:
        UserError: nothing is varied, a value or range is wrong, there are too many runs, or the
            method does not suit.
        InvalidConfig: combinations contradict themselves; the sentence names one.
    """
    axes = axes_of(vary)
    _check_method(axes, method, draws)
    record = SweepRecord(
        base=base.resolved().model_dump(mode="json"),
        method=method,
        axes=axes,
        draws=draws,
        draw_seed=draw_seed,
        prune=prune and method == "optuna",
    )
    if method == "optuna":
        refuse_too_many(draws)
        validated(base, _corners(axes))
        combinations = math.prod(len(axis.listed) or MOST_RUNS for axis in axes)
        return record.model_copy(update={"draws": min(draws, combinations)})
    if method == "grid":
        return with_combinations(record, base, grid(axes))
    drawn = _random(axes, draws, draw_seed)
    settings = len({repr({**values, SEED: 0}) for values in drawn})
    if settings < draws:
        few = f"{draws:,} combinations were asked for, but only {settings:,} different ones exist."
        record = record.model_copy(update={"notes": (few,)})
    return with_combinations(record, base, drawn)


def with_combinations(
    record: SweepRecord, base: RunConfig, combinations: Iterable[Combination]
) -> SweepRecord:
    """The sweep with its runs: of combinations that are one experiment only the first is kept.

    Raises:
        InvalidConfig: combinations contradict themselves.
    """
    kept: dict[str, Combination] = {}
    doubles: list[str] = []
    notes: dict[str, None] = {}
    for values, config, left_out in validated(base, combinations):
        flat = config.flat()
        notes.update(dict.fromkeys(left_out))
        mark = config.fingerprint()
        if mark in kept:
            doubles.append(combination_text(values))
        else:
            kept[mark] = {name: flat[name] for name in values}
    if doubles:
        notes[_doubles_text(doubles)] = None
    runs = tuple(PlannedRun(values=values) for values in kept.values())
    return record.model_copy(update={"runs": runs, "notes": (*record.notes, *notes)})


def validated(
    base: RunConfig, combinations: Iterable[Combination]
) -> list[tuple[Combination, RunConfig, list[str]]]:
    """(combination, its config with absolute paths, what was left out) of each.

    Raises:
        InvalidConfig: with a sentence for each field, which names the first wrong combination.
    """
    found = []
    problems: dict[str, tuple[str, int]] = {}
    for values in combinations:
        try:
            config, left_out = combined(base, values)
            found.append((values, config.resolved(), left_out))
        except InvalidConfig as error:
            for field, sentence in error.problems.items():
                first, count = problems.get(field, (f"{combination_text(values)}: {sentence}", 0))
                problems[field] = first, count + 1
    if problems:
        raise InvalidConfig(
            {field: first + _and_others(count - 1) for field, (first, count) in problems.items()}
        )
    return found


def combined(base: RunConfig, values: Mapping[str, Any]) -> tuple[RunConfig, list[str]]:
    """(the base with these values, what was left out of the base, in sentences).

    Left out is what the base has and what loses its meaning beside the values, such as the weights
    where strategy is varied and scratch. Fields at their default go to the one beside the values.

    Raises:
        InvalidConfig: the values contradict each other or the base.
    """
    flat = base.flat()
    beside, before = {**flat, **values}, RunConfig.meaningless(flat)
    lost = {
        name: chooser
        for name, chooser in RunConfig.meaningless(beside).items()
        if name not in before and name not in values and flat[name] != base.default_of(name, beside)
    }
    kept = {
        name: flat[name]
        for name, info in RunConfig.declarations().items()
        if name not in lost
        and (
            flat[name] != base.default_of(name, flat)
            or not values.keys() & defaults_by_choice(info).keys()
        )
    }
    config = RunConfig.from_flat({**kept, **values})
    chosen = config.flat()
    left_out = [
        f"{name} {value_text(flat[name])} has no meaning with {chooser} "
        f"{value_text(chosen[chooser])} and is left out there."
        for name, chooser in lost.items()
    ]
    return config, left_out


def planned_configs(record: SweepRecord) -> list[RunConfig]:
    """The config of every run; of a search, which finds them while it goes, of as many draws."""
    return [config for _, config in _named_configs(record)]


def require_startable(record: SweepRecord, runs_dir: Path) -> None:
    """Refuse a sweep of which a run would fail.

    Raises:
        InvalidConfig: with what `preflight` finds for the first combination that is wrong.
    """
    looked_at: set[str] = set()
    for text, config in _named_configs(record):
        # Nothing that a start checks depends on the seed or the learning rate.
        alike = config.with_values(seed=0, lr=1e-3).fingerprint()
        if alike in looked_at:
            continue
        looked_at.add(alike)
        if problems := preflight(config, runs_dir):
            raise InvalidConfig({field: f"{text}: {error}" for field, error in problems.items()})


def _named_configs(record: SweepRecord) -> list[tuple[str, RunConfig]]:
    base = record.base_config()
    if record.method != "optuna":
        return [(run.text, combined(base, run.values)[0]) for run in record.runs]
    named = []
    for values in drawn_combinations(record.axes, record.total, record.draw_seed):
        with contextlib.suppress(InvalidConfig):  # one such is counted when it comes
            named.append((combination_text(values), combined(base, values)[0]))
    return named


def _check_method(axes: Sequence[Axis], method: Method, draws: int) -> None:
    names = [axis.field for axis in axes]
    if not names:
        raise UserError("Nothing is varied: say what with --vary FIELD VALUES, or --seeds N.")
    if method == "grid" and draws:
        raise UserError(
            f"{draws:,} combinations were asked for, but a grid runs all that there are: leave the "
            "number out, or choose method random."
        )
    if method != "grid" and draws < 1:
        raise UserError(f"method {method} needs a number of combinations, such as --count 20.")
    if method == "random" and names == [SEED]:
        raise UserError("method random has nothing to draw: seeds are all run. Choose grid.")
    if method == "optuna":
        tpe.require_optuna()
        if SEED in names:
            raise UserError(
                "method optuna judges a setting by one run: leave the seeds out, and run the best "
                "settings again with others by --best-of SWEEP --seeds 5.",
                field=SEED,
            )


def _random(axes: Sequence[Axis], draws: int, draw_seed: int) -> list[Combination]:
    """Every drawn setting, with each seed."""
    seeds = list(grid([axis for axis in axes if axis.field == SEED]))
    refuse_too_many(draws * len(seeds))
    drawn = _distinct([axis for axis in axes if axis.field != SEED], draws, draw_seed)
    return [{**values, **seed} for values in drawn for seed in seeds]


def _distinct(axes: Sequence[Axis], count: int, draw_seed: int) -> Iterable[Combination]:
    """So many draws that differ; fewer where even many draws find no more."""
    found: dict[str, Combination] = {}
    for values in drawn_combinations(axes, PATIENCE * count, draw_seed):
        found.setdefault(repr(values), values)
        if len(found) == count:
            break
    return found.values()


def _corners(axes: Sequence[Axis]) -> Iterable[Combination]:
    """The combinations of all listed values and of the ends of ranges; the first MOST_RUNS."""
    sides = [axis.values or (_whole(axis, axis.low), _whole(axis, axis.high)) for axis in axes]
    names = [axis.field for axis in axes]
    every = (dict(zip(names, values, strict=True)) for values in itertools.product(*sides))
    return itertools.islice(every, MOST_RUNS)


def _whole(axis: Axis, number: float) -> int | float:
    return round(number) if axis.whole else number


def _doubles_text(doubles: Sequence[str]) -> str:
    if len(doubles) == 1:
        return f"{doubles[0]} is the same experiment as another combination: it runs once."
    return (
        f"{len(doubles):,} combinations are the same experiment as another one, such as "
        f"{doubles[0]}: each runs once."
    )


def _and_others(count: int) -> str:
    if not count:
        return ""
    return f" (So {'does one other combination' if count == 1 else f'do {count:,} others'}.)"
