"""All commands, and how they end: with an exit code, and a sentence per problem."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from segengine.cli import cache, compare, data, experiments, notes, runs, scoring, sweep
from segengine.cli.flags import base_config, refuse_empty_paths
from segengine.config import InvalidConfig, RunConfig
from segengine.datasets.decoded import DamagedFiles
from segengine.errors import UserError
from segengine.results.filter import FilterError
from segengine.run.stopping import Stopped
from segengine.run.terminal import say


def commands(base: RunConfig) -> dict[str, Callable[..., Any]]:
    """Name -> command; the flags of an experiment have `base` as their defaults."""
    return {
        "train": experiments.train_command(base),
        "launch": experiments.launch_command(base),
        "list": runs.list_runs,
        "show": runs.show,
        "stop": runs.stop,
        "resume": runs.resume,
        "slim": runs.slim,
        "note": notes.note,
        "archive": notes.archive,
        "restore": notes.restore,
        "delete": notes.delete,
        "sweep": sweep.sweep_command(base),
        "sweeps": sweep.sweeps,
        "sweep-stop": sweep.stop_sweep,
        "sweep-continue": sweep.continue_sweep,
        "evaluate": scoring.evaluate_run,
        "compare": compare.compare_runs,
        "predict": scoring.predict_files,
        "sample-data": data.sample_data,
        "check": data.check_command(base),
        "cache": cache.show_cache,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        refuse_empty_paths(words)
        code = tyro.extras.subcommand_cli_from_dict(
            commands(base_config(words)),
            prog="python -m segengine",
            description="SegLab: experiments in semantic segmentation.",
            args=words,
        )
        sys.stdout.flush()
    except UserError as error:
        for sentence in sentences(error):
            say(f"Error: {sentence}", error=True)
        return 2
    except Stopped:
        say("Stopped before the run began.", error=True)
        return 1
    except KeyboardInterrupt:
        say("Interrupted.", error=True)
        return 1
    except BrokenPipeError:  # `list | head`: what is still buffered has no reader
        null_device = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(null_device, stream.fileno())
        return 0
    return int(code)


def sentences(error: UserError) -> list[str]:
    """One sentence per problem."""
    if isinstance(error, InvalidConfig):
        return list(error.problems.values())
    if isinstance(error, FilterError):
        return [f"{error}\n{error.pointed_out()}"]
    return error.sentences() if isinstance(error, DamagedFiles) else [str(error)]
