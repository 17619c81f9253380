"""Runs as processes of this machine, each in a session of its own.

A run survives Ctrl-C and the end (even by kill -9) of the process that started it. Pids are used
again, so a process is identified by its pid and by when it started, counted from the machine's
start: neither a step of the clock nor another host name makes it a stranger.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import psutil
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import NotRequired, TypedDict

from segengine.errors import UserError
from segengine.files import cannot_write
from segengine.run.records import STRICT, Job
from segengine.run.rundir import Handle, RunDir
from segengine.run.stopping import KILL_AFTER, seconds_since_stop_request

_PROJECT = Path(__file__).resolve().parents[2]
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # of Linux: another one after every start


@with_config(ConfigDict(**STRICT, extra="ignore"))
class LocalJob(TypedDict):
    """What finds a process again.

    `boot` names the start of the machine and the pid namespace in which `pid` counts. `started` is
    in the system's own unit, and exact. Jobs of older versions have `process_started` instead, in
    seconds since 1970, and no `boot`.
    """

    pid: Annotated[int, Field(ge=1, le=2**31)]
    host: str
    boot: NotRequired[str]
    started: NotRequired[float]
    process_started: NotRequired[float]


_LOCAL_JOB = TypeAdapter(LocalJob)


def submit(run: RunDir) -> Handle:
    """Start `python -m segengine resume <id>` detached, its output going to the run folder."""
    words = ["segengine", "resume", run.id, "--runs-dir", str(run.path.parent)]
    return start_detached(words, run.output_file)


def start_detached(module: Sequence[str], output_file: Path) -> Handle:
    """Start `python -m <module> ...` in a session of its own, its output added to that file.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        output = open(output_file, "ab")  # noqa: SIM115 - closed right below
    except OSError as error:
        raise cannot_write(output_file, error) from error
    with output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=_PROJECT,
            start_new_session=True,
        )
    # Without a thread that waits for it, the child would stay a zombie as long as we live.
    name = f"reap-{output_file.parent.name}"
    threading.Thread(target=process.wait, daemon=True, name=name).start()
    return handle_of(process.pid)


def state(job: Job) -> Literal["alive", "gone", "unknown"]:
    """Whether that very process exists; "unknown" on another machine."""
    handle = _handle_in(job)
    if handle is None:
        return "gone"
    if handle.get("boot", "") != _boot() and handle["host"] != socket.gethostname():
        return "unknown"
    return "gone" if _process(handle) is None else "alive"


def cancel(run: RunDir, job: Job) -> None:
    """Send SIGTERM; SIGKILL if a stop was requested more than KILL_AFTER seconds ago."""
    handle = _handle_in(job)
    process = _process(handle) if handle else None
    if process is None:
        return
    overdue = (seconds_since_stop_request(run) or 0.0) > KILL_AFTER
    process.send_signal(signal.SIGKILL if overdue else signal.SIGTERM)


def claim(run: RunDir) -> Handle | None:
    """The handle of this process; None where the run's job is this process already."""
    try:
        job = run.job()
    except UserError:  # it is written anew, by who may have the run
        job = None
    handle = _handle_in(job) if job else None
    if handle and handle["pid"] == os.getpid() and _process(handle):
        return None
    return handle_of(os.getpid())


def handle_of(pid: int) -> Handle:
    """The handle of a process of this machine."""
    try:
        started = _started(pid)
    except (OSError, psutil.NoSuchProcess):  # it ended at once; its output says why
        started = -1.0
    return {"pid": pid, "started": started, "boot": _boot(), "host": socket.gethostname()}


def _handle_in(job: Job) -> LocalJob | None:
    """The handle in a job's record; None where there is none as declared."""
    try:
        return _LOCAL_JOB.validate_python(job)
    except ValidationError:
        return None


def _process(handle: LocalJob) -> psutil.Process | None:
    """The job's process; None where it has ended, is a zombie, or its pid is another's now."""
    try:
        process = psutil.Process(handle["pid"])
        if "boot" in handle:
            same = handle["boot"] == _boot() and handle.get("started") == _started(process.pid)
        else:
            same = abs(process.create_time() - handle.get("process_started", 0.0)) < 2.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, psutil.Error):
        return None


def _started(pid: int) -> float:
    """When a process started: on Linux in clock ticks since the machine did, else in seconds.

    Raises:
        OSError, psutil.NoSuchProcess: there is no such process.
    """
    if not _BOOT_ID.exists():
        return psutil.Process(pid).create_time()  # kept by the system as it was then
    # man proc_pid_stat: field 22; the command's name, in parentheses, may hold anything
    words = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return float(words[19])


@functools.cache
def _boot() -> str:
    """This start of this machine, and the pid namespace that this process is in."""
    try:
        return f"{_BOOT_ID.read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{uuid.getnode():x}"
