"""The search by Optuna: the same past gives the same proposal, and it learns."""

from __future__ import annotations

import math

from segengine.studies.space import axes_of
from segengine.studies.tpe import STARTUP, Trial, does_badly, propose

AXES = axes_of({"lr": ["1e-4..1", "log"], "stem": ["paper", "small"], "epochs": ["1..9"]})


def trial(lr: float, stem: str, score: float) -> Trial:
    return Trial({"lr": lr, "stem": stem, "epochs": 5}, {1: score / 2, 2: score})


PAST = [
    trial(10 ** (-4 + 4 * step / 20), stem, (1 - abs(step - 10) / 10) * factor)
    for step in range(21)
    for stem, factor in (("paper", 0.5), ("small", 1.0))
]


def test_the_same_past_and_seed_propose_the_same() -> None:
    assert propose(AXES, PAST, seed=3) == propose(AXES, PAST, seed=3)
    assert propose(AXES, [], seed=3) == propose(AXES, [], seed=3) != propose(AXES, [], seed=4)


def test_proposals_gather_where_the_scores_are_best() -> None:
    """Best are lr 0.01 and the small stem; a random draw is within a decade of it half the time."""
    found = [propose(AXES, PAST, seed) for seed in range(30)]
    near = sum(abs(math.log10(values["lr"]) + 2) < 1 for values in found)
    small = sum(values["stem"] == "small" for values in found)
    assert near >= 22 and small >= 22
    blind = [propose(AXES, [], seed) for seed in range(30)]
    assert sum(abs(math.log10(values["lr"]) + 2) < 1 for values in blind) < 22


def test_proposals_stay_within_the_axes() -> None:
    for seed in range(10):
        values = propose(AXES, PAST[:seed], seed)
        assert values.keys() == {"lr", "stem", "epochs"}
        assert 1e-4 <= values["lr"] <= 1 and values["stem"] in ("paper", "small")
        assert isinstance(values["epochs"], int) and 1 <= values["epochs"] <= 9


def test_runs_without_a_score_teach_nothing_and_do_no_harm() -> None:
    failed = [Trial({"lr": 0.5, "stem": "paper", "epochs": 1}, ended="failed")] * 3
    empty = [Trial({"lr": 0.5, "stem": "paper", "epochs": 1}, {}, "finished")]
    assert propose(AXES, [*PAST, *failed, *empty], seed=1).keys() == {"lr", "stem", "epochs"}


def test_a_run_does_badly_below_the_median_of_the_others_at_its_epoch() -> None:
    """Of 0.1, 0.2, 0.3, 0.4 and 0.5 at epoch 2 the median is 0.3."""
    past = [
        Trial({"lr": 0.1, "stem": "paper", "epochs": 1}, {2: score, 4: 0.9})
        for score in (0.1, 0.2, 0.3, 0.4, 0.5)
    ]
    values = {"lr": 0.2, "stem": "small", "epochs": 1}
    assert does_badly(AXES, Trial(values, {2: 0.29}), past)
    assert not does_badly(AXES, Trial(values, {2: 0.31}), past)
    assert not does_badly(AXES, Trial(values, {1: 0.01}), past)  # nobody else was validated then
    assert not does_badly(AXES, Trial(values, {}), past)
    assert not does_badly(AXES, Trial(values, {2: 0.0}), past[: STARTUP - 1])
    assert does_badly(AXES, Trial(values, {2: 0.29, 4: 0.89}), past)
    assert not does_badly(AXES, Trial(values, {2: 0.29, 4: 0.91}), past)
