"""Starting, stopping and continuing a sweep: what pages and commands call."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from segengine import launchers
from segengine.errors import UserError
from segengine.launchers import local
from segengine.results.status import read_status as read_run_status
from segengine.run.rundir import RunDir
from segengine.run.writer_lock import is_locked
from segengine.studies.plan import require_startable
from segengine.studies.record import SweepRecord
from segengine.studies.state import has_coordinator, read_status
from segengine.studies.sweepdir import SweepDir, only_coordinator

NOT_AS_PLANNED = ("failed", "crashed", "stopped", "refused", "unreadable")


def start_sweep(record: SweepRecord, runs_dir: Path) -> SweepDir:
    """Write the sweep and start its coordinator, which outlives this process.

    Raises:
        InvalidConfig: a run of it would fail; nothing was written.
        UserError: it cannot be written or started.
    """
    require_startable(record, runs_dir)
    sweep = SweepDir.create(runs_dir, record)
    start_coordinator(sweep)
    return sweep


def prepare_to_continue(sweep: SweepDir, *, retry: bool = False) -> None:
    """A person wants the sweep to go on: what could not start gets another chance.

    Args:
        retry: also the runs that failed, crashed or were stopped by themselves.

    Raises:
        UserError: it is running already, or there is nothing left to do.
    """
    again: Collection[str] = NOT_AS_PLANNED if retry else ("refused",)
    _require_free(sweep)
    with only_coordinator(sweep):
        record = sweep.record()
        for index, planned in enumerate(record.runs):
            if planned.ended in again:
                record = record.with_run(
                    index, ended=None, problem="", retry=planned.ended != "refused"
                )
        if record.done:
            hint = "" if retry else " (--retry takes up the runs that failed or were stopped)"
            raise UserError(
                f"Sweep {sweep.id} is finished: there is nothing left to run{hint}.", field="sweep"
            )
        sweep.write(record)
        sweep.ask("go")


def start_coordinator(sweep: SweepDir) -> None:
    """Start the coordinator in a process that outlives this one.

    Raises:
        UserError: its output cannot be written.
    """
    words = ["segengine.studies.coordinator", sweep.id, "--runs-dir", str(sweep.runs_dir)]
    sweep.write_job(local.start_detached(words, sweep.output_file))


def stop_sweep(sweep: SweepDir, *, current_run: bool = True) -> None:
    """Ask the sweep to stop: no further runs and, with `current_run`, not the one at work either.

    Returns at once; see `state.read_status`. A run that is stopped goes on with the sweep.

    Raises:
        UserError: it is finished or stopped already.
    """
    status = read_status(sweep)
    if status.state == "unreadable":
        raise UserError(status.message, field="sweep")
    run = _run_at_work(sweep, status.current.run if status.current else "")
    if not status.active and not run and status.state in ("finished", "stopped"):
        raise UserError(
            f"Sweep {sweep.id} is {status.state}: there is nothing to stop.", field="sweep"
        )
    sweep.ask("stop" if current_run else "no_more")
    if run and current_run and not status.active:  # no coordinator is there to do it
        launchers.cancel(run)


def _require_free(sweep: SweepDir) -> None:
    if not has_coordinator(sweep):
        return
    job = sweep.job()
    if not is_locked(sweep.lock_file) and job and launchers.state(job) == "unknown":
        raise UserError(
            f"Sweep {sweep.id} was started on another machine, which this one cannot ask whether "
            f"it still works on it: continue it there or, if that machine is gone, delete "
            f"{sweep.job_file} and try again.",
            field="sweep",
        )
    raise UserError(f"Sweep {sweep.id} is running already.", field="sweep")


def _run_at_work(sweep: SweepDir, run_id: str) -> RunDir | None:
    """The sweep's begun run, if it is at work."""
    run = RunDir(sweep.runs_dir / run_id) if run_id else None
    return run if run and run.exists() and read_run_status(run).active else None
