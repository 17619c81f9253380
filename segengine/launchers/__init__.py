"""Launchers start, watch and stop the process of a run. One file a backend.

A backend is a module with `submit(run)`, `is_alive(job)` and `cancel(run, job)`. It never imports
torch, and what it knows of a job is on disk (`job.json`): handles are disposable.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from filelock import FileLock

from segengine.errors import UserError
from segengine.files import cannot_write, write_text
from segengine.registry import unknown_name
from segengine.run.events import TERMINAL, read_events
from segengine.run.rundir import RunDir

LAST_SECONDS = 10.0  # that a process may live on after its run's last word


def submit(run: RunDir, backend: str = "local") -> None:
    """Start (or go on with) a run in a process that outlives this one.

    Raises:
        UserError: the run is already being trained.
    """
    launcher = _backend(backend)
    with claiming(run):
        run.request_file.unlink(missing_ok=True)
        launcher.submit(run)


@contextlib.contextmanager
def claiming(run: RunDir, pid: int | None = None) -> Iterator[None]:
    """While the body makes a process the run's own, nobody else can.

    Args:
        pid: the process that claims, where it may have the run already.

    Raises:
        UserError: a process trains the run already. (One that has said its last word and only
            exits is waited for.)
    """
    lock = FileLock(run.claim_lock_file)
    try:
        lock.acquire()
    except OSError as error:
        raise cannot_write(run.path, error) from error
    try:
        _wait_for_the_last(run, pid)
        yield
    finally:
        lock.release()


def _wait_for_the_last(run: RunDir, pid: int | None) -> None:
    """Until no process but `pid` has the run; UserError where one does not exit by itself."""
    deadline = time.monotonic() + LAST_SECONDS
    while (job := run.job()) and job["pid"] != pid and is_alive(job):
        if time.monotonic() > deadline or not _is_exiting(run, job):
            raise UserError(f"Run {run.id} is already running (process {job['pid']}).", field="run")
        time.sleep(0.05)


def cancel(run: RunDir) -> None:
    """Ask a run to stop: it finishes its step, saves and exits. Asked again later, it is killed.

    Raises:
        UserError: nothing runs there.
    """
    job = run.job()
    alive = is_alive(job) if job else False
    if not job or alive is False:
        raise UserError(f"Run {run.id} is not running: there is nothing to stop.", field="run")
    if alive is None:
        raise UserError(f"Run {run.id} runs on {job['host']}: stop it there.", field="run")
    if not run.request_file.exists():
        write_text(run.request_file, json.dumps({"want": "stop", "time": time.time()}) + "\n")
    _backend(job["backend"]).cancel(run, job)


def is_alive(job: dict[str, Any]) -> bool | None:
    """Whether the job's process exists; None where that cannot be known from this machine."""
    alive: bool | None = _backend(job["backend"]).is_alive(job)
    return alive


def _is_exiting(run: RunDir, job: dict[str, Any]) -> bool:
    """Whether the job's process has logged the run's end."""
    last = read_events(run.events_file)[0][-1:]
    return any(e["event"] in TERMINAL and e["time"] > job["submitted"] for e in last)


@cache
def _backend(name: str) -> ModuleType:
    files = sorted(Path(__file__).parent.glob("*.py"))
    known = [path.stem for path in files if path.stem != "__init__"]
    if name not in known:
        raise UserError(unknown_name("launcher", name, known))
    return importlib.import_module(f"segengine.launchers.{name}")
