"""The flags of an experiment, made from RunConfig's declarations."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from segengine.config import InvalidConfig, RunConfig
from segengine.config.messages import literal_choices
from segengine.config.presets import find_preset
from segengine.config.section import defaults_by_choice
from segengine.errors import UserError
from segengine.run.rundir import RunDir

RUNS = Path("runs")
PATHS = ("--runs-dir", "--config", "--out", "--status-file")  # flags that name a folder or a file
RunId = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]


def with_flags(
    command: Callable[..., int], base: RunConfig, names: Sequence[str] = ()
) -> Callable[..., int]:
    """The command with its parameter `flags` typed as a dataclass of flags.

    Args:
        base: holds the flags' defaults.
        names: the fields that become flags; () for all of them.
    """
    # The type is made at run time, so that no annotation in the source can name it.
    command.__annotations__["flags"] = Annotated[
        _flags_type(base, names), tyro.conf.OmitArgPrefixes
    ]
    return command


def config_of(flags: Any) -> RunConfig:
    """The RunConfig that flags give.

    Raises:
        InvalidConfig: with one sentence for each field that is wrong.
    """
    return RunConfig.from_flat(dataclasses.asdict(flags))


def run_command(command: str, run: RunDir) -> str:
    """A line to paste into a shell that does something with a run, from wherever it lies."""
    words = ["python", "-m", "segengine", command, run.id, "--runs-dir", str(run.path.parent)]
    return shlex.join(words)


def base_config(words: Sequence[str]) -> RunConfig:
    """The RunConfig that the flags change; their defaults, so it is needed before they are parsed.

    `--config FILE` gives it, or `--preset NAME`; without either it is the defaults.

    Raises:
        UserError: both are given, the file cannot be read or is wrong, or there is no such preset.
    """
    file, preset = _value_of("--config", words), _value_of("--preset", words)
    if file and preset:
        raise UserError("--config and --preset were both given: choose one of them.")
    if file:
        base = RunConfig.load(Path(file))
    else:
        base = _that_suits(find_preset(preset).config(), words) if preset else RunConfig()
    return _with_choices(base, words)


def _that_suits(preset: RunConfig, words: Sequence[str]) -> RunConfig:
    """The preset without what has no meaning beside the words, such as another model's stem."""
    values = preset.flat()
    given = {name: _value_of(f"--{name.replace('_', '-')}", words) for name in values}
    given = {name: value for name, value in given.items() if value}
    lost = RunConfig.meaningless({**values, **given}).keys() - RunConfig.meaningless(values).keys()
    return RunConfig.from_flat({name: value for name, value in values.items() if name not in lost})


def _with_choices(base: RunConfig, words: Sequence[str]) -> RunConfig:
    """The config with those of the words' choices that decide other fields' defaults."""
    infos = RunConfig.declarations().values()
    choosers = {chooser for info in infos for chooser in defaults_by_choice(info)}
    choices = {name: _value_of(f"--{name.replace('_', '-')}", words) for name in choosers}
    given = {name: value for name, value in choices.items() if value}
    try:
        return base.choosing(**given) if given else base
    except InvalidConfig:  # said once all flags are read
        return base


def refuse_empty_paths(words: Sequence[str]) -> None:
    """An empty path would mean the folder that one happens to be in.

    Raises:
        UserError: a path is empty, such as that of a shell variable that is not set.
    """
    for flag in PATHS:
        given = flag in words[:-1] or any(word.startswith(f"{flag}=") for word in words)
        if given and not _value_of(flag, words):
            raise UserError(f"{flag} is empty: give a path, or leave it out.")


def _value_of(flag: str, words: Sequence[str]) -> str:
    """The word after a flag (the last one counts), or behind its "="; "" where it is not given."""
    value = ""
    for index, word in enumerate(words):
        if word == flag and index + 1 < len(words):
            value = words[index + 1]
        elif word.startswith(f"{flag}="):
            value = word.partition("=")[2]
    return value


def _flags_type(base: RunConfig, names: Sequence[str]) -> type:
    """A dataclass of flat flags; values stay text, so that RunConfig itself checks them."""
    fields: list[tuple[str, Any, Any]] = []
    values = base.flat()
    for name, info in RunConfig.declarations().items():
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
        argument = tyro.conf.arg(help=info.description, metavar=metavar)
        fields.append((name, Annotated[kind, argument], dataclasses.field(default=value)))
    return dataclasses.make_dataclass("Experiment", fields)
