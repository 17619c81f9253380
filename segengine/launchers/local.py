"""Runs as processes of this machine, each in a session of its own.

A run survives Ctrl-C and the end (even by kill -9) of the process that started it. Pids are used
again, so a process is identified by its pid and start time together.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Literal

import psutil

from segengine.files import cannot_write
from segengine.run.rundir import Handle, Job, RunDir
from segengine.run.stopping import KILL_AFTER, seconds_since_stop_request

_PROJECT = Path(__file__).resolve().parents[2]


def submit(run: RunDir) -> Handle:
    """Start `python -m segengine resume <id>` detached, its output going to the run folder."""
    command = [sys.executable, "-m", "segengine", "resume", run.id]
    command += ["--runs-dir", str(run.path.parent)]
    try:
        output = open(run.output_file, "ab")  # noqa: SIM115 - closed right below
    except OSError as error:
        raise cannot_write(run.output_file, error) from error
    with output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=_PROJECT,
            start_new_session=True,
        )
    # Without a thread that waits for it, the child would stay a zombie as long as we live.
    threading.Thread(target=process.wait, daemon=True, name=f"reap-{run.id}").start()
    return handle_of(process.pid)


def state(job: Job) -> Literal["alive", "gone", "unknown"]:
    """Whether that very process exists; "unknown" on another machine."""
    if job.get("host") != socket.gethostname():
        return "unknown"
    return "gone" if _process(job) is None else "alive"


def cancel(run: RunDir, job: Job) -> None:
    """Send SIGTERM; SIGKILL if a stop was requested more than KILL_AFTER seconds ago."""
    process = _process(job)
    if process is None:
        return
    overdue = (seconds_since_stop_request(run) or 0.0) > KILL_AFTER
    process.send_signal(signal.SIGKILL if overdue else signal.SIGTERM)


def claim(run: RunDir) -> Handle | None:
    """The handle of this process; None where it has the run already."""
    job = run.job()
    if job and job.get("pid") == os.getpid() and state(job) == "alive":
        return None
    return handle_of(os.getpid())


def handle_of(pid: int) -> Handle:
    """The handle of a process of this machine."""
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:  # it ended at once; its output says why
        started = 0.0
    return {"pid": pid, "process_started": started, "host": socket.gethostname()}


def _process(job: Job) -> psutil.Process | None:
    """The job's process; None where it has ended, is a zombie, or its pid is another's now."""
    try:
        process = psutil.Process(job.get("pid"))  # type: ignore[arg-type]
        started = float(job.get("process_started", 0.0))  # type: ignore[arg-type]
        same = abs(process.create_time() - started) < 2.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
