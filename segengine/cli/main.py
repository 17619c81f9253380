"""All commands, and how they end: with an exit code, and a sentence per problem."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence

import tyro

from segengine.cli.flags import base_config, refuse_empty_paths
from segengine.config import InvalidConfig, RunConfig
from segengine.datasets.decoded import DamagedFiles
from segengine.errors import UserError
from segengine.results.filter import FilterError
from segengine.run.stopping import Stopped
from segengine.run.terminal import say

PROGRAM = "python -m segengine"
# name -> module and function; one that ends in "_command" makes the command from the config that
# holds its flags' defaults. Loaded when they are named: loading all takes longer than `list` does.
COMMANDS = {
    "train": "experiments.train_command",
    "launch": "experiments.launch_command",
    "list": "runs.list_runs",
    "show": "runs.show",
    "stop": "runs.stop",
    "resume": "runs.resume",
    "slim": "runs.slim",
    "note": "notes.note",
    "archive": "notes.archive",
    "restore": "notes.restore",
    "delete": "notes.delete",
    "sweep": "sweep.sweep_command",
    "sweeps": "sweep.sweeps",
    "sweep-stop": "sweep.stop_sweep",
    "sweep-continue": "sweep.continue_sweep",
    "evaluate": "scoring.evaluate_run",
    "compare": "compare.compare_runs",
    "predict": "scoring.predict_files",
    "sample-data": "data.sample_data",
    "check": "data.check_command",
    "cache": "cache.show_cache",
}


def load_command(name: str, base: RunConfig) -> Callable[..., int]:
    """A command; where it takes an experiment's flags, `base` holds their defaults."""
    module, function = COMMANDS[name].split(".")
    found = getattr(importlib.import_module(f"segengine.cli.{module}"), function)
    command: Callable[..., int] = found(base) if function.endswith("_command") else found
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        refuse_empty_paths(words)
        code = _run(words)
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
    return code


def _run(words: list[str]) -> int:
    base = base_config(words)
    if words and (name := words[0]) in COMMANDS:
        return int(tyro.cli(load_command(name, base), prog=f"{PROGRAM} {name}", args=words[1:]))
    return int(
        tyro.extras.subcommand_cli_from_dict(
            {name: load_command(name, base) for name in COMMANDS},
            prog=PROGRAM,
            description="SegLab: experiments in semantic segmentation.",
            args=words,
        )
    )


def sentences(error: UserError) -> list[str]:
    """One sentence per problem."""
    if isinstance(error, InvalidConfig):
        return list(error.problems.values())
    if isinstance(error, FilterError):
        return [f"{error}\n{error.pointed_out()}"]
    return error.sentences() if isinstance(error, DamagedFiles) else [str(error)]
