"""`train` and `launch`: an experiment in this process, or in one of its own.

Their `config` and `preset` are read before they are called: see `flags.base_config`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segengine import launchers
from segengine.cli.flags import RUNS, config_of, run_command, with_flags
from segengine.config import RunConfig
from segengine.launchers.preflight import require_startable
from segengine.launchers.remarks import remarks
from segengine.launchers.start import start_run
from segengine.results.runlog import RunLog
from segengine.results.status import read_status
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopper
from segengine.run.terminal import Terminal, say


def train_command(base: RunConfig) -> Callable[..., int]:
    """The command `train`, whose flags have `base` as their defaults."""

    def train(
        flags: Any, config: Path | None = None, preset: str = "", runs_dir: Path = RUNS
    ) -> int:
        """Train a model in this terminal, with a progress bar.

        Args:
            flags: The experiment.
            config: JSON file with a RunConfig; flags given beside it win.
            preset: Settings to start from: quick_look, streets or course_recipe; flags win.
            runs_dir: Folder that holds the runs.
        """
        return train_here(config_of(flags), runs_dir)

    return with_flags(train, base)


def launch_command(base: RunConfig) -> Callable[..., int]:
    """The command `launch`, whose flags have `base` as their defaults."""

    def launch(
        flags: Any, config: Path | None = None, preset: str = "", runs_dir: Path = RUNS
    ) -> int:
        """Start a run in the background, print its id, and wait until it trains.

        Args:
            flags: The experiment.
            config: JSON file with a RunConfig; flags given beside it win.
            preset: Settings to start from: quick_look, streets or course_recipe; flags win.
            runs_dir: Folder that holds the runs.
        """
        return launch_run(config_of(flags), runs_dir)

    return with_flags(launch, base)


def train_here(config: RunConfig, runs_dir: Path) -> int:
    """Check, build, and only then make the run folder; returns the run's exit code."""
    stopper = Stopper()
    stopper.listen()
    require_startable(config, runs_dir)
    _say_remarks(config)
    # imports torch, after the signals are taken and the quick checks are made
    from segengine.training.session import run_training, set_up

    terminal = Terminal()

    def progress(phase: str, done: int, total: int) -> None:
        stopper.check()
        terminal.progress(phase, done, total)

    config = config.resolved()
    components = set_up(config, runs_dir, progress)
    stopper.check()
    run = RunDir.create(runs_dir, config)
    with launchers.claimed(run):
        terminal.say(f"Run {run.id}")
        return run_training(run, stopper, components)


def launch_run(config: RunConfig, runs_dir: Path) -> int:
    """Start the run's process and wait until it trains; 1 where the run ends before."""
    run = start_run(config, runs_dir)
    _say_remarks(config)
    say(run.id)
    stop = run_command("stop", run)
    say(
        f"It runs in the background; its output: {run.output_file}. Stop it with: {stop}",
        error=True,
    )
    return _wait_until_it_trains(run)


def _say_remarks(config: RunConfig) -> None:
    for name, sentence in remarks(config).items():
        Terminal().say(f"Note on {name}: {sentence}")


def _wait_until_it_trains(run: RunDir) -> int:
    """0 as soon as the run trains; 1 if it ends before, with the reasons on stderr."""
    terminal, log = Terminal(), RunLog(run.events_file)
    while True:
        status = read_status(run, log)
        if log.started:
            terminal.close()
            return 0
        if not status.active:
            terminal.close()
            for sentence in status.problems or (f"The run {status.state}. {status.message}",):
                say(f"Error: {sentence}", error=True)
            return 1
        if log.progress:
            progress = log.progress
            terminal.progress(progress["phase"], progress["done"], progress["total"])
        time.sleep(0.1)
        log.refresh()
