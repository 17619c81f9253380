"""One press, one run: what the Start button hands to its callback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from segengine.config import RunConfig
from segengine.errors import one_line
from segengine.launchers.start import start_run
from segengine.studies.control import start_sweep
from segengine.studies.record import SweepRecord

TICKET = "ticket"  # key of the session


@dataclass
class Ticket:
    """The right to start one run, or one sweep, used up by the first press.

    Every form that is drawn carries a ticket. However often its button is pressed before the next
    form is drawn (a double click arrives as two requests), the ticket starts one run, and every
    press learns of that run. It uses nothing of the page, which may be interrupted anywhere.

    Attributes:
        run_id: the run that was started; "" before, or where the start failed.
        sweep_id: the sweep that was started; as above.
        problem: why nothing could be started, in one sentence; "" where there is nothing to say.
    """

    run_id: str = ""
    sweep_id: str = ""
    problem: str = ""
    _used: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start(self, config: RunConfig, runs_dir: Path) -> None:
        """Start the run, unless this ticket was used before."""
        with self._used_once() as first:
            if first:
                self.run_id = start_run(config, runs_dir).id

    def start_sweep(self, record: SweepRecord, runs_dir: Path) -> None:
        """Start the sweep, unless this ticket was used before."""
        with self._used_once() as first:
            if first:
                self.sweep_id = start_sweep(record, runs_dir).id

    @contextmanager
    def _used_once(self) -> Iterator[bool]:
        """Whether this is the first use; what goes wrong in it becomes `problem`."""
        with self._lock:
            first, self._used = not self._used, True
            try:
                yield first
            except (ValueError, OSError) as error:  # a UserError is a ValueError
                self.problem = one_line(error)
