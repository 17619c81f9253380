"""The small tree of what a run started from and what started from it."""

from __future__ import annotations

from pathlib import Path

from dashboard.runs.lineage_tree import lineage_tree
from segengine.results.table import RunRow, read_row
from segengine.run.notes import change_notes
from segengine.run.rundir import RunDir
from tests.made_runs import make_run


def rows_of(runs_dir: Path) -> list[RunRow]:
    return [read_row(run) for run in RunDir.all(runs_dir)]


def started_from(runs_dir: Path, run: RunDir, seed: int = 0) -> RunDir:
    return make_run(runs_dir, strategy="pretrained", weights=f"run:{run.id}", seed=seed)


def test_a_tree_has_the_ancestors_in_a_line_and_then_all_that_followed(tmp_path: Path) -> None:
    first = make_run(tmp_path)
    second = started_from(tmp_path, first)
    started_from(tmp_path, first, seed=9)  # a sibling: not in the line
    third = started_from(tmp_path, second, seed=1)
    change_notes(second, name="The middle")
    tree = lineage_tree(rows_of(tmp_path), second.id)
    assert [(branch.run_id, branch.depth, branch.here) for branch in tree] == [
        (first.id, 0, False),
        (second.id, 1, True),
        (third.id, 2, False),
    ]
    assert tree[1].label == "The middle"
    assert tree[1].facts.startswith("Oxford-IIIT Pet, pretrained, mIoU 0.")


def test_a_deleted_ancestor_is_said(tmp_path: Path) -> None:
    first = make_run(tmp_path)
    second = started_from(tmp_path, first)
    rows = [row for row in rows_of(tmp_path) if row.run == second]
    tree = lineage_tree(rows, second.id)
    assert (tree[0].exists, tree[0].facts) == (False, "deleted")


def test_a_run_without_relatives_has_no_tree_and_a_circle_ends(tmp_path: Path) -> None:
    alone = make_run(tmp_path)
    assert lineage_tree(rows_of(tmp_path), alone.id) == []
    other = started_from(tmp_path, alone)
    text = alone.config_file.read_text().replace('"scratch"', '"pretrained"')
    alone.config_file.write_text(text.replace('"weights": ""', f'"weights": "run:{other.id}"'))
    tree = lineage_tree(rows_of(tmp_path), alone.id)
    assert sorted(branch.run_id for branch in tree) == sorted([alone.id, other.id])
