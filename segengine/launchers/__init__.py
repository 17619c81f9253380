"""Launchers start, find and stop the process of a run. A backend is a module: see `Launcher`.

What a launcher knows of a job is on disk (`job.json`). Nothing here imports torch, and nothing
outside a backend's module reads the backend's own fields of a job.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Literal, Protocol

from filelock import FileLock

from segengine.errors import UserError
from segengine.files import cannot_write
from segengine.launchers import local
from segengine.registry import unknown_name
from segengine.run.event_log import read_events
from segengine.run.events import END_EVENTS
from segengine.run.links import refuse_links
from segengine.run.rundir import Handle, Job, RunDir
from segengine.run.stopping import request_stop

LAST_SECONDS = 10.0  # that a process may take to exit after it logged its run's end

ProcessState = Literal["alive", "gone", "unknown"]
JobState = Literal["waiting", ProcessState]


class Launcher(Protocol):
    """The functions of a backend's module."""

    def submit(self, run: RunDir) -> Handle:
        """Start `python -m segengine resume <id>` in a process that outlives this one.

        Returns:
            What the backend needs to find the process again; it becomes a part of `job.json`.
        """

    def state(self, job: Job) -> ProcessState:
        """Whether the job's process exists; "unknown" where this machine cannot tell."""

    def cancel(self, run: RunDir, job: Job) -> None:
        """Ask the process to stop; kill it if that was requested long ago."""

    def claim(self, run: RunDir) -> Handle | None:
        """The handle of this very process; None where the run's job is this process already."""


LAUNCHERS: Mapping[str, Launcher] = {"local": local}


def submit(run: RunDir, backend: str = "local") -> None:
    """Start (or resume) a run in a process that outlives this one.

    Raises:
        UserError: the run is running already, there is no such backend, there is a link inside its
            folder, or it cannot be started.
    """
    launcher = _launcher(backend)
    refuse_links(run)
    with _claim_lock(run):
        _require_free(run)
        run.request_file.unlink(missing_ok=True)
        run.write_job(backend)  # from here on the run waits, whatever becomes of this process
        run.write_job(backend, launcher.submit(run))


def claim(run: RunDir) -> None:
    """Make this process the one that trains the run.

    Raises:
        UserError: another process trains it, or there is a link inside its folder.
    """
    refuse_links(run)
    with _claim_lock(run):
        job = run.job()
        backend = job["backend"] if job else "local"
        handle = _launcher(backend).claim(run)
        if handle is None:
            return  # `submit` recorded it; a stop may have been requested since then
        _require_free(run)
        run.request_file.unlink(missing_ok=True)
        run.write_job(backend, handle)


def state(job: Job) -> JobState:
    """The state of a job; "waiting" is a record without a handle, never a matter of time."""
    if job.keys() <= Job.__annotations__.keys():
        return "waiting"
    return _launcher(job["backend"]).state(job)


def cancel(run: RunDir) -> None:
    """Ask a run to stop: it finishes its step, saves and exits. A later request kills it.

    Raises:
        UserError: the run is not running, or runs on another machine.
    """
    job = run.job()
    job_state = state(job) if job else "gone"
    if job is None or job_state == "gone":
        raise UserError(f"Run {run.id} is not running: there is nothing to stop.", field="run")
    if job_state == "unknown":
        raise UserError(
            f"Run {run.id} runs on another machine, which this one cannot reach: stop it there.",
            field="run",
        )
    request_stop(run)
    if job_state == "alive":
        _launcher(job["backend"]).cancel(run, job)


@contextlib.contextmanager
def _claim_lock(run: RunDir) -> Iterator[None]:
    """While the body gives the run to a process, no one else can."""
    lock = FileLock(run.claim_lock_file)
    try:
        lock.acquire()
    except OSError as error:
        raise cannot_write(run.path, error) from error
    try:
        yield
    finally:
        lock.release()


def _require_free(run: RunDir) -> None:
    """Refuse a run that a process has; one that is exiting is waited for.

    Raises:
        UserError: the run is running.
    """
    deadline = time.monotonic() + LAST_SECONDS
    while (job := run.job()) and state(job) in ("alive", "unknown"):
        if time.monotonic() > deadline or not _is_exiting(run, job):
            raise UserError(f"Run {run.id} is already running.", field="run")
        time.sleep(0.05)


def _is_exiting(run: RunDir, job: Job) -> bool:
    """Whether the job's process has logged the run's end."""
    events, _ = read_events(run.events_file)
    return bool(events) and (
        events[-1]["event"] in END_EVENTS and events[-1]["time"] > job["submitted"]
    )


def _launcher(backend: str) -> Launcher:
    if backend not in LAUNCHERS:
        raise UserError(unknown_name("launcher", backend, list(LAUNCHERS)), field="launcher")
    return LAUNCHERS[backend]
