"""The models of the Masks page, as its addresses name them: `<run>` or `<run>@<best or epoch>`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.shared.run_store import log_of, runs_dir
from dashboard.shared.selection import MASKS_LIMIT
from segengine.config import DataConfig
from segengine.datasets.base import ClassInfo
from segengine.errors import UserError
from segengine.results.masks.sets import (
    MaskSet,
    classes_of,
    ignore_index_of,
    mask_sets,
)
from segengine.results.table import read_config
from segengine.run.rundir import RunDir


@dataclass(frozen=True)
class Models:
    """The sets of masks that stand side by side, and what their runs agree about.

    Attributes:
        sets: one per model, in order.
        configs: the data sections of the runs whose config this version can read.
    """

    sets: tuple[MaskSet, ...]
    configs: tuple[DataConfig, ...]
    classes: tuple[ClassInfo, ...]
    ignore_index: int


def models_of(text: str) -> Models:
    """The models that an address names, as "id,id@12".

    Raises:
        UserError: there is no such run, it has no such masks, or these are too many.
    """
    words = [word for word in text.split(",") if word]
    if not 0 < len(words) <= MASKS_LIMIT:
        raise UserError(f"Ask for 1 to {MASKS_LIMIT} models, as in ?models=id,id@12.")
    return together([_set_of(word) for word in words])


def together(sets: Sequence[MaskSet]) -> Models:
    """Sets of masks side by side; the first run's log says what the classes are."""
    log = log_of(sets[0].run)
    configs = [read_config(masks.run) for masks in sets]
    data = tuple(config.data for config in configs if config)
    return Models(tuple(sets), data, classes_of(log), ignore_index_of(log))


def _set_of(word: str) -> MaskSet:
    run_id, _, key = word.partition("@")
    run = RunDir.open(runs_dir(), run_id)
    sets = mask_sets(run, log_of(run))
    for masks in sets:
        if key in ("", masks.key):
            return masks
    if not sets:
        raise UserError(f"No masks yet of {run_id}: the first validation writes them.", field="run")
    known = ", ".join(masks.key for masks in sets)
    raise UserError(f"{run_id} has no masks of '{key[:20]}': it has {known}.", field="run")
