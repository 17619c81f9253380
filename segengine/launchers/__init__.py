"""Launchers start, find and stop the process of a run. A backend is a module: see `Launcher`.

What a launcher knows of a job is on disk (`job.json`), and it is a hint: that a run has only one
process is kept by a lock, which the system frees with the process. Nothing here imports torch, and
nothing outside a backend's module reads the backend's own fields of a job.
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
from segengine.launchers.more_epochs import plan_epochs
from segengine.registry import unknown_name
from segengine.run.event_log import read_events
from segengine.run.events import END_EVENTS
from segengine.run.links import refuse_links
from segengine.run.records import Job
from segengine.run.rundir import Handle, RunDir
from segengine.run.stopping import request_stop
from segengine.run.writer_lock import has_writer, only_writer

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


def submit(run: RunDir, backend: str = "local", *, epochs: int = 0) -> None:
    """Start (or resume) a run in a process that outlives this one.

    Args:
        epochs: so many in all from now on; 0: those that it was planned for.

    Raises:
        UserError: the run is running already, there is no such backend, there is a link inside its
            folder, or it cannot be started, or not for so many epochs.
    """
    launcher = _launcher(backend)
    refuse_links(run)
    with claim_lock(run):
        _require_free(run)
        if epochs:
            plan_epochs(run, epochs)
        run.request_file.unlink(missing_ok=True)
        run.write_job(backend)  # from here on the run waits, whatever becomes of this process
        run.write_job(backend, launcher.submit(run))


@contextlib.contextmanager
def claimed(run: RunDir) -> Iterator[None]:
    """While the body runs, this process is the one that trains the run.

    Raises:
        UserError: another process trains it, or there is a link inside its folder.
    """
    refuse_links(run)
    with contextlib.ExitStack() as until_the_end:
        with claim_lock(run):
            job = recorded_job(run)
            backend = job["backend"] if job and job["backend"] in LAUNCHERS else "local"
            handle = _launcher(backend).claim(run)
            if handle is not None:
                _require_free(run)
            # Only who has the lock may write who has the run: a try that is refused leaves no mark.
            until_the_end.enter_context(only_writer(run))
            if handle is not None:  # else `submit` recorded it; a stop may be requested since then
                run.request_file.unlink(missing_ok=True)
                run.write_job(backend, handle)
        yield


@contextlib.contextmanager
def held(run: RunDir) -> Iterator[None]:
    """While the body runs, no process can take up the run; one that has it already keeps it.

    Raises:
        UserError: the run is gone, or its folder cannot be written.
    """
    with claim_lock(run):
        yield


def recorded_job(run: RunDir) -> Job | None:
    """Who runs the run, by its record; None where there is none that can be read."""
    with contextlib.suppress(UserError):
        return run.job()
    return None


def state(job: Job) -> JobState:
    """The state of a job; "waiting" is a record without a handle, never a matter of time."""
    if job.keys() <= Job.__annotations__.keys():
        return "waiting"
    return LAUNCHERS[job["backend"]].state(job) if job["backend"] in LAUNCHERS else "unknown"


def state_of(run: RunDir, job: Job | None) -> JobState:
    """The state of a run's process: by its job, and where that has none, by its lock.

    A process whose record was lost or is another machine's still holds the lock.
    """
    job_state = state(job) if job else "gone"
    return "alive" if job_state in ("gone", "unknown") and has_writer(run) else job_state


def cancel(run: RunDir) -> None:
    """Ask a run to stop: it finishes its step, saves and exits. A later request kills it.

    Raises:
        UserError: the run is not running, or cannot be reached from here.
    """
    job = recorded_job(run)
    job_state = state(job) if job else "gone"
    if job and job_state in ("waiting", "alive"):
        request_stop(run)
        if job_state == "alive":
            _launcher(job["backend"]).cancel(run, job)
    elif job and job_state == "unknown":
        _launcher(job["backend"])
        raise UserError(
            f"Run {run.id} runs on another machine, which this one cannot reach: stop it there.",
            field="run",
        )
    elif has_writer(run):
        raise UserError(
            f"Run {run.id} is running, but {run.job_file} does not tell which process it is: end "
            "it where it was started.",
            field="run",
        )
    else:
        raise UserError(f"Run {run.id} is not running: there is nothing to stop.", field="run")


@contextlib.contextmanager
def claim_lock(run: RunDir) -> Iterator[None]:
    """While the body gives the run to a process, no one else can."""
    _require_there(run)
    lock = FileLock(run.claim_lock_file)
    try:
        lock.acquire()
    except OSError as error:
        raise cannot_write(run.path, error) from error
    try:
        _require_there(run)  # still, after we waited
        yield
    finally:
        lock.release()


def _require_there(run: RunDir) -> None:
    """Refuse a run that was deleted, whose folder a lock would bring back.

    Raises:
        UserError: it was.
    """
    if not run.exists():
        raise UserError(f"Run {run.id} is not there any more: it was deleted.", field="run")


def _require_free(run: RunDir) -> None:
    """Refuse a run that a process has; one that is exiting is waited for.

    Raises:
        UserError: the run is running.
    """
    deadline = time.monotonic() + LAST_SECONDS
    while (job_state := state_of(run, job := recorded_job(run))) in ("alive", "unknown"):
        if time.monotonic() > deadline or not _is_exiting(run, job):
            raise _not_free(run, job_state)
        time.sleep(0.05)


def _not_free(run: RunDir, job_state: JobState) -> UserError:
    if job_state == "alive":
        return UserError(f"Run {run.id} is already running.", field="run")
    return UserError(
        f"Run {run.id} was started on another machine, which this one cannot ask whether it still "
        f"runs: resume it there or, if that machine is gone, delete {run.job_file} and try again.",
        field="run",
    )


def _is_exiting(run: RunDir, job: Job | None) -> bool:
    """Whether the job's process has logged the run's end."""
    events, _ = read_events(run.events_file)
    return bool(events) and (
        events[-1]["event"] in END_EVENTS and (job is None or events[-1]["time"] > job["submitted"])
    )


def _launcher(backend: str) -> Launcher:
    if backend not in LAUNCHERS:
        raise UserError(unknown_name("launcher", backend, list(LAUNCHERS)), field="launcher")
    return LAUNCHERS[backend]
