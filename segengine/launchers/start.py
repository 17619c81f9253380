"""Starting a run: the one way in for the form and for `launch`."""

from __future__ import annotations

from pathlib import Path

from segengine import launchers
from segengine.config import InvalidConfig, RunConfig
from segengine.launchers.preflight import preflight
from segengine.run.rundir import RunDir


def start_run(config: RunConfig, runs_dir: Path, *, backend: str = "local") -> RunDir:
    """Check the config, make the run folder and start its process, detached.

    Raises:
        InvalidConfig: something would make the run fail; no folder was made.
        UserError: the runs folder cannot be written.
    """
    problems = preflight(config, runs_dir)
    if problems:
        raise InvalidConfig(problems)
    run = RunDir.create(runs_dir, config)
    launchers.submit(run, backend)
    return run
