"""All runs of a folder as rows: what has ended is read once, and nothing that changes is missed."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from segengine import launchers
from segengine.datasets.cache import cache_dir
from segengine.results import index
from segengine.results.index import RunIndex
from segengine.results.runlog import RunLog
from segengine.results.status import read_status
from segengine.results.table import read_row
from segengine.run.event_log import EventLog
from segengine.run.notes import change_notes
from segengine.run.rundir import RunDir
from tests import made_events
from tests.made_runs import alive, gone, make_run, write_epoch


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGLAB_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SETTLED", -1.0)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the runs whose log was read, in order."""
    read: list[str] = []
    refresh = RunLog.refresh

    def counted(log: RunLog) -> object:
        read.append(log.path.parent.name)
        return refresh(log)

    monkeypatch.setattr(RunLog, "refresh", counted)
    return read


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def states(rows: RunIndex, runs_dir: Path) -> dict[str, str]:
    return {row.run.id: row.status.state for row in rows.rows(runs_dir)}


def test_rows_are_those_of_every_run_newest_first(runs_dir: Path) -> None:
    for end in ("run_finished", "run_stopped", "run_failed", None):
        make_run(runs_dir, end=end)
    alive(make_run(runs_dir, epochs_done=1, end=None))
    (runs_dir / "20270101-000000-unet-scratch-0000").mkdir()  # no run: it has no config
    rows = RunIndex().rows(runs_dir)
    assert rows == [read_row(run) for run in RunDir.all(runs_dir)]
    assert RunIndex().rows(runs_dir / "nowhere") == []


def test_an_ended_run_is_read_once_and_one_at_work_at_every_look(
    runs_dir: Path, reads: list[str]
) -> None:
    ended = [
        make_run(runs_dir),
        make_run(runs_dir, end="run_stopped"),
        make_run(runs_dir, end=None),
    ]
    working = alive(make_run(runs_dir, epochs_done=1, end=None))
    rows = RunIndex()
    rows.rows(runs_dir)
    reads.clear()
    for epoch in (2, 3):
        with EventLog(working.events_file) as log:
            write_epoch(log, epoch)
        (row,) = [row for row in rows.rows(runs_dir) if row.status.active]
        assert (row.run, row.status.epoch) == (working, epoch)
    assert set(reads) == {working.id}
    assert {row.run for row in rows.rows(runs_dir)} == {*ended, working}


def test_a_folder_that_changed_a_moment_ago_is_looked_at_again(
    runs_dir: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next change could bear the same time."""
    monkeypatch.setattr(index, "SETTLED", 3600.0)
    make_run(runs_dir)
    rows = RunIndex()
    for _ in range(3):
        rows.rows(runs_dir)
    assert len(reads) == 3


def test_an_ended_run_that_is_taken_up_again_is_noticed(runs_dir: Path) -> None:
    run = make_run(runs_dir, epochs_done=3, end="run_stopped")
    rows = RunIndex()
    assert states(rows, runs_dir) == {run.id: "stopped"}
    with launchers.claimed(run):
        assert states(rows, runs_dir) == {run.id: "starting"}
        with EventLog(run.events_file) as log:
            log.write(made_events.started(epoch=4, step=15, epochs=6, steps_per_epoch=5))
        assert states(rows, runs_dir) == {run.id: "running"}
        with EventLog(run.events_file) as log:
            log.write(made_events.stopped())
        assert states(rows, runs_dir) == {run.id: "stopped"}


def test_runs_come_and_go(runs_dir: Path) -> None:
    first, second = make_run(runs_dir), make_run(runs_dir)
    rows = RunIndex()
    assert states(rows, runs_dir).keys() == {first.id, second.id}
    shutil.rmtree(first.path)
    third = make_run(runs_dir)
    assert states(rows, runs_dir).keys() == {second.id, third.id}


def test_a_damaged_run_that_is_mended_is_read_again(runs_dir: Path) -> None:
    run = make_run(runs_dir)
    whole = run.events_file.read_bytes()
    run.events_file.unlink()
    run.events_file.mkdir()
    rows = RunIndex()
    assert states(rows, runs_dir) == {run.id: "unreadable"}
    run.events_file.rmdir()
    run.events_file.write_bytes(whole)
    assert states(rows, runs_dir) == {run.id: "finished"}


def test_the_next_process_reads_no_ended_run_again(runs_dir: Path, reads: list[str]) -> None:
    for end in ("run_finished", "run_failed"):
        make_run(runs_dir, end=end, image_size="64x96")
    first = RunIndex().rows(runs_dir)
    reads.clear()
    assert RunIndex().rows(runs_dir) == first
    assert reads == []


def test_what_changed_between_two_processes_is_read_again(runs_dir: Path) -> None:
    """Also where a file was edited in place, which leaves its folder as it was."""
    run = make_run(runs_dir)
    assert states(RunIndex(), runs_dir) == {run.id: "finished"}
    lines = run.events_file.read_bytes().splitlines(keepends=True)
    with open(run.events_file, "r+b") as file:
        file.truncate(sum(map(len, lines[:-1])))
    assert states(RunIndex(), runs_dir) == {run.id: "crashed"}
    config = json.loads(run.config_file.read_text())
    config["data"]["image_size"] = "96"
    run.config_file.write_text(json.dumps(config))
    (row,) = RunIndex().rows(runs_dir)
    assert row.config is not None and row.config.data.image_size == "96"


@pytest.mark.parametrize("damage", ["garbage", "a folder", "another table"])
def test_a_damaged_cache_only_costs_time(runs_dir: Path, damage: str) -> None:
    run = make_run(runs_dir)
    RunIndex().rows(runs_dir)
    file = cache_dir() / "runs.sqlite"
    assert file.is_file()
    if damage == "garbage":
        file.write_bytes(b"garbage" * 1000)
    elif damage == "a folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(b"")
    assert states(RunIndex(), runs_dir) == {run.id: "finished"}


def test_a_run_that_ends_while_one_looks_has_not_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log was read, it logged its end and its process went, and only then that was sought."""
    run = gone(make_run(tmp_path, end=None))
    state_of = launchers.state_of

    def ends_now(*given: object) -> str:
        with EventLog(run.events_file) as log:
            log.write(made_events.finished())
        return state_of(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(launchers, "state_of", ends_now)
    assert read_status(run, now=time.time()).state == "finished"
    assert os.path.exists(run.events_file)


def test_a_look_that_is_cut_short_goes_on_where_it_left_off(
    runs_dir: Path, reads: list[str]
) -> None:
    runs = sorted((make_run(runs_dir, seed=seed) for seed in range(5)), key=lambda run: run.id)
    working = alive(make_run(runs_dir, epochs_done=1, end=None))
    rows = RunIndex()
    look = rows.look(runs_dir, seconds=0)
    assert (len(look.rows), look.unread) == (0, 6)
    while look.unread:
        look = rows.look(runs_dir, seconds=0.01)
    assert len(look.rows) == 6
    with EventLog(working.events_file) as log:
        write_epoch(log, 2)
    (row,) = [row for row in rows.look(runs_dir, seconds=0).rows if row.status.active]
    assert row.status.epoch == 2  # runs at work are read at every look
    assert reads.count(runs[0].id) == 1


def test_a_version_tells_whether_anything_is_another(runs_dir: Path) -> None:
    run, other = make_run(runs_dir), make_run(runs_dir, end="run_stopped")
    rows = RunIndex()
    first = rows.look(runs_dir)
    assert rows.look(runs_dir) is first
    change_notes(run, name="new")
    named = rows.look(runs_dir)
    assert named.version != first.version
    assert [row.notes for row in named.rows if row.run == run] == [{"name": "new"}]
    shutil.rmtree(other.path)
    assert rows.look(runs_dir).version != named.version


def test_a_quiet_look_opens_no_file_and_lists_no_run(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(4):
        make_run(runs_dir, seed=seed)
    rows = RunIndex()
    monkeypatch.setattr(index, "SETTLED", -10.0)
    rows.look(runs_dir)
    asked: list[str] = []

    def refuse(path: object, *_: object, **__: object) -> object:
        asked.append(str(path))
        raise AssertionError(path)

    for module, name in ((os, "open"), (os, "scandir"), (os, "lstat")):
        monkeypatch.setattr(module, name, refuse)
    assert len(rows.look(runs_dir).rows) == 4
    assert asked == []


def test_notes_are_kept_for_the_next_process_and_read_anew_when_edited_by_hand(
    runs_dir: Path, reads: list[str]
) -> None:
    run = make_run(runs_dir, weights="", epochs_done=6)
    change_notes(run, tags=["a"])
    first = RunIndex().rows(runs_dir)
    reads.clear()
    (kept,) = RunIndex().rows(runs_dir)
    assert reads == []
    assert (kept.notes, kept.facts, kept.settings) == (
        {"tags": ["a"]},
        first[0].facts,
        first[0].settings,
    )
    assert kept.facts.val_images == 40
    run.notes_file.write_text('{"tags": ["b"]}')  # in place: the folder stays as it was
    assert RunIndex().rows(runs_dir)[0].notes == {"tags": ["b"]}


def test_damaged_notes_are_said_and_hide_nothing_else(runs_dir: Path) -> None:
    run = make_run(runs_dir)
    run.notes_file.write_text("{")
    (row,) = RunIndex().rows(runs_dir)
    assert "notes.json cannot be read" in row.problem
    assert (row.notes, row.status.state) == ({}, "finished")
