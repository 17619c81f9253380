"""Launchers start, watch and stop the process of a run. One file a backend.

A backend is a module with `submit(run)`, `is_alive(job)` and `cancel(run, job)`. It never imports
torch, and what it knows of a job is on disk (`job.json`): handles are disposable.
"""

from __future__ import annotations

import importlib
import json
import time
from types import ModuleType
from typing import Any

from segengine.errors import UserError
from segengine.files import write_text
from segengine.rundir import RunDir


def submit(run: RunDir, backend: str = "local") -> None:
    """Start (or go on with) a run in a process that outlives this one.

    Raises:
        UserError: the run is already being trained.
    """
    job = run.job()
    if job and is_alive(job):
        raise UserError(f"Run {run.id} is already running (process {job['pid']}).", field="run")
    run.request_file.unlink(missing_ok=True)
    _backend(backend).submit(run)


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


def _backend(name: str) -> ModuleType:
    return importlib.import_module(f"segengine.launchers.{name}")
