"""One press, one run: what the Start button hands to its callback."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from segengine.config import RunConfig
from segengine.errors import one_line
from segengine.launchers.start import start_run

TICKET = "ticket"  # key of the session


@dataclass
class Ticket:
    """The right to start one run, used up by the first press.

    Every form that is drawn carries a ticket. However often its button is pressed before the next
    form is drawn (a double click arrives as two requests), the ticket starts one run, and every
    press learns of that run. It uses nothing of the page, which may be interrupted anywhere.

    Attributes:
        run_id: the run that was started; "" before, or where the start failed.
        problem: why no run could be started, in one sentence; "" where there is nothing to say.
    """

    run_id: str = ""
    problem: str = ""
    _used: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start(self, config: RunConfig, runs_dir: Path) -> None:
        """Start the run, unless this ticket was used before."""
        with self._lock:
            if self._used:
                return
            self._used = True
            try:
                self.run_id = start_run(config, runs_dir).id
            except (ValueError, OSError) as error:  # a UserError is a ValueError
                self.problem = one_line(error)
