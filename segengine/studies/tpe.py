"""Combinations chosen by what the earlier runs scored: Optuna's TPE, and its median rule to prune.

Optuna is optional and keeps nothing: its study is built anew from the runs on disk for each
question, so that a sweep that goes on after a kill asks what it would have asked.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from segengine.errors import UserError
from segengine.studies.space import Axis, Combination, rounded

if TYPE_CHECKING:
    import optuna

STARTUP = 5  # runs that are drawn at random, and none of them pruned, before any is judged


@dataclass(frozen=True)
class Trial:
    """A run as the search sees it.

    Attributes:
        values: its combination.
        curve: epoch (1-based) -> mIoU of its validation, 0 to 1.
        ended: finished, pruned, or failed for whatever else has no score to learn from.
    """

    values: Combination
    curve: dict[int, float] = field(default_factory=dict)
    ended: Literal["finished", "pruned", "failed"] = "finished"


def require_optuna() -> None:
    """Refuse a search where Optuna is not installed.

    Raises:
        UserError: it is not.
    """
    if importlib.util.find_spec("optuna") is None:
        raise UserError(
            "method optuna needs the package optuna, which is not installed: install it with "
            "`.venv/bin/python -m pip install optuna`, or choose grid or random.",
            field="method",
        )


def propose(axes: Sequence[Axis], past: Sequence[Trial], seed: int) -> Combination:
    """The next combination to try: of the first STARTUP at random, then by TPE.

    Args:
        seed: the same seed after the same past proposes the same.
    """
    study = _study(axes, past, seed)
    trial = study.ask(_distributions(axes))
    return {axis.field: _value(axis, trial.params[axis.field]) for axis in axes}


def does_badly(axes: Sequence[Axis], trial: Trial, past: Sequence[Trial]) -> bool:
    """Whether a run at work is so far worse than the median of the others at its last validation.

    Of the first STARTUP runs none is.
    """
    import optuna

    if not trial.curve:
        return False
    study = _study(axes, past, seed=0)
    frozen = _frozen(axes, trial, optuna.trial.TrialState.RUNNING)
    study.add_trial(frozen)
    return bool(study.pruner.prune(study, study.trials[-1]))


def _study(axes: Sequence[Axis], past: Sequence[Trial], seed: int) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    states = {
        "finished": optuna.trial.TrialState.COMPLETE,
        "pruned": optuna.trial.TrialState.PRUNED,
        "failed": optuna.trial.TrialState.FAIL,
    }
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP),
    )
    for trial in past:
        state = trial.ended if trial.curve else "failed"
        study.add_trial(_frozen(axes, trial, states[state]))
    return study


def _frozen(axes: Sequence[Axis], trial: Trial, state: Any) -> optuna.trial.FrozenTrial:
    import optuna

    complete = state == optuna.trial.TrialState.COMPLETE
    return optuna.trial.create_trial(
        state=state,
        value=max(trial.curve.values()) if complete else None,
        params={axis.field: _parameter(axis, trial.values[axis.field]) for axis in axes},
        distributions=_distributions(axes),
        intermediate_values=trial.curve,
    )


def _distributions(axes: Sequence[Axis]) -> dict[str, Any]:
    return {axis.field: _distribution(axis) for axis in axes}


def _distribution(axis: Axis) -> Any:
    import optuna

    if axis.values:
        return optuna.distributions.CategoricalDistribution(range(len(axis.values)))
    log = axis.scale == "log"
    if axis.whole:
        return optuna.distributions.IntDistribution(int(axis.low), int(axis.high), log=log)
    return optuna.distributions.FloatDistribution(axis.low, axis.high, log=log)


def _value(axis: Axis, parameter: Any) -> Any:
    """What the search calls a parameter, as the field's value."""
    return axis.values[parameter] if axis.values else rounded(parameter, axis)


def _parameter(axis: Axis, value: Any) -> Any:
    return axis.values.index(value) if axis.values else value
