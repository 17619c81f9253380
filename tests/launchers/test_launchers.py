"""Processes of runs: a stand-in takes the trainer's place, since only the process counts."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from segengine import launchers
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.launchers import local
from segengine.results.status import read_status
from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from segengine.run.stopping import KILL_AFTER
from tests import made_events
from tests.launchers.waiting import STATES_AT_WORK, until

PROJECT = Path(__file__).resolve().parents[2]
HOSTILE = ["läufe", "my runs", "it's", 'a "quoted" one', "$HOME; true #", "--runs-dir", "a\nb"]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Gives the shell script that runs instead of Python from now on."""

    def use(script: str) -> None:
        path = tmp_path / "stand-in"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return use


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir.create(tmp_path / "runs", RunConfig())


def test_a_run_gets_a_session_of_its_own_and_no_keyboard(
    run: RunDir, stand_in: Callable[[str], None]
) -> None:
    stand_in("cat; echo its input is empty; exec sleep 60")
    launchers.submit(run)
    pid = run.job()["pid"]
    assert os.getsid(pid) == pid != os.getsid(0)
    until(lambda: "its input is empty" in run.output_file.read_text())
    assert launchers.state(run.job()) == "alive"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_runs_folder_may_have_any_name(
    tmp_path: Path, stand_in: Callable[[str], None], name: str
) -> None:
    stand_in("""printf '%s|' "$@" """)
    run = RunDir.create(tmp_path / name, RunConfig())
    launchers.submit(run)
    said = f"-m|segengine|resume|{run.id}|--runs-dir|{tmp_path / name}|"
    until(lambda: run.output_file.read_text() == said)


def test_a_process_that_ends_is_reaped(run: RunDir, stand_in: Callable[[str], None]) -> None:
    stand_in("exit 3")
    launchers.submit(run)
    until(lambda: not psutil.pid_exists(run.job()["pid"]))
    assert launchers.state(run.job()) == "gone"
    assert read_status(run).state == "crashed"


def test_a_running_run_is_not_started_again(run: RunDir, stand_in: Callable[[str], None]) -> None:
    stand_in("exec sleep 60")
    launchers.submit(run)
    job = run.job()
    with pytest.raises(UserError, match=f"{run.id} is already running"):
        launchers.submit(run)
    with pytest.raises(UserError, match="already running"), launchers.claimed(run):
        pass
    assert run.job() == job


def test_when_a_run_is_started_twice_at_once_one_start_is_refused(
    run: RunDir, stand_in: Callable[[str], None], tmp_path: Path
) -> None:
    """Two dashboards on one runs folder: one process, and the job names that one."""
    stand_in(f"echo $$ >> '{tmp_path}/pids'; exec sleep 60")

    def submit(_: int) -> str:
        try:
            launchers.submit(run)
        except UserError as error:
            return str(error)
        return "started"

    with ThreadPoolExecutor(6) as pool:
        said = sorted(pool.map(submit, range(6)))
    assert said[-1] == "started"
    assert all("already running" in sentence for sentence in said[:-1])
    until((tmp_path / "pids").exists)
    time.sleep(0.3)  # for a second process to show, if there were one
    assert (tmp_path / "pids").read_text().split() == [str(run.job()["pid"])]


def test_a_process_that_is_exiting_is_waited_for(
    run: RunDir, stand_in: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop, then resume at once: the old process still takes a moment to exit."""
    stand_in("exec sleep 0.5")
    launchers.submit(run)
    first = run.job()
    with EventLog(run.events_file) as log:
        log.write(made_events.stopped())
    stand_in("exec sleep 60")
    launchers.submit(run)
    assert run.job()["pid"] != first["pid"]

    with EventLog(run.events_file) as log:
        log.write(made_events.stopped())
    monkeypatch.setattr(launchers, "LAST_SECONDS", 0.2)
    with pytest.raises(UserError, match="already running"):
        launchers.submit(run)


def test_a_request_to_stop_is_forgotten_when_the_run_is_resumed(
    run: RunDir, stand_in: Callable[[str], None]
) -> None:
    run.request_file.write_text('{"want": "stop", "time": 1}')
    stand_in("exec sleep 60")
    launchers.submit(run)
    assert not run.request_file.exists()


def test_a_stop_asks_first_and_kills_when_repeated_later(
    run: RunDir, stand_in: Callable[[str], None]
) -> None:
    stand_in("trap 'echo asked' TERM; echo ready; while :; do sleep 0.05; done")
    launchers.submit(run)
    until(lambda: "ready" in run.output_file.read_text())
    launchers.cancel(run)
    until(lambda: "asked" in run.output_file.read_text())
    launchers.cancel(run)  # at once: still only asked
    until(lambda: run.output_file.read_text().count("asked") == 2)
    assert launchers.state(run.job()) == "alive"
    asked = json.loads(run.request_file.read_text())
    asked["time"] -= KILL_AFTER + 1
    run.request_file.write_text(json.dumps(asked))
    launchers.cancel(run)
    until(lambda: read_status(run).state == "stopped", 10)


def test_a_job_is_its_pid_and_start_time_together(run: RunDir) -> None:
    """The pid of a dead trainer is used again by a stranger, who is left in peace."""
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        run.write_job("local", local.handle_of(stranger.pid))
        job = run.job()
        assert launchers.state(job) == "alive"
        job["started"] -= 100
        run.job_file.write_text(json.dumps(job))
        assert launchers.state(job) == "gone"
        with pytest.raises(UserError, match="not running: there is nothing to stop"):
            launchers.cancel(run)
        local.cancel(run, job)
        assert not run.request_file.exists()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_job_of_an_older_version_is_found_by_its_time(run: RunDir) -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        started = psutil.Process(sleeper.pid).create_time()
        handle = {"pid": sleeper.pid, "process_started": started, "host": socket.gethostname()}
        run.write_job("local", handle)
        assert launchers.state(run.job()) == "alive"
        run.write_job("local", {**handle, "process_started": started - 3600})
        assert launchers.state(run.job()) == "gone"
    finally:
        sleeper.kill()
        sleeper.wait()


def test_neither_the_clock_nor_the_machines_name_makes_a_run_a_stranger(
    run: RunDir, stand_in: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("exec sleep 60")
    launchers.submit(run)
    at_start = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: at_start(self) + 3600)
    monkeypatch.setattr(socket, "gethostname", lambda: "renamed")
    assert launchers.state(run.job()) == "alive"
    with pytest.raises(UserError, match="already running"):
        launchers.submit(run)
    launchers.cancel(run)
    until(lambda: read_status(run).state == "stopped", 10)


def test_a_machine_that_was_started_again_has_lost_its_processes(run: RunDir) -> None:
    """The pid is ours now."""
    run.write_job("local", {**local.handle_of(os.getpid()), "boot": "an earlier start"})
    assert launchers.state(run.job()) == "gone"


@pytest.mark.parametrize("damage", ["missing", "illegible", "of no process", "another machine's"])
def test_a_run_whose_record_is_lost_is_still_kept_by_its_process(
    run: RunDir, trainer: subprocess.Popen[str], damage: str
) -> None:
    """And a try to resume it leaves the record as it was."""
    with EventLog(run.events_file) as log:
        log.write(made_events.started())
    if damage == "missing":
        run.job_file.unlink()
    elif damage == "illegible":
        run.job_file.write_text("{")
    else:
        boot = {"boot": "another", "host": "another"} if damage == "another machine's" else {}
        run.write_job("local", {**local.handle_of(os.getpid()), "started": 1.0, **boot})
    left = run.job_file.read_bytes() if run.job_file.exists() else None
    assert read_status(run).state == "running"
    for start_again in (launchers.submit, lambda again: launchers.claimed(again).__enter__()):
        with pytest.raises(UserError, match=f"{run.id} is already running"):
            start_again(run)
    assert (run.job_file.read_bytes() if run.job_file.exists() else None) == left
    with pytest.raises(UserError, match=r"(end it where it was started|stop it there)"):
        launchers.cancel(run)

    trainer.kill()  # the system frees the lock
    trainer.wait()
    if damage != "another machine's":
        assert read_status(run).state == "crashed"
        with launchers.claimed(run):
            assert read_status(run).state in STATES_AT_WORK


# Has the run until it is killed.
_A_TRAINER = """
import sys, time
from pathlib import Path
from segengine import launchers
from segengine.run.rundir import RunDir
run = RunDir(Path(sys.argv[1]))
with launchers.claimed(run):
    print("mine", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def trainer(run: RunDir) -> Iterator[subprocess.Popen[str]]:
    """A process that has the run."""
    words = [sys.executable, "-c", _A_TRAINER, str(run.path)]
    process = subprocess.Popen(words, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "mine\n"
    yield process
    process.kill()
    process.wait()


def test_a_run_of_an_unknown_launcher_is_judged_by_its_log_and_left_alone(run: RunDir) -> None:
    """As a later version starts it."""
    run.write_job("slurm", {"ticket": 4711})
    assert launchers.state(run.job()) == "unknown"
    assert read_status(run).state == "starting"
    with pytest.raises(UserError, match=r"Unknown launcher 'slurm'.*local"):
        launchers.cancel(run)


def test_a_zombie_counts_as_dead(run: RunDir) -> None:
    child = subprocess.Popen(["sleep", "60"])
    run.write_job("local", local.handle_of(child.pid))
    child.kill()
    until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    assert launchers.state(run.job()) == "gone"
    child.wait()
    assert launchers.state(run.job()) == "gone"


def test_a_run_of_another_machine_is_left_alone(run: RunDir) -> None:
    """Its pid is ours here."""
    run.write_job("local", {**local.handle_of(os.getpid()), "host": "node-17", "boot": "another"})
    assert launchers.state(run.job()) == "unknown"
    with pytest.raises(UserError, match=r"on another machine.*stop it there"):
        launchers.cancel(run)
    assert not run.request_file.exists()
    with pytest.raises(UserError, match=f"on another machine.*delete {run.job_file}"):
        launchers.submit(run)
    run.job_file.unlink()
    with launchers.claimed(run):
        assert read_status(run).state in STATES_AT_WORK


def test_a_run_that_waits_is_stopped_without_ever_having_started(run: RunDir) -> None:
    assert read_status(run).state == "waiting"
    launchers.cancel(run)
    assert read_status(run).state == "stopped"


def test_a_run_without_a_process_cannot_be_stopped(run: RunDir) -> None:
    run.job_file.unlink()
    with pytest.raises(UserError, match="not running: there is nothing to stop"):
        launchers.cancel(run)


@pytest.mark.parametrize("backend", ["slurmm", "__init__", "../local", ""])
def test_an_unknown_launcher_is_answered_with_the_known_ones(run: RunDir, backend: str) -> None:
    with pytest.raises(UserError, match=f"Unknown launcher '{backend}'.*local"):
        launchers.submit(run, backend)
    assert read_status(run).state == "waiting"


def test_an_output_file_that_cannot_be_written_is_an_error(run: RunDir) -> None:
    run.output_file.mkdir()
    with pytest.raises(UserError, match=r"output.log cannot be written"):
        launchers.submit(run)
    assert read_status(run).state == "waiting"
