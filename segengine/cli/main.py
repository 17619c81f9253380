"""The command line: all that the dashboard does, without it.

Each command is a function; tyro makes its flags and help from the signature and the docstring. Exit
codes: 0 done, 1 failed, 2 wrong usage (one sentence a problem on stderr, nothing was changed).
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

import tyro

from segengine import launchers
from segengine.cli import check_report as checks
from segengine.cli import tables as text
from segengine.config import DataConfig, InvalidConfig, RunConfig
from segengine.config.messages import literal_choices
from segengine.datasets import Split
from segengine.datasets.check import check_dataset
from segengine.datasets.decoded import DamagedFiles
from segengine.errors import UserError
from segengine.launchers import local
from segengine.launchers.start import start_run
from segengine.results.status import read_status
from segengine.run.rundir import RunDir
from segengine.run.stopping import Stopped, Stopper
from segengine.terminal import Terminal

RUNS = Path("runs")
CHECKED = ("dataset", "root", "val_share", "split_seed", "workers")  # the fields `check` takes
STOP_SECONDS = 15.0  # how long `stop` waits for a run to end
RunId = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]


def list_runs(runs_dir: Path = RUNS) -> int:
    """List the runs, newest first.

    Args:
        runs_dir: Folder that holds the runs.
    """
    runs = RunDir.all(runs_dir)
    print(text.table(runs) if runs else f"No runs in {runs_dir} yet: start one with `train`.")
    return 0


def show(run: RunId, runs_dir: Path = RUNS) -> int:
    """Show one run: its state, config, weights, and scores.

    Args:
        run: Id of the run.
        runs_dir: Folder that holds the runs.
    """
    print(text.about(RunDir.open(runs_dir, run)))
    return 0


def stop(run: RunId, runs_dir: Path = RUNS) -> int:
    """Stop a run: it finishes its step, saves and exits. `resume` goes on from there.

    Args:
        run: Id of the run.
        runs_dir: Folder that holds the runs.
    """
    opened = RunDir.open(runs_dir, run)
    launchers.cancel(opened)
    deadline = time.monotonic() + STOP_SECONDS
    while read_status(opened).active and time.monotonic() < deadline:
        time.sleep(0.1)
    state = read_status(opened).state
    print(f"{run}: {state}")
    if state in ("running", "unresponsive", "queued"):
        print("It has not stopped yet; `stop` once more kills it.", file=sys.stderr)
        return 1
    return 0


def resume(run: RunId, runs_dir: Path = RUNS) -> int:
    """Go on with a run from its last checkpoint (from its beginning where it has none).

    Args:
        run: Id of the run.
        runs_dir: Folder that holds the runs.
    """
    opened = RunDir.open(runs_dir, run)
    if read_status(opened).state == "finished":
        raise UserError(f"Run {run} is finished: there is nothing to go on with.")
    stopper = Stopper()
    stopper.listen()
    local.take_over(opened)
    from segengine.training.session import (
        run_training,  # imports torch, after the signals are taken
    )

    return run_training(opened, stopper)


def evaluate(
    run: RunId,
    dataset: str = "",
    root: str = "",
    split: str = "val",
    val_limit: Annotated[str, tyro.conf.arg(metavar="N")] = "",
    runs_dir: Path = RUNS,
) -> int:
    """Score the best weights of a run on a split of a dataset.

    The scores are printed, and written into the run folder as JSON and CSV.

    Args:
        run: Id of the run.
        dataset: Name of the dataset; left out, the run's own.
        root: Folder that holds it; left out, the run's own.
        split: train, val or test.
        val_limit: Use only N images of the split (0: all); left out, as in training.
        runs_dir: Folder that holds the runs.
    """
    opened = RunDir.open(runs_dir, run)
    if split not in get_args(Split):
        raise UserError(f"split '{split}' was given: choose train, val or test.", field="split")
    limit = "train_limit" if split == "train" else "val_limit"
    given = {"dataset": dataset, "root": root, limit: val_limit}
    config = _with_data(opened.config(), {name: value for name, value in given.items() if value})
    from segengine.inference.evaluate import (
        evaluate as scored,  # imports torch, after the cheap checks
    )

    result = scored(opened, config, Terminal().progress, cast("Split", split))
    print(text.scores_table(result))
    print(f"Written to {opened.evaluation(config.data.dataset, split)} and the tables beside it")
    return 0


def _with_data(config: RunConfig, changes: Mapping[str, str]) -> RunConfig:
    """The config on other data; choices that the other dataset does not have are forgotten."""
    values = {**config.flat(), **changes}
    for name in DataConfig.meaningless(values):
        values[name] = DataConfig.model_fields[name].default
    return RunConfig.from_flat(values).resolved()


def predict(
    run: RunId,
    images: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE")],
    out: Path,
    runs_dir: Path = RUNS,
) -> int:
    """Predict masks of your own images with the best weights of a run.

    Args:
        run: Id of the run.
        images: Image files.
        out: Folder for the index masks (PNG; the classes' colours are their palette).
        runs_dir: Folder that holds the runs.
    """
    opened = RunDir.open(runs_dir, run)
    if not images:
        raise UserError("Give at least one image to predict.")
    from segengine.inference.predict import predict_images  # imports torch, after the cheap checks

    for path in predict_images(opened, images, out):
        print(path)
    return 0


def sample_data(
    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")],
    kind: Literal["pets", "streets"] = "pets",
    train: int | None = None,
    val: int | None = None,
    seed: int = 0,
    runs_dir: Path = RUNS,
) -> int:
    """Draw a synthetic sample: pets or streets, in the layout of the official dataset.

    Args:
        folder: Where `oxford-iiit-pet/` or `cityscapes/` is made.
        kind: Pets as in Oxford-IIIT Pet, or streets as in Cityscapes.
        train: Training images; left out, 200 pets or 240 streets.
        val: Validation images; left out, 80 pets or 60 streets.
        seed: Seed of the drawings.
        runs_dir: Not used; every command takes it.
    """
    from segengine.datasets.drawing import write_sample_pets, write_sample_streets

    terminal = Terminal()
    given = {"train": train, "val": val}
    counts = {split: count for split, count in given.items() if count is not None}

    def progress(done: int, total: int) -> None:
        terminal.progress("Drawing", done, total)

    if kind == "streets":
        made = write_sample_streets(folder / "cityscapes", seed=seed, progress=progress, **counts)
    else:
        made = write_sample_pets(folder, seed=seed, progress=progress, **counts)
    print(f"{made} (synthetic sample, drawn by SegLab)")
    return 0


def _commands(base: RunConfig) -> dict[str, Any]:
    """All commands; the flags of `train` and `launch` have `base` as their defaults."""

    def train(flags: Any, config: Path | None = None, runs_dir: Path = RUNS) -> int:
        """Train a model here and now, with a progress bar.

        Args:
            flags: The experiment.
            config: JSON file with a RunConfig; flags given beside it win.
            runs_dir: Folder that holds the runs.
        """
        return _train(RunConfig.from_flat(dataclasses.asdict(flags)), runs_dir)

    def launch(flags: Any, config: Path | None = None, runs_dir: Path = RUNS) -> int:
        """Start a run that goes on by itself, and print its id.

        Args:
            flags: The experiment.
            config: JSON file with a RunConfig; flags given beside it win.
            runs_dir: Folder that holds the runs.
        """
        return _launch(RunConfig.from_flat(dataclasses.asdict(flags)), runs_dir)

    def check(flags: Any, json: bool = False, runs_dir: Path = RUNS) -> int:
        """Read a dataset whole and list every problem; the exit code is 1 where there are any.

        Args:
            flags: The data.
            json: Print JSON instead of text.
            runs_dir: Not used; every command takes it.
        """
        return _check(RunConfig.from_flat(dataclasses.asdict(flags)), json)

    # The type is made at run time, so that no annotation in the source can name it.
    flat: Any = Annotated[_flags_type(base), tyro.conf.OmitArgPrefixes]
    train.__annotations__["flags"] = launch.__annotations__["flags"] = flat
    data: Any = Annotated[_flags_type(base, CHECKED), tyro.conf.OmitArgPrefixes]
    check.__annotations__["flags"] = data
    return {
        "train": train,
        "launch": launch,
        "list": list_runs,
        "show": show,
        "stop": stop,
        "resume": resume,
        "evaluate": evaluate,
        "predict": predict,
        "sample-data": sample_data,
        "check": check,
    }


def _train(config: RunConfig, runs_dir: Path) -> int:
    stopper = Stopper()
    stopper.listen()
    from segengine.training.dry_run import require_ready
    from segengine.training.session import run_training

    terminal = Terminal()

    def progress(phase: str, done: int, total: int) -> None:
        stopper.check()
        terminal.progress(phase, done, total)

    require_ready(config, runs_dir, progress)
    stopper.check()
    run = RunDir.create(runs_dir, config)
    local.take_over(run)
    terminal.say(f"Run {run.id}")
    return run_training(run, stopper)


def _launch(config: RunConfig, runs_dir: Path) -> int:
    from segengine.training.dry_run import require_ready

    require_ready(config, runs_dir, Terminal().progress)
    run = start_run(config, runs_dir)
    print(run.id)
    print(f"Its output: {run.output_file}. Stop it with: stop {run.id}", file=sys.stderr)
    return 0


def _check(config: RunConfig, as_json: bool) -> int:
    report = check_dataset(config.data, Terminal().progress)
    print(checks.check_json(report) if as_json else checks.check_text(report))
    return 1 if report.problems else 0


def _flags_type(base: RunConfig, names: Sequence[str] = ()) -> type:
    """A dataclass of flat flags from RunConfig's declarations; of some fields if `names` are given.

    Values stay text, so that RunConfig itself says what is wrong with them.
    """
    fields: list[tuple[str, Any, Any]] = []
    values = base.flat()
    for _, name, info in RunConfig.fields():
        if names and name not in names:
            continue
        value = values[name]
        kind: Any = str
        if isinstance(value, bool):
            kind = bool
        elif isinstance(value, tuple):
            kind = tuple[str, ...]
        else:
            value = str(value)
        choices = literal_choices(info.annotation)
        metavar = None if kind is bool else "|".join(choices) or name.upper()
        note = tyro.conf.arg(help=info.description, metavar=metavar)
        fields.append((name, Annotated[kind, note], dataclasses.field(default=value)))
    return dataclasses.make_dataclass("Experiment", fields)


def _config_file(arguments: Sequence[str]) -> RunConfig:
    """The config that `--config FILE` names, or the defaults; it must be known before parsing."""
    for index, word in enumerate(arguments):
        if word == "--config" and index + 1 < len(arguments):
            return RunConfig.load(Path(arguments[index + 1]))
        if word.startswith("--config="):
            return RunConfig.load(Path(word.partition("=")[2]))
    return RunConfig()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        commands = _commands(_config_file(words))
        code = tyro.extras.subcommand_cli_from_dict(
            commands,
            prog="python -m segengine",
            description="SegLab: experiments in semantic segmentation.",
            args=words,
        )
        sys.stdout.flush()
    except InvalidConfig as error:
        for sentence in error.problems.values():
            print(f"Error: {sentence}", file=sys.stderr)
        return 2
    except DamagedFiles as error:
        for sentence in error.sentences():
            print(f"Error: {sentence}", file=sys.stderr)
        return 2
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except Stopped:
        print("Stopped before the run began.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `list | head`: what is still buffered has no reader any more
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        return 0
    return int(code)
