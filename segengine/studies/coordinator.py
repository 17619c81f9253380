"""The coordinator: works off a sweep, one run after the other, each in a process of its own.

`python -m segengine.studies.coordinator SWEEP --runs-dir DIR`. Whatever it is about to do it writes
down before. Killed at any moment, the next one finds every run that was begun, and begins none
twice.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segengine import launchers
from segengine.config import InvalidConfig
from segengine.errors import UserError, one_line
from segengine.launchers import local
from segengine.launchers.start import start_run
from segengine.results.runlog import RunLog
from segengine.results.status import RunStatus, read_status
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopped, Stopper, seconds_since_stop_request
from segengine.run.terminal import Terminal, say
from segengine.run.writer_lock import has_writer
from segengine.studies.plan import combined
from segengine.studies.record import PlannedRun, SweepRecord
from segengine.studies.search import judged_badly, next_combination
from segengine.studies.sweepdir import SweepDir, Want, only_coordinator

POLL = 0.25  # seconds between two looks at the run at work
KILL_AFTER = 30.0  # seconds in which a run that shall stop may save
PATIENCE = 10.0  # seconds in which a process that was just started takes its run
_GOES_ON = ("waiting", "stopped", "crashed")  # states of a run that the sweep takes up again


def coordinate(sweep: SweepDir, stopper: Stopper, terminal: Terminal) -> SweepRecord:
    """Work on the sweep until its last run has ended, or until it shall stop.

    Raises:
        UserError: another process works on it, or its record cannot be read or written.
    """
    with only_coordinator(sweep):
        sweep.write_job(local.handle_of(os.getpid()))
        coordinator = Coordinator(sweep, stopper, terminal)
        try:
            coordinator.work()
        finally:
            terminal.close()
        sweep.job_file.unlink(missing_ok=True)
        return coordinator.record


class Coordinator:
    """The work on one sweep, by who holds its lock."""

    def __init__(self, sweep: SweepDir, stopper: Stopper, terminal: Terminal) -> None:
        self.sweep = sweep
        self.record = sweep.record()
        self._base = self.record.base_config()
        self._stopper = stopper
        self._terminal = terminal
        self._judged = (-1, 0)  # index of a run, and the epoch after which it was judged last

    def work(self) -> None:
        """Run after run."""
        while self._want() == "go" and (index := self._next()) is not None:
            run = self._begin(index)
            if run is not None:
                self._follow(index, run)

    def _want(self) -> Want:
        """A signal to this process is a request to stop, too."""
        try:
            self._stopper.check()
        except Stopped:
            if self.sweep.want() != "stop":
                with contextlib.suppress(UserError):  # on a full disk, too
                    self.sweep.ask("stop")
            return "stop"
        return self.sweep.want()

    def _next(self) -> int | None:
        """The next run that has not ended; None where all have."""
        first = next(self.record.unended(), None)
        if first is None and len(self.record.runs) < self.record.total:
            values = next_combination(self.record, self.sweep.runs_dir)
            first = len(self.record.runs)
            runs = (*self.record.runs, PlannedRun(values=values))
            self._save(self.record.model_copy(update={"runs": runs}))
        return first

    def _begin(self, index: int) -> RunDir | None:
        """Start the run, or find it where it was begun before; None where neither can be."""
        try:
            return self._begun(index)
        except UserError as error:
            self._end(index, "refused", str(error))
        except Exception as error:  # a cause that nobody foresaw must not end the sweep
            self._end(index, "refused", one_line(error))
        return None

    def _begun(self, index: int) -> RunDir | None:
        config, _ = combined(self._base, self.record.runs[index].values)
        if not self.record.runs[index].run:
            self._note(index, run=RunDir.new_id(config))
        planned = self.record.runs[index]
        run = RunDir(self.sweep.runs_dir / planned.run)
        if run.exists():
            self._take_up(run, planned)
        elif planned.started:
            self._end(index, "deleted", "Its folder is gone.")
            return None
        else:
            start_run(config, self.sweep.runs_dir, run_id=planned.run)
        if not run.sweep_file.exists():
            run.write_sweep(self.sweep.id, planned.setting)
        self._note(index, started=True, retry=False)
        self._terminal.say(f"{self._number(index)}  {run.id}  {planned.text}")
        return run

    def _take_up(self, run: RunDir, planned: PlannedRun) -> None:
        """Resume a run that was begun before, unless it is at work, has ended, or did badly."""
        deadline = time.monotonic() + PATIENCE
        while read_status(run).state == "waiting" and not has_writer(run):
            if time.monotonic() > deadline:  # no process was started for it
                break
            time.sleep(POLL)
        goes_on = (*_GOES_ON, "failed") if planned.retry else _GOES_ON
        at_work = has_writer(run) or planned.pruned
        if read_status(run).state in goes_on and not at_work:
            launchers.submit(run)

    def _follow(self, index: int, run: RunDir) -> None:
        """Watch the run until it has ended, and stop it where that was asked for."""
        log = RunLog(run.events_file)
        while True:
            log.refresh()
            status = read_status(run, log)
            if not status.active:
                break
            self._show(index, status)
            self._stop_if_need_be(index, run, log)
            time.sleep(POLL)
        pruned = self.record.runs[index].pruned
        if status.state == "stopped" and not pruned and self._want() == "stop":
            self._terminal.close()
            self._terminal.say(f"{self._number(index)}  stopped with the sweep")
            return  # and goes on with it
        ended = "pruned" if pruned and status.state == "stopped" else status.state
        self._end(index, ended, status.message, status)

    def _stop_if_need_be(self, index: int, run: RunDir, log: RunLog) -> None:
        if self.record.prune and self._does_badly(index, log):
            self._note(index, pruned=True)
        if self._want() == "stop" or self.record.runs[index].pruned:
            asked = seconds_since_stop_request(run)
            if asked is None or asked > KILL_AFTER:
                with contextlib.suppress(UserError):  # it has just ended
                    launchers.cancel(run)

    def _does_badly(self, index: int, log: RunLog) -> bool:
        """Judged once after each validation, by which the best weights were just chosen."""
        epoch = max((found.epoch for found in log.validated()), default=0)
        if not epoch or self._judged == (index, epoch) or self.record.runs[index].pruned:
            return False
        self._judged = index, epoch
        return judged_badly(self.record, index, log, self.sweep.runs_dir)

    def _show(self, index: int, status: RunStatus) -> None:
        """A bar over the epochs of the run, from its first one on."""
        if status.epochs:
            score = "" if status.best_miou is None else f"mIoU {status.best_miou:.3f}"
            done = min(status.epoch, status.epochs - 1)  # at the last the bar would close
            note = status.activity or score
            self._terminal.progress(self._number(index), done, status.epochs, note)

    def _end(
        self, index: int, ended: str, problem: str = "", status: RunStatus | None = None
    ) -> None:
        self._note(index, ended=ended, problem="" if ended in ("finished", "pruned") else problem)
        self._terminal.close()
        score = status.best_miou if status else None
        words = [ended, f"best mIoU {score:.3f}" if score is not None else "", ""]
        words[2] = self.record.runs[index].problem.strip().rpartition("\n")[2]
        self._terminal.say(f"{self._number(index)}  {'  '.join(filter(None, words))}")

    def _number(self, index: int) -> str:
        return f"Run {index + 1} of {self.record.total}"

    def _note(self, index: int, **changes: Any) -> None:
        self._save(self.record.with_run(index, **changes))

    def _save(self, record: SweepRecord) -> None:
        self.record = record
        self.sweep.write(record)


def main(arguments: Sequence[str] | None = None) -> int:
    """Work on a sweep in the background; its output goes to the sweep's folder."""
    parser = argparse.ArgumentParser(prog="python -m segengine.studies.coordinator")
    parser.add_argument("sweep")
    parser.add_argument("--runs-dir", type=Path, required=True)
    given = parser.parse_args(arguments)
    stopper = Stopper()
    stopper.listen()
    try:
        coordinate(SweepDir.open(given.runs_dir, given.sweep), stopper, Terminal())
    except UserError as error:
        problems = error.problems.values() if isinstance(error, InvalidConfig) else [str(error)]
        for sentence in problems:
            say(f"Error: {sentence}", error=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
