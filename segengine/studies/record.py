"""What `sweep.json` holds: what was asked, the combinations, and the run of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from segengine.config import STORED, RunConfig
from segengine.studies.space import SEED, Axis, Value, combination_text

Method = Literal["grid", "random", "optuna", "best_of"]
# How the coordinator saw a run end: in a state of the run, or before it had one.
#   pruned: stopped because it did badly. refused: it could not be started. deleted: its folder.
Ended = Literal[
    "finished",
    "stopped",
    "failed",
    "crashed",
    "unreadable",
    "pruned",
    "refused",
    "deleted",
]


class PlannedRun(BaseModel):
    """A combination, and what became of it."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    values: dict[str, Value]  # varied field -> value
    run: str = ""  # id of its run; written before the run folder is made
    started: bool = False  # the run folder was made: where it is missing now, it was deleted
    retry: bool = False  # it failed, and a person wants it resumed
    pruned: bool = False  # it did badly and shall stop
    ended: Ended | None = None  # None: not yet, or not by itself, so that it goes on with the sweep
    problem: str = ""  # why it ended, where that was not as planned

    @property
    def text(self) -> str:
        """ "lr 0.001, seed 2"."""
        return combination_text(self.values)

    @property
    def setting(self) -> str:
        """The combination without its seed: runs of one setting are repeats of each other."""
        return combination_text({k: v for k, v in self.values.items() if k != SEED})


class SweepRecord(BaseModel):
    """A sweep, whole."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    version: Literal[1] = 1
    method: Method = "grid"
    base: dict[str, Any]  # the RunConfig that the combinations change, as JSON
    axes: tuple[Axis, ...] = ()
    draws: int = Field(0, ge=0)  # of random and optuna
    draw_seed: int = Field(0, ge=0)
    prune: bool = False  # optuna: stop runs that do badly
    chosen_from: str = ""  # best_of: id of the sweep whose best settings these are
    notes: tuple[str, ...] = ()  # what is worth a word, such as combinations that collapsed
    runs: tuple[PlannedRun, ...] = ()

    @property
    def total(self) -> int:
        """Runs in all; optuna finds its combinations while it goes."""
        return self.draws if self.method == "optuna" else len(self.runs)

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return len(self.runs) >= self.total and all(planned.ended for planned in self.runs)

    @property
    def varied(self) -> tuple[str, ...]:
        """The fields that differ, in the order in which they were given."""
        return tuple(dict.fromkeys(name for planned in self.runs for name in planned.values)) or (
            tuple(axis.field for axis in self.axes)
        )

    def base_config(self) -> RunConfig:
        """The config that the combinations change.

        Raises:
            InvalidConfig: this version cannot read it.
        """
        return RunConfig.parse(self.base, STORED)

    def with_run(self, index: int, **changes: Any) -> SweepRecord:
        """The same sweep with other facts of one planned run."""
        changed = self.runs[index].model_copy(update=changes)
        return self.model_copy(
            update={"runs": (*self.runs[:index], changed, *self.runs[index + 1 :])}
        )

    def unended(self) -> Iterator[int]:
        """The indices of the runs that are planned or at work."""
        return (index for index, planned in enumerate(self.runs) if not planned.ended)
