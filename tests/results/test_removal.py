"""Deleting runs: what is said before, what goes, and what is never touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from segengine import launchers
from segengine.errors import UserError
from segengine.launchers import local
from segengine.results import removal
from segengine.results.disk import DiskUse, size_of, size_words
from segengine.results.removal import plan_removal, remove_leftovers, remove_run
from segengine.results.table import RunRow, read_row
from segengine.run.notes import change_notes
from segengine.run.rundir import RunDir
from segengine.run.writer_lock import only_writer
from tests.made_runs import alive, config_for, make_run


def rows_of(runs_dir: Path) -> list[RunRow]:
    return [read_row(run) for run in RunDir.all(runs_dir)]


def submitted_long_ago(run: RunDir, handle: dict[str, object]) -> None:
    """The run's log ends after its job was submitted: what its process does is no matter."""
    job = {"backend": "local", "submitted": 1.0, **handle}
    run.job_file.write_text(json.dumps(job))


def test_the_sentence_says_what_goes_and_how_many_bytes(tmp_path: Path) -> None:
    parent = make_run(tmp_path)
    size = sum(path.stat().st_size for path in parent.path.rglob("*") if path.is_file())
    child = make_run(tmp_path, strategy="pretrained", weights=f"run:{parent.id}")
    working = alive(make_run(tmp_path, epochs_done=1, end=None))
    plan = plan_removal([parent, working], rows_of(tmp_path))
    assert (plan.runs, plan.at_work, plan.size) == ((parent,), (working,), size)
    assert plan.children == (child.id,)
    assert plan.sentence == (
        f"Run {parent.id} with all its checkpoints, masks, scores and notes will be deleted for "
        f"good: {size_words(size)}. 1 other run started from it: it stays readable, but cannot be "
        f"started again from there. Run {working.id} is at work and stays: stop it first."
    )
    both = plan_removal([parent, child], rows_of(tmp_path))
    assert both.children == ()
    assert both.sentence.startswith("2 runs with all their checkpoints")


def test_a_deleted_run_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    gone, kept = make_run(tmp_path), make_run(tmp_path, weights="", seed=1)
    change_notes(gone, name="x")
    remove_run(gone)
    assert os.listdir(tmp_path) == [kept.id]
    assert rows_of(tmp_path)[0].status.state == "finished"
    with pytest.raises(UserError, match="deleted"):
        remove_run(gone)
    assert os.listdir(tmp_path) == [kept.id]


@pytest.mark.parametrize("end", [None, "run_stopped", "run_failed"])
def test_a_run_that_ended_anyhow_can_be_deleted(tmp_path: Path, end: str | None) -> None:
    run = make_run(tmp_path, epochs_done=1, end=end)
    remove_run(run)
    assert os.listdir(tmp_path) == []


def test_a_run_of_another_machine_that_ended_can_be_deleted(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    submitted_long_ago(run, {"pid": 1, "host": "elsewhere", "boot": "b", "started": 1.0})
    assert launchers.state_of(run, run.job()) == "unknown"
    remove_run(run)
    assert not run.path.exists()


def test_a_run_at_work_or_waiting_stays(tmp_path: Path) -> None:
    running = alive(make_run(tmp_path, epochs_done=1, end=None))
    waiting = RunDir.create(tmp_path, config_for())
    for run in (running, waiting):
        with pytest.raises(UserError, match="is at work: stop it"):
            remove_run(run)
        assert run.config_file.exists()


def test_a_run_whose_record_is_lost_but_which_is_trained_stays(tmp_path: Path) -> None:
    run = make_run(tmp_path, epochs_done=1, end=None)
    run.job_file.unlink()
    with only_writer(run), pytest.raises(UserError, match="is at work"):
        remove_run(run)
    assert run.config_file.exists()


def test_a_process_that_is_ending_is_waited_for(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    submitted_long_ago(run, local.handle_of(process.pid))
    assert launchers.state_of(run, run.job()) == "alive"
    timer = threading.Timer(0.3, process.communicate, [b"\n"])
    timer.start()
    remove_run(run)
    assert process.poll() is not None
    assert not run.path.exists()
    timer.join()


def test_nobody_resumes_a_run_while_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for the run's lock meanwhile finds it gone, and makes no folder for it."""
    run = make_run(tmp_path, end="run_stopped")
    refused: list[str] = []

    def resume() -> None:
        try:
            launchers.submit(run)
        except UserError as error:
            refused.append(str(error))

    waiting = threading.Thread(target=resume)
    rename = os.rename

    def slowly(old: Path, new: Path) -> None:
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        rename(old, new)

    monkeypatch.setattr(removal.os, "rename", slowly)
    remove_run(run)
    waiting.join()
    assert len(refused) == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert RunDir.all(tmp_path) == []


def test_what_an_interrupted_removal_left_is_no_run_and_is_cleaned_up(tmp_path: Path) -> None:
    run, kept = make_run(tmp_path), make_run(tmp_path, seed=1)
    half = tmp_path / f".deleted-{run.id}-0123abcd"
    run.path.rename(half)
    (tmp_path / ".deleted-notes").mkdir()  # a person's own
    assert RunDir.all(tmp_path) == [kept]
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([".deleted-notes", kept.id])
    remove_leftovers(tmp_path / "nowhere")


def test_of_a_run_folder_that_is_a_link_only_the_link_goes(tmp_path: Path) -> None:
    elsewhere = make_run(tmp_path / "elsewhere")
    link = RunDir(tmp_path / "runs" / elsewhere.id)
    link.path.parent.mkdir()
    link.path.symlink_to(elsewhere.path)
    assert size_of(link) == 0
    remove_run(link)
    assert not os.path.lexists(link.path)
    assert read_row(elsewhere).status.state == "finished"


def test_links_inside_a_run_are_not_followed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_bytes(b"1" * 1000)
    before = size_of(run)
    (run.path / "masks").symlink_to(tmp_path / "precious")
    assert size_of(run) == before
    remove_run(run)
    assert (tmp_path / "precious" / "file").exists()


def test_a_checkpoint_with_two_names_counts_once_and_what_is_new_is_counted(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    use = DiskUse()
    before = use.of(run)
    run.last_checkpoint.parent.mkdir()
    run.last_checkpoint.write_bytes(b"0" * 5_000)
    os.link(run.last_checkpoint, run.best_checkpoint)
    assert use.of(run) == before + 5_000 == size_of(run)
    folder = run.evaluation("pets").parent
    folder.mkdir(parents=True)
    assert use.of(run) == before + 5_000
    run.evaluation("pets").write_bytes(b"0" * 300)
    assert use.of(run) == before + 5_300
    assert use.together([run]) == (before + 5_300, 0)
    other = make_run(tmp_path, seed=1)
    assert use.together([run, other], seconds=0) == (before + 5_300, 1)
    assert use.together([run, other]) == (before + 5_300 + size_of(other), 0)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        *((0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1_000, "1.0 kB")),
        *((99_949, "99.9 kB"), (123_456, "123 kB"), (999_600, "1.0 MB"), (1_400_000_000, "1.4 GB")),
        (5_000_000_000_000_000, "5,000 TB"),
    ],
)
def test_bytes_in_words(size: int, words: str) -> None:
    assert size_words(size) == words
