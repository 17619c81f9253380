"""What a kill leaves behind, run folders that vanish, and disks too full for a last word."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from segengine import launchers
from segengine.config import RunConfig
from segengine.files import atomic_write
from segengine.results.status import read_status
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopper
from segengine.training.session import run_training
from tests import tiny


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    return tiny.decoded(tiny.config(tiny.write_pets(tmp_path_factory.mktemp("pets"))))


class DoesAt(Stopper):
    """Does something at the n-th chance to stop, and never stops."""

    def __init__(self, chance: int, do: Callable[[], None]) -> None:
        super().__init__()
        self.chances = chance
        self.do = do

    def check(self) -> None:
        self.chances -= 1
        if self.chances == 0:
            self.do()


def killed_while_writing(path: Path) -> Path:
    """What stays of a file whose writer is killed."""
    before = set(path.parent.iterdir()) if path.parent.is_dir() else set()
    pid = os.fork()
    if pid == 0:
        with atomic_write(path) as file:
            file.write(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    (left,) = set(path.parent.iterdir()) - before
    return left


def test_the_next_session_removes_what_a_killed_one_left(config: RunConfig, tmp_path: Path) -> None:
    run = tiny.new_run(tmp_path, config)
    mine = [killed_while_writing(run.last_checkpoint), killed_while_writing(run.best_checkpoint)]
    mine += [killed_while_writing(path / "a" / "b.png") for path in (run.masks(1), run.predictions)]
    mine.append(run.best_checkpoint.with_name(".best.pt.new"))
    mine[-1].write_bytes(b"half a link")
    old, young = (killed_while_writing(run.notes_file) for _ in range(2))
    os.utime(old, (0, time.time() - 7200))
    hidden = run.predictions / ".hidden.png"
    hidden.write_bytes(b"an image may be called so")
    assert all(path.is_file() for path in (*mine, old, young))
    tiny.go_on(run)
    assert not any(path.exists() for path in (*mine, old))
    assert young.exists() and hidden.exists()  # a page may still be writing; not ours
    assert run.last_checkpoint.is_file() and run.best_checkpoint.is_file()


@pytest.mark.parametrize("chance", [2, 5, 8, 11])
def test_a_run_folder_that_is_deleted_ends_the_run_and_does_not_come_back(
    config: RunConfig, tmp_path: Path, chance: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """In training, in a validation, in the second epoch, in the last predictions."""
    run = tiny.new_run(tmp_path, config)
    assert run_training(run, DoesAt(chance, lambda: shutil.rmtree(run.path))) == 1
    assert os.listdir(tmp_path) == []
    said = capsys.readouterr().err
    assert "Finished" not in said
    assert f"Failed: {run.events_file} was moved or deleted while the run was at work" in said


def test_a_run_folder_that_is_moved_ends_the_run_and_its_log_says_so(
    config: RunConfig, tmp_path: Path
) -> None:
    run = tiny.new_run(tmp_path / "runs", config)
    moved = tmp_path / "elsewhere" / run.id
    moved.parent.mkdir()
    assert run_training(run, DoesAt(4, lambda: os.rename(run.path, moved))) == 1
    assert not run.path.exists()
    (failed,) = tiny.events(RunDir(moved), "run_failed")
    assert "was moved or deleted" in failed["error"]
    assert not RunDir(moved).predictions.exists()


def test_a_stop_after_the_folder_was_deleted_does_not_bring_it_back(
    config: RunConfig, tmp_path: Path
) -> None:
    run = tiny.new_run(tmp_path, config)

    class Stops(tiny.StopsAt):
        def check(self) -> None:
            if self.seen == self.chance - 1:
                shutil.rmtree(run.path)
            super().check()

    assert run_training(run, Stops(2)) == 1
    assert os.listdir(tmp_path) == []


def test_a_disk_too_full_for_the_log_still_says_why(
    config: RunConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On the terminal (of a launched run: output.log) and in the job's record."""
    append = EventLog._append

    def full_after_the_first_epoch(log: EventLog, line: bytes) -> None:
        if log._seq > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(log, line)

    run = tiny.new_run(tmp_path, config)
    with monkeypatch.context() as patch, launchers.claimed(run):
        patch.setattr(EventLog, "_append", full_after_the_first_epoch)
        assert run_training(run, Stopper()) == 1
    sentence = f"The disk is full: {run.events_file} could not be saved."
    assert f"Failed: {sentence}" in capsys.readouterr().err
    run.job_file.write_text(json.dumps({**run.job(), "started": 1.0}))  # the process is gone
    status = read_status(run)
    assert status.state == "failed"
    assert status.message.startswith(sentence)
    with launchers.claimed(run):
        assert "error" not in run.job()
        assert run_training(run, Stopper()) == 0
    assert read_status(run).state == "finished"


def test_a_disk_without_room_for_another_file_takes_the_reason_in_the_old_one(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny.new_run(tmp_path, config)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, launchers.claimed(run):
        patch.setattr(EventLog, "_append", full)
        patch.setattr("segengine.files.secrets.token_hex", full)
        assert run_training(run, Stopper()) == 1
    job = run.job()
    assert job is not None and job["error"].startswith("The disk is full: ")
