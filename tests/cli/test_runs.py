"""`list`, `show`, `stop` and `resume` as typed: what they print, and their exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from segengine.cli import runs as runs_commands
from segengine.config import RunConfig
from segengine.launchers import local
from segengine.results.status import read_status
from segengine.run.rundir import RunDir
from tests.cli.conftest import PROJECT, says_one_sentence
from tests.made_runs import make_run

# --- Reading runs --------------------------------------------------------------------------------


def test_a_list_of_nothing_says_what_to_do(call: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = call("list")
    assert code == 0
    assert "No runs" in out and "train" in out


def test_the_list_has_a_line_for_each_run(
    call: Callable[..., tuple[int, str, str]], runs_dir: Path
) -> None:
    done = make_run(runs_dir, epochs_done=6)
    failed = make_run(runs_dir, epochs_done=2, end="run_failed", arch="fcn_resnet50")
    dead = make_run(runs_dir, epochs_done=0, end=None, image_size="64x96")
    code, out, err = call("list")
    head, *lines = out.splitlines()
    assert (code, err, head.split()[0]) == (0, "", "RUN")
    cells = {cell[0]: cell[1:] for cell in (re.split(r"  +", line) for line in lines)}
    best = max(read_status(done).best_miou, 0)
    assert cells[done.id][:4] == ["finished", "6/6", f"{best:.3f} (epoch 6)", "own split"]
    assert cells[failed.id][:2] == ["failed", "2/6"]
    assert cells[dead.id] == ["crashed", "0/6", "-", "own split", "-", "oxford_pets", "64x96"]


def test_a_damaged_run_does_not_hide_the_others(
    call: Callable[..., tuple[int, str, str]], runs_dir: Path
) -> None:
    good, bad = make_run(runs_dir), make_run(runs_dir)
    bad.config_file.write_text("{")
    code, out, _ = call("list")
    assert code == 0
    assert good.id in out and bad.id in out
    assert f"{bad.config_file.name} cannot be read" in out
    code, out, _ = call("show", bad.id)
    assert code == 0
    assert "finished" in out and f"{bad.config_file} cannot be read" in out


def test_a_list_that_nobody_reads_ends_quietly(runs_dir: Path) -> None:
    """As in `list | head -0`."""
    make_run(runs_dir)
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "segengine", "list", "--runs-dir", str(runs_dir)]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        command, cwd=PROJECT, env=env, stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_show_says_all_about_a_run(
    call: Callable[..., tuple[int, str, str]], runs_dir: Path
) -> None:
    run = make_run(runs_dir, epochs_done=2, end="run_failed", lr=0.25)
    code, out, _ = call("show", run.id)
    assert code == 0
    best = read_status(run)
    for words in (
        f"Run {run.id}: failed",
        str(run.path),
        f"Epochs: 2/6, best mIoU {best.best_miou:.3f} (epoch {best.best_epoch})",
        "--lr 0.25",
        "Parameters: 3,714,915",
        "Images: 40 training, 40 validation",
        "border",
        "Loss became NaN at step 17.",
    ):
        assert words in out, words


# --- Stopping and resuming -----------------------------------------------------------------------


def test_stopping_what_does_not_run_is_said(
    call: Callable[..., tuple[int, str, str]], runs_dir: Path
) -> None:
    run = make_run(runs_dir)
    code, _, err = call("stop", run.id)
    assert code == 2
    says_one_sentence(err, run.id, "not running", "nothing to stop")
    assert not run.request_file.exists()


def test_a_stop_that_is_not_obeyed_is_1_and_says_what_to_do(
    call: Callable[..., tuple[int, str, str]], runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDir.create(runs_dir, RunConfig())
    stubborn = subprocess.Popen(
        ["sh", "-c", "trap '' TERM; echo; sleep 60"], stdout=subprocess.PIPE
    )
    assert stubborn.stdout and stubborn.stdout.readline() == b"\n"
    run.write_job("local", local.handle_of(stubborn.pid))
    monkeypatch.setattr(runs_commands, "STOP_SECONDS", 0.2)
    code, out, err = call("stop", run.id)
    assert (code, out) == (1, f"{run.id}: starting\n")
    assert "once more kills it" in err
    stubborn.kill()
    stubborn.wait()


def test_a_finished_run_has_nothing_to_resume(
    call: Callable[..., tuple[int, str, str]], runs_dir: Path
) -> None:
    run = make_run(runs_dir)
    before = run.events_file.read_bytes()
    code, _, err = call("resume", run.id)
    assert code == 2
    says_one_sentence(err, run.id, "finished", "nothing to resume")
    assert run.events_file.read_bytes() == before
