"""Starting a run: the one way for the form and for `launch`."""

from __future__ import annotations

from pathlib import Path

from segengine.config import RunConfig
from segengine.launchers import submit
from segengine.launchers.preflight import require_startable
from segengine.run.rundir import RunDir


def start_run(
    config: RunConfig, runs_dir: Path, *, backend: str = "local", run_id: str = ""
) -> RunDir:
    """Check the config, make the run folder and start the run's process, detached.

    Args:
        run_id: the id that the run was promised; "" for a new one.

    Raises:
        InvalidConfig: something would make the run fail; no folder was made.
        UserError: the run folder cannot be written, or the process not started.
    """
    require_startable(config, runs_dir)
    run = RunDir.create(runs_dir, config, run_id)
    submit(run, backend)
    return run
