"""Starting a run: the one way for the form and for `launch`."""

from __future__ import annotations

from pathlib import Path

from segengine.config import RunConfig
from segengine.launchers import submit
from segengine.launchers.preflight import require_startable
from segengine.run.rundir import RunDir


def start_run(config: RunConfig, runs_dir: Path, *, backend: str = "local") -> RunDir:
    """Check the config, make the run folder and start the run's process, detached.

    Raises:
        InvalidConfig: something would make the run fail; no folder was made.
        UserError: the run folder cannot be written, or the process not started.
    """
    require_startable(config, runs_dir)
    run = RunDir.create(runs_dir, config)
    submit(run, backend)
    return run
