"""The best settings of a sweep again, with seeds that did not choose them.

Who is best of many is lucky, too: its score on the seeds that made it the winner is too high. With
other seeds it is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from segengine.errors import UserError
from segengine.results.table import RunRow
from segengine.studies.outcomes import Setting, outcomes, settings
from segengine.studies.plan import combined, with_combinations
from segengine.studies.record import SweepRecord
from segengine.studies.space import SEED, combination_text, refuse_too_many
from segengine.studies.sweepdir import SweepDir


def plan_best_of(
    sweep: SweepDir, rows: Sequence[RunRow], *, top: int = 3, seeds: int = 5
) -> SweepRecord:
    """The sweep that runs the `top` settings with `seeds` seeds each that no run of it had.

    Settings are ranked by the mean best mIoU of their finished runs. The seeds that chose are also
    those of the sweep from which that sweep was chosen, and so on.

    Raises:
        UserError: nothing of the sweep is finished, or the numbers are not at least 1.
    """
    if top < 1 or seeds < 1:
        raise UserError(f"--top and --seeds must be at least 1, but {min(top, seeds)} was given.")
    record = sweep.record()
    base = record.base_config()
    best = settings(outcomes(record, rows), base.train.seed)[:top]
    if not best:
        raise UserError(
            f"No run of sweep {sweep.id} is finished: there is no best one yet.", field="sweep"
        )
    refuse_too_many(len(best) * seeds)
    used = seeds_of(sweep)
    fresh = list(itertools.islice((seed for seed in itertools.count() if seed not in used), seeds))
    few = [f"There are no more than {len(best)} settings."] if len(best) < top else []
    planned = SweepRecord(
        base=record.base,
        method="best_of",
        chosen_from=sweep.id,
        notes=(*map(_rank_text, range(1, top + 1), best), *few, _seeds_text(used, fresh)),
    )
    again = [{**setting.values, SEED: seed} for setting in best for seed in fresh]
    return with_combinations(planned, base, again)


def seeds_of(sweep: SweepDir) -> set[int]:
    """The seeds of a sweep's begun runs, and of those of the sweeps it was chosen from."""
    record = sweep.record()
    base = record.base_config()
    begun = [planned for planned in record.runs if planned.run]
    used = {combined(base, planned.values)[0].train.seed for planned in begun}
    if record.chosen_from:
        try:
            used |= seeds_of(SweepDir.open(sweep.runs_dir, record.chosen_from))
        except UserError:  # deleted; its seeds cannot be told any more
            return used
    return used


def _rank_text(rank: int, setting: Setting) -> str:
    runs = "1 run" if len(setting.mious) == 1 else f"{len(setting.mious)} runs"
    return f"{rank}. {combination_text(setting.values)}: mIoU {setting.mean:.3f} over {runs}."


def _seeds_text(used: set[int], fresh: Sequence[int]) -> str:
    runs, have = ("runs", "have") if len(fresh) > 1 else ("run of each", "has")
    return (
        f"Seeds that had a part in the choice ({_listed(sorted(used))}) are not used again. The "
        f"new {runs} {have} {_listed(fresh)}: judge by these alone."
    )


def _listed(seeds: Sequence[int]) -> str:
    if len(seeds) > 3 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))
