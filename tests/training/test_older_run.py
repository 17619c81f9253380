"""A run of an older version opens, resumes and evaluates as it did then.

`run_of_0_1` was trained by the version before the engine moved into folders: a tiny U-Net on
the pictures of `tiny.write_pets`, stopped after its second of three epochs. The numbers below are
what that version found when it went on.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch

from dashboard.runs.rows import run_line
from dashboard.shared.run_store import look_at_runs
from segengine.cli.main import main
from segengine.config import RunConfig
from segengine.files import sha256_of
from segengine.results.masks.sets import mask_set
from segengine.results.runlog import open_log
from segengine.results.series import series_of
from segengine.results.status import read_status
from segengine.run.rundir import RunDir
from tests import tiny

KEPT = Path(__file__).parent / "run_of_0_1"
MIOU_2, MIOU_3, LOSS_3 = 0.381697, 0.468941, 0.924590


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A copy of the run, whose data lies where this test wrote it."""
    root = tiny.write_pets(tmp_path / "data")
    (kept,) = RunDir.all(KEPT)
    run = RunDir(shutil.copytree(kept.path, tmp_path / "runs" / kept.id))
    config = run.config().with_values(root=str(root))
    run.config_file.write_text(config.to_json())
    for path in (run.last_checkpoint, run.best_checkpoint):
        state = torch.load(path, weights_only=True)
        old = sha256_of(path)
        torch.save({**state, "fingerprint": config.fingerprint()}, path)
        log = run.events_file.read_text()  # holds the sha256 of each checkpoint
        run.events_file.write_text(log.replace(old, sha256_of(path)))
    return run


def test_its_checkpoint_still_belongs_to_its_config() -> None:
    (kept,) = RunDir.all(KEPT)
    state = torch.load(kept.last_checkpoint, weights_only=True)
    assert kept.config().fingerprint() == state["fingerprint"]
    assert RunConfig.parse(state["config"]) == kept.config()


def test_it_is_shown_on_every_page_and_by_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept,) = RunDir.all(KEPT)
    log = open_log(kept.events_file)
    status = read_status(kept, log)
    assert (status.state, status.epoch, status.epochs) == ("stopped", 2, 3)
    assert status.best_miou == pytest.approx(MIOU_2, abs=1e-6)
    assert series_of(log).epochs["epoch"] == [1.0, 2.0]
    masks = mask_set(kept, log)
    assert masks is not None and masks.names() == {"test_0", "test_1", "test_2"}
    assert masks.mask("test_0").shape == (32, 32)
    monkeypatch.setenv("SEGLAB_RUNS", str(KEPT))
    (line,) = map(run_line, look_at_runs(math.inf).rows)
    assert (line["state"], line["best"]) == ("stopped", "0.382")
    assert main(["show", kept.id, "--runs-dir", str(KEPT)]) == 0
    assert "mIoU 0.3817" in capsys.readouterr().out


def test_it_resumes_to_the_end_it_came_to_then(run: RunDir) -> None:
    tiny.go_on(run)
    third = tiny.epochs(run)[-1]
    assert third["epoch"] == 3
    assert third["val"]["loss"] == pytest.approx(LOSS_3, rel=1e-4)
    assert third["val"]["miou"] == pytest.approx(MIOU_3, abs=2e-3)
    assert read_status(run).state == "finished"
    assert len(list(run.predictions.glob("*.png"))) == 3


def test_it_is_evaluated_as_it_was_validated(
    run: RunDir, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", run.id, "--runs-dir", str(run.path.parent)]) == 0
    result = json.loads(run.evaluation("oxford_pets").read_text())
    assert (result["epoch"], result["images"]) == (2, 3)
    assert result["miou"] == pytest.approx(MIOU_2, abs=2e-3)
    assert "boundary IoU" in capsys.readouterr().out
