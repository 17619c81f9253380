"""Removing runs for good: only such as are not at work, and never half of one.

A run is renamed to a hidden name first, and only then are its files removed: whatever happens
meanwhile, nobody sees half a run. What is left of an interrupted removal is removed by the next.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segengine import launchers
from segengine.errors import UserError
from segengine.files import cannot_write
from segengine.results.disk import size_of, size_words
from segengine.results.status import read_status
from segengine.results.table import RunRow
from segengine.run.notes import notes_kept
from segengine.run.rundir import RunDir, absolute

_LEFT = re.compile(r"\.deleted-\d{8}-\d{6}-[a-z0-9_]+-[a-z]+-[0-9a-f]{4}-[0-9a-f]{8}")


@dataclass(frozen=True)
class Removal:
    """What a removal of runs would take away.

    Attributes:
        runs: those that can be removed.
        at_work: those that cannot, since they are at work.
        size: bytes that go.
        children: ids of other runs whose first weights came from these.
    """

    runs: tuple[RunDir, ...]
    at_work: tuple[RunDir, ...]
    size: int
    children: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What goes, how many bytes, and what that means for other runs."""
        parts = []
        if self.runs:
            parts.append(
                f"{_runs(self.runs)} with {_all(self.runs)} checkpoints, masks, scores and notes "
                f"will be deleted for good: {size_words(self.size)}."
            )
        if self.children:
            many = len(self.children) > 1
            parts.append(
                f"{len(self.children):,} other {'runs' if many else 'run'} started from "
                f"{'them' if len(self.runs) > 1 else 'it'}: {'they stay' if many else 'it stays'} "
                "readable, but cannot be started again from there."
            )
        if self.at_work:
            verb = "is" if len(self.at_work) == 1 else "are"
            parts.append(f"{_runs(self.at_work)} {verb} at work and stays: stop it first.")
        return " ".join(parts)


def plan_removal(runs: Sequence[RunDir], rows: Sequence[RunRow]) -> Removal:
    """What removing these runs takes away.

    Args:
        rows: of the whole runs folder, for the runs that started from them.
    """
    at_work = tuple(run for run in runs if read_status(run).active)
    going = tuple(run for run in runs if run not in at_work)
    ids = {run.id for run in going}
    children = [row.run.id for row in rows if parent_of(row) in ids and row.run.id not in ids]
    return Removal(going, at_work, sum(map(size_of, going)), tuple(children))


def parent_of(row: RunRow) -> str:
    """Id of the run that gave a run its first weights; "" where none did."""
    weights = str(row.settings.get("weights", ""))
    return row.facts.parent or (weights[4:] if weights.startswith("run:") else "")


def remove_run(run: RunDir) -> None:
    """Remove a run that is not at work. Where the run folder is a link, only the link goes.

    Raises:
        UserError: it is at work, or its folder cannot be removed.
    """
    with launchers.held(run), notes_kept(run):
        _require_ended(run)
        hidden = run.path.with_name(f".deleted-{run.id}-{secrets.token_hex(4)}")
        try:
            os.rename(run.path, hidden)
        except OSError as error:
            raise cannot_write(run.path, error) from error
        _remove(hidden)  # with its locks: who waits for them finds the run gone
    _remove(run.path, only_locks=True)


def _require_ended(run: RunDir) -> None:
    """A process that logged the end of its run is waited for until it is gone.

    Raises:
        UserError: the run is at work.
    """
    deadline = time.monotonic() + launchers.LAST_SECONDS
    while not (active := read_status(run).active) and time.monotonic() < deadline:
        if launchers.state_of(run, launchers.recorded_job(run)) != "alive":
            return
        time.sleep(0.05)
    what = "is at work: stop it" if active else "is still saving its last files: wait for it"
    raise UserError(f"Run {run.id} {what} before you delete it.", field="run")


def remove_leftovers(runs_dir: Path) -> None:
    """Remove what interrupted removals left in a runs folder."""
    try:
        names = [entry.name for entry in os.scandir(absolute(runs_dir))]
    except OSError:
        return
    for name in filter(_LEFT.fullmatch, names):
        _remove(absolute(runs_dir) / name)


def _remove(path: Path, *, only_locks: bool = False) -> None:
    """Remove a hidden folder, as far as the system lets us: the next removal tries again."""
    try:
        if path.is_symlink():
            path.unlink()
        elif not only_locks:
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_dir() and all(name.endswith(".lock") for name in os.listdir(path)):
            shutil.rmtree(path, ignore_errors=True)  # made again by who waited for a lock in it
    except OSError:
        return


def _runs(runs: Sequence[RunDir]) -> str:
    return f"Run {runs[0].id}" if len(runs) == 1 else f"{len(runs):,} runs"


def _all(runs: Sequence[RunDir]) -> str:
    return "all its" if len(runs) == 1 else "all their"
