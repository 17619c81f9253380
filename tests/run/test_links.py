"""Links inside a run folder are not followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from segengine import launchers
from segengine.errors import UserError
from segengine.run.rundir import RunDir
from tests.made_runs import make_run


def claim(run: RunDir) -> None:
    with launchers.claimed(run):
        pass


@pytest.mark.parametrize(
    "name", ["events.jsonl", "output.log", ".claim.lock", "checkpoints", "masks/epoch-0001"]
)
def test_a_run_with_a_link_inside_is_not_resumed_and_the_target_stays(
    tmp_path: Path, name: str
) -> None:
    run = make_run(tmp_path / "runs", epochs_done=1, end="run_stopped")
    target = tmp_path / "precious"
    target.write_text("mine")
    link = run.path / name
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    for start in (launchers.submit, claim):
        with pytest.raises(UserError, match="is a link to") as caught:
            start(run)
        assert str(target) in str(caught.value)
        assert caught.value.field == "run"
    assert target.read_text() == "mine"


def test_a_run_folder_that_is_itself_a_link_is_a_persons_choice(tmp_path: Path) -> None:
    run = make_run(tmp_path / "large disk", epochs_done=1, end="run_stopped")
    (tmp_path / "runs").mkdir()
    linked = type(run)(tmp_path / "runs" / run.id)
    linked.path.symlink_to(run.path)
    with launchers.claimed(linked):
        assert launchers.state_of(linked, linked.job()) == "alive"
