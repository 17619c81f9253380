"""What is compared, by the choices of the page."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

from dashboard.shared.run_store import log_of, row_of
from dashboard.shared.selection import ChosenRun
from segengine.launchers.evaluations import BackgroundEvaluation, Target, evaluations_of
from segengine.results.comparison.compare import Comparison, compare, entrants_of
from segengine.results.image_matrices import Size, Split, Weights
from segengine.run.rundir import RunDir

SPLITS = {"val": "Validation images", "test": "Test images"}
SIZES = {"training": "The size that the models see", "native": "The masks' own sizes"}
WEIGHTS = {"best": "Best epoch", "last": "Last epoch"}
_MOST_KEPT = 8  # comparisons

_kept: OrderedDict[object, Comparison] = OrderedDict()


def comparison_of(chosen: Sequence[ChosenRun], split: str, size: str, weights: str) -> Comparison:
    """The comparison, kept as long as nothing of it has changed on disk.

    Raises:
        UserError: the runs cannot be compared.
    """
    logs = [log_of(choice.run) for choice in chosen]
    changed = [
        (choice.run.path, choice.label, log.offset, _changed(choice))
        for choice, log in zip(chosen, logs, strict=True)
    ]
    key = (tuple(changed), split, size, weights)
    if key not in _kept:
        rows = [row_of(choice.run) for choice in chosen]
        entrants = entrants_of(rows, logs, [choice.label for choice in chosen])
        _kept[key] = compare(
            entrants, cast("Split", split), cast("Size", size), cast("Weights", weights)
        )
        if len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return _kept[key]


def group_colors(comparison: Comparison, chosen: Sequence[ChosenRun]) -> dict[str, str]:
    """Name -> color: that of the run, and of a group that of its first run."""
    colors = {
        entrant.name: choice.color
        for entrant, choice in zip(comparison.entrants, chosen, strict=True)
    }
    for group in comparison.groups:
        first = comparison.entrants[min(group.members)]
        colors.setdefault(group.name, colors[first.name])
    return colors


def state_of(run: RunDir, target: Target) -> BackgroundEvaluation | None:
    """The evaluation of that target, if one was started in the background."""
    return next((one for one in evaluations_of(run) if one.key == target.key), None)


def title_of(name: str) -> str:
    """A name for a heading."""
    return name if len(name) <= 48 else f"{name[:46]}…"


def _changed(choice: ChosenRun) -> tuple[int, ...]:
    """What is another whenever scores were added to the run's folder."""
    folder = choice.run.evaluation("any").parent.parent
    stamps = []
    for path in (choice.run.predictions, folder, *(folder.iterdir() if folder.is_dir() else ())):
        try:
            stamps.append(path.stat().st_mtime_ns)
        except OSError:
            stamps.append(0)
    return tuple(stamps)
