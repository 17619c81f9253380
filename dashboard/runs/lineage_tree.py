"""Which runs a run's first weights came from, and which runs started from it, as a small tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.shared.formats import format_miou
from dashboard.shared.run_names import dataset_name, row_label, short_name
from segengine.results.removal import parent_of
from segengine.results.table import RunRow

MOST = 40  # lines of a tree


@dataclass(frozen=True)
class Branch:
    """A run in the tree.

    Attributes:
        depth: 0 for the first of all.
        exists: whether its folder is there: an ancestor may have been deleted.
        here: whether it is the run that the tree was asked for.
        facts: "Sample pets (synthetic sample), pretrained, mIoU 0.512".
    """

    run_id: str
    depth: int
    label: str
    exists: bool
    here: bool
    facts: str = ""


def lineage_tree(rows: Sequence[RunRow], run_id: str) -> list[Branch]:
    """The tree around a run: its ancestors in a line, then all that started from it, depth first.

    Empty where it started from no run and none from it. At most MOST lines.
    """
    known = {row.run.id: row for row in rows}
    children: dict[str, list[str]] = {}
    for row in reversed(rows):  # oldest first
        if parent := parent_of(row):
            children.setdefault(parent, []).append(row.run.id)
    line = _ancestors(known, run_id)
    found = [_branch(known, one, depth, run_id) for depth, one in enumerate(line)]
    left = [(child, len(line)) for child in reversed(children.get(run_id, []))]
    seen = {*line}
    while left and len(found) < MOST:
        one, depth = left.pop()
        if one in seen:
            continue
        seen.add(one)
        found.append(_branch(known, one, depth, run_id))
        left += [(child, depth + 1) for child in reversed(children.get(one, []))]
    return found if len(found) > 1 else []


def _ancestors(known: dict[str, RunRow], run_id: str) -> list[str]:
    """The run and those before it, the first of all first."""
    line = [run_id]
    while (row := known.get(line[0])) and (parent := parent_of(row)) and parent not in line:
        line.insert(0, parent)
    return line


def _branch(known: dict[str, RunRow], run_id: str, depth: int, here: str) -> Branch:
    row = known.get(run_id)
    if row is None:
        return Branch(run_id, depth, short_name(run_id), False, run_id == here, "deleted")
    facts = [dataset_name(row.config.data), row.config.model.strategy] if row.config else []
    if row.status.best_miou is not None:
        facts.append(f"mIoU {format_miou(row.status.best_miou)}")
    return Branch(run_id, depth, row_label(row), True, run_id == here, ", ".join(facts))
