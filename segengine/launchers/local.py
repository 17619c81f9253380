"""Runs as processes of this machine, each in a session of its own.

A run survives Ctrl-C and the end (even kill -9) of whoever started it. A process is known by its
pid and start time together, since pids are used again.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from segengine.files import cannot_write, write_text
from segengine.launchers import claiming
from segengine.run.rundir import RunDir, read_json

KILL_AFTER = 10.0  # seconds after the first request to stop, from when on a request kills
_PROJECT = Path(__file__).resolve().parents[2]


def submit(run: RunDir) -> None:
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
    claim(run, process.pid)
    # Somebody must wait for the child or it stays a zombie as long as we live.
    threading.Thread(target=process.wait, daemon=True, name=f"reap-{run.id}").start()


def claim(run: RunDir, pid: int | None = None) -> None:
    """Write down that the process (default: this one) runs the run."""
    process = psutil.Process(pid or os.getpid())
    try:
        started = process.create_time()
    except psutil.NoSuchProcess:  # it ended at once; its output says why
        started = 0.0
    job = {
        "backend": "local",
        "pid": process.pid,
        "process_started": started,
        "host": socket.gethostname(),
        "submitted": time.time(),
    }
    write_text(run.job_file, json.dumps(job, indent=2) + "\n")


def take_over(run: RunDir) -> None:
    """Make this process the one that runs the run.

    Raises:
        UserError: another process does.
    """
    with claiming(run, os.getpid()):
        job = run.job()
        if job and job["pid"] == os.getpid() and is_alive(job):
            return  # `submit` said so already; a stop may have been asked for since
        run.request_file.unlink(missing_ok=True)
        claim(run)


def is_alive(job: dict[str, Any]) -> bool | None:
    """Whether that very process exists; None where it is another machine's."""
    if job["host"] != socket.gethostname():
        return None
    return _process(job) is not None


def cancel(run: RunDir, job: dict[str, Any]) -> None:
    """SIGTERM; SIGKILL where a stop was already asked for more than KILL_AFTER seconds ago."""
    process = _process(job)
    if process is None:
        return
    asked = (read_json(run.request_file) or {}).get("time", time.time())
    process.send_signal(signal.SIGKILL if time.time() - asked > KILL_AFTER else signal.SIGTERM)


def _process(job: dict[str, Any]) -> psutil.Process | None:
    """The job's process, if it is still that one and not a zombie."""
    try:
        process = psutil.Process(job["pid"])
        same = abs(process.create_time() - job["process_started"]) < 2.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
