"""The launch form without its looks: entries to a RunConfig and back, and what is wrong in them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dashboard.launch.fields import FieldSpec, FormEntries, specs, visible_fields
from dashboard.launch.wording import in_page_words, without_example
from dashboard.shared.commands import engine_command
from dashboard.shared.formats import format_count
from dashboard.shared.run_store import PROJECT
from segengine.config import STORED, DataConfig, InvalidConfig, RunConfig, encoders
from segengine.config.section import defaults_by_choice
from segengine.datasets import Split, dataset_notes
from segengine.datasets.sampler import steps_per_epoch
from segengine.datasets.splits.roles import role_sizes
from segengine.errors import UserError
from segengine.launchers.preflight import preflight
from segengine.launchers.remarks import remarks


@dataclass(frozen=True)
class CheckedForm:
    """What the entries come to.

    Attributes:
        config: the RunConfig; None where an entry is refused.
        problems: field name -> sentence, in the order of the form; empty when the run may start.
        hint: how much data there is to learn from; "" where that cannot be told.
        notes: field name -> a sentence to read beside it.
        to_give: the fields among the problems in which nothing was given yet: no errors so far.
        classes_json: what a classes.json in the dataset's folder may hold, where that would mend
            the folder's problem; "" where nothing is proposed.
    """

    config: RunConfig | None
    problems: dict[str, str] = field(default_factory=dict)
    hint: str = ""
    notes: dict[str, str] = field(default_factory=dict)
    to_give: frozenset[str] = frozenset()
    classes_json: str = ""


def to_entries(config: RunConfig) -> FormEntries:
    """The entries that give this config."""
    entries: FormEntries = {}
    values = config.flat()
    for spec in specs(type(config)):
        value = values[spec.name]
        if spec.kind == "weights":
            entries |= _split_weights(value)
        elif spec.kind == "several":
            entries[spec.name] = list(value)
        else:
            entries[spec.name] = _entry(spec, value)
    return {**entries, "encoder": entries["encoder"] or encoders.DEFAULT_ENCODER}


def followers(entries: FormEntries, chooser: str) -> FormEntries:
    """The entries that go to the defaults of what was just chosen: those at another's default."""
    values = {chooser: entries[chooser]}
    followed: FormEntries = {}
    for spec in specs():
        info = RunConfig.declarations()[spec.name]
        by_choice = defaults_by_choice(info).get(chooser, {})
        known = [_entry(spec, value) for value in (info.default, *by_choice.values())]
        if by_choice and entries[spec.name] in known:
            followed[spec.name] = _entry(spec, RunConfig.default_of(spec.name, values))
    return followed


def from_run(config: RunConfig) -> FormEntries:
    """The entries that run an earlier run's config again: default paths as they are typed."""
    defaults, absolute = RunConfig().flat(), RunConfig().resolved().flat()
    typed = {n: defaults[n] for n, value in config.flat().items() if value == absolute[n]}
    return to_entries(RunConfig.from_flat({**config.flat(), **typed}, STORED))


def to_values(entries: FormEntries, config_type: type[RunConfig] = RunConfig) -> dict[str, Any]:
    """Field name -> value for `RunConfig.from_flat`; fields that are not shown are left out."""
    visible = visible_fields(entries, config_type)
    return {
        spec.name: _join_weights(entries) if spec.kind == "weights" else _value(spec, entries)
        for spec in specs(config_type)
        if spec.name in visible
    }


def to_config(entries: FormEntries, config_type: type[RunConfig] = RunConfig) -> RunConfig:
    """The config that the entries give; InvalidConfig where a field cannot stand."""
    return config_type.from_flat(to_values(entries, config_type))


def check_form(
    entries: FormEntries, runs_dir: Path, config_type: type[RunConfig] = RunConfig
) -> CheckedForm:
    """The config that the entries give, and everything that keeps it from running."""
    config: RunConfig | None = None
    refused: dict[str, str] = {}
    try:
        config = sound = to_config(entries, config_type)
    except InvalidConfig as error:
        refused = error.problems
        sound = _without_refused(to_values(entries, config_type), refused, config_type)
    errors = preflight(sound, runs_dir)
    # Of settings beside a default in the place of what is refused there is nothing to say.
    notes = {**_data_notes(sound), **(remarks(config) if config else {})}
    classes_json = getattr(errors.get("root"), "classes_json", "")
    problems = {**{name: str(error) for name, error in errors.items()}, **refused}
    if classes_json:
        problems["root"] = without_example(problems["root"])
    return CheckedForm(
        config,
        _in_order(problems, config_type),
        data_hint(sound),
        {name: said for name, said in notes.items() if name not in problems},
        frozenset(problems) & _not_given(entries),
        classes_json,
    )


def _without_refused(
    values: Mapping[str, Any], refused: Mapping[str, str], config_type: type[RunConfig]
) -> RunConfig:
    """The config with defaults in the place of what is refused, so that the rest can be checked."""
    # A contradiction between fields: without the one it names, the others of its section may clash.
    section_of = {name: section for section, name, _ in config_type.fields()}
    broken = {section_of.get(name) for name in refused}
    sections = {name for name, section in section_of.items() if section in broken}
    for left_out in (set(refused), sections, set(values)):
        sound = {name: value for name, value in values.items() if name not in left_out}
        with contextlib.suppress(InvalidConfig):
            return config_type.from_flat(sound)
    raise AssertionError("the defaults are a sound config")


def data_hint(config: RunConfig) -> str:
    """How much a run learns from: "200 training and 80 validation images, 13 steps per epoch"."""
    try:
        sizes = role_sizes(config.data)
    except UserError:
        return ""
    steps = steps_per_epoch(sizes["train"], config.train.batch_size)
    return (
        f"{format_count(sizes['train'])} training and {format_count(sizes['val'])} validation "
        f"images{_tested(config, sizes)}, {format_count(steps)} step{'' if steps == 1 else 's'} "
        "per epoch"
    )


def _tested(config: RunConfig, sizes: Mapping[Split, int]) -> str:
    tested = config.data.val_split == "honest" and "test" in sizes
    return f", {format_count(sizes['test'])} test images scored once" if tested else ""


def changed_titles(entries: FormEntries, base: FormEntries) -> list[str]:
    """Titles of the fields in which two forms give different values."""
    hidden = {spec.name: spec.default for spec in specs()} | {"encoder": encoders.DEFAULT_ENCODER}
    values, base_values = hidden | to_values(entries), hidden | to_values(base)
    return [spec.title for spec in specs() if values[spec.name] != base_values[spec.name]]


def command_line(config: RunConfig, runs_dir: Path) -> str:
    """The line that does the same as the form, to paste in the project folder."""
    if Path.cwd() != PROJECT:  # relative paths are meant from where the dashboard runs
        config = config.resolved()
    return engine_command("launch", *config.flags(), runs_dir=runs_dir)


def _value(spec: FieldSpec, entries: FormEntries) -> Any:
    """What an entry stands for; text that is no number is handed on, to be refused by name."""
    entry = entries[spec.name]
    if spec.kind == "several":
        return tuple(entry)
    if spec.kind in ("integer", "number"):
        if spec.is_zero_word(entries):
            return 0
        for parse in (int, float):  # -1 stays -1, so that a sentence about it says what was typed
            with contextlib.suppress(ValueError):
                return parse(entry)
    return entry.strip() if isinstance(entry, str) else entry


def _entry(spec: FieldSpec, value: Any) -> Any:
    """A value as a widget holds it: switches and choices as they are, all else as text."""
    return value if spec.kind in ("switch", "choice") else spec.text_of(value)


def _split_weights(weights: str) -> FormEntries:
    is_run = weights.startswith("run:")
    is_file = bool(weights) and weights != "imagenet" and not is_run
    return {
        "weights_from": "run" if is_run else "file" if is_file else "imagenet",
        "weights_run": weights.removeprefix("run:") if is_run else None,
        "weights_file": weights if is_file else "",
    }


def _join_weights(entries: FormEntries) -> str:
    source = entries["weights_from"]
    if source == "run":
        return f"run:{entries['weights_run']}" if entries["weights_run"] else ""
    return entries["weights_file"].strip() if source == "file" else "imagenet"


def _data_notes(config: RunConfig) -> dict[str, str]:
    """What is worth a word of how the dataset's folder is read."""
    try:
        of_data = " ".join(dataset_notes(config.data))
    except UserError:  # a problem, which has its own sentence
        of_data = ""
    return {"root": of_data} if of_data else {}


def _not_given(entries: FormEntries) -> frozenset[str]:
    """The fields that a choice has just brought, and in which a person has given nothing yet."""
    given = {
        "root": entries["root"] not in ("", DataConfig().root),
        "weights": _join_weights(entries) not in ("", "imagenet"),  # which a strategy brings along
    }
    return frozenset(name for name, is_given in given.items() if not is_given)


def _in_order(problems: Mapping[str, str], config_type: type[RunConfig]) -> dict[str, str]:
    """The problems in the order of the form, with fields called by their titles."""
    titles = {spec.name: spec.title for spec in specs(config_type)}
    names = [name for name in titles if name in problems]
    names += [name for name in problems if name not in titles]
    return {name: _titled(problems[name], titles) for name in names}


def _titled(sentence: str, titles: Mapping[str, str]) -> str:
    """ "lr must be ..." as "Learning rate must be ...", in the words of a page."""
    first, space, rest = sentence.partition(" ")
    return in_page_words(titles.get(first, first) + space + rest)
