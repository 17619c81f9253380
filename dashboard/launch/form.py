"""The launch form without its looks: fields from RunConfig's declarations, entries to a RunConfig.

An entry is what a widget holds: text for texts and numbers (nothing a person types is repaired
silently), a name for a choice, a list of names for several, a bool for a switch. Where weights come
from takes three entries: `weights_from`, `weights_run` and `weights_file`.
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic.fields import FieldInfo

from dashboard.launch.wording import FOLDERS, LABELS, size_hint
from dashboard.shared.formats import count
from dashboard.shared.run_store import PROJECT
from segengine.config import InvalidConfig, KnownName, RunConfig, encoders
from segengine.config.messages import literal_choices
from segengine.datasets import split_sizes
from segengine.datasets.sampler import steps_per_epoch
from segengine.errors import UserError
from segengine.launchers.preflight import preflight
from segengine.registry import entries as registered

Entries = dict[str, Any]
Kind = Literal["choice", "several", "switch", "integer", "number", "text", "weights"]

# The fields that most runs differ in, and those that go with them. Every other one, new ones too,
# is under "More settings".
MAIN = (
    *("dataset", "root", "download", "val_share", "split_seed", "image_size", "augment"),
    *("flip_chance", "crop_scale", "rotate_degrees", "color_strength", "blur_sigma"),
    *("arch", "stem", "encoder", "upsampling", "strategy", "weights"),
    *("optimizer", "momentum", "lr", "weight_decay", "scheduler", "gamma", "step_epochs", "power"),
    *("loss", "focal_gamma"),
    *("epochs", "batch_size", "val_every", "seed"),
)
SECTIONS = {"data": "Data", "model": "Model", "optim": "Optimisation", "train": "Training"}
_SOME_DATASETS = {"root", "download"}  # fields that only some datasets take
_KIND_OF: dict[Any, Kind] = {bool: "switch", int: "integer", float: "number"}


@dataclass(frozen=True)
class FieldSpec:
    """One field of the form.

    Attributes:
        help: one sentence, and the limits where there are any.
        options: value -> label; empty where the field is no choice.
        main: whether it stands in the form itself, not under "More settings".
    """

    section: str
    name: str
    kind: Kind
    title: str
    help: str
    default: Any
    options: Mapping[str, str]
    main: bool


@dataclass(frozen=True)
class Checked:
    """What the entries come to.

    Attributes:
        config: the RunConfig; None where a field cannot stand.
        problems: field name -> sentence, in the order of the form; empty when the run may start.
        hint: what the choice of data means; "" where that cannot be told.
        notes: field name -> a sentence to read beside it.
    """

    config: RunConfig | None
    problems: dict[str, str] = field(default_factory=dict)
    hint: str = ""
    notes: dict[str, str] = field(default_factory=dict)


def specs(config_type: type[RunConfig] = RunConfig) -> list[FieldSpec]:
    """Every field of RunConfig, in the order of its declaration."""
    return [_spec(section, name, info) for section, name, info in config_type.fields()]


def shown(entries: Entries, config_type: type[RunConfig] = RunConfig) -> set[str]:
    """The names of the fields that have a meaning for the chosen model, dataset and strategy."""
    names = {name for _, name, _ in config_type.fields()}
    dataset = registered("datasets").get(entries["dataset"])
    names -= _SOME_DATASETS.difference(dataset.options if dataset else ())
    for section in config_type.sections().values():
        names.difference_update(section.meaningless(entries))
    return names - _meaningless_here(entries)


def _meaningless_here(entries: Entries) -> set[str]:
    """The fields that a choice in another section, or a number, leaves without a meaning."""
    frozen = entries["strategy"] == "frozen"
    conditions = {
        "weights": entries["strategy"] != "scratch",
        "encoder_lr_factor": not frozen,
        "feature_cache": frozen and not entries["augment"],
        "early_stop_metric": entries["early_stop"].strip() != "0",
        "compile": entries["device"] != "cpu",
        "val_share": not _has_own_splits(entries["root"]),
        "split_seed": not _has_own_splits(entries["root"]),
    }
    return {name for name, holds in conditions.items() if not holds}


def _has_own_splits(root: str) -> bool:
    """Whether a folder of people's own is split already."""
    try:
        return (Path(root).expanduser() / "train").is_dir()
    except (RuntimeError, OSError):  # the home of an unknown user; a folder that may not be read
        return False


def to_entries(config: RunConfig) -> Entries:
    """The entries that give this config."""
    entries: Entries = {}
    for spec in specs(type(config)):
        value = config.flat()[spec.name]
        if spec.kind == "weights":
            entries |= _split_weights(value)
        elif spec.kind == "several":
            entries[spec.name] = list(value)
        elif spec.kind in ("switch", "choice"):
            entries[spec.name] = value
        else:
            entries[spec.name] = number_text(value) if isinstance(value, float) else str(value)
    return {**entries, "encoder": entries["encoder"] or encoders.DEFAULT_ENCODER}


def from_run(config: RunConfig) -> Entries:
    """The entries that run an earlier run's config again: default paths as they are typed."""
    defaults, whole = RunConfig().flat(), RunConfig().resolved().flat()
    same = {n: defaults[n] for n, value in config.flat().items() if value == whole[n]}
    return to_entries(config.with_values(**same))


def to_values(entries: Entries, config_type: type[RunConfig] = RunConfig) -> dict[str, Any]:
    """Field name -> value for `RunConfig.from_flat`; fields that are not shown are left out."""
    visible = shown(entries, config_type)
    return {
        spec.name: _join_weights(entries) if spec.kind == "weights" else _value(spec, entries)
        for spec in specs(config_type)
        if spec.name in visible
    }


def check(entries: Entries, runs_dir: Path, config_type: type[RunConfig] = RunConfig) -> Checked:
    """The config that the entries give, and everything that keeps it from running."""
    values = to_values(entries, config_type)
    config: RunConfig | None = None
    wrong: dict[str, str] = {}
    try:
        config = rest = config_type.from_flat(values)
    except InvalidConfig as error:
        wrong = error.problems
        rest = _sound_rest(values, wrong, config_type)
    problems = {**preflight(rest, runs_dir), **wrong}
    return Checked(config, _in_order(problems, config_type), data_hint(rest), _notes(rest))


def _sound_rest(
    values: Mapping[str, Any], wrong: Mapping[str, str], config_type: type[RunConfig]
) -> RunConfig:
    """The config with defaults in the place of what is wrong, so that the rest can be checked."""
    # A contradiction between fields: without the one it names, the others of its section may clash.
    section_of = {name: section for section, name, _ in config_type.fields()}
    broken = {section_of.get(name) for name in wrong}
    sections = {name for name, section in section_of.items() if section in broken}
    for left_out in (set(wrong), sections, set(values)):
        sound = {n: value for n, value in values.items() if n not in left_out}
        with contextlib.suppress(InvalidConfig):
            return config_type.from_flat(sound)
    raise AssertionError("the defaults are a sound config")


def data_hint(config: RunConfig) -> str:
    """How much a run learns from: "200 training and 80 validation images, 13 steps an epoch"."""
    try:
        sizes = split_sizes(config.data)
    except UserError:
        return ""
    steps = steps_per_epoch(sizes["train"], config.train.batch_size)
    return (
        f"{count(sizes['train'])} training and {count(sizes['val'])} validation images, "
        f"{count(steps)} step{'' if steps == 1 else 's'} an epoch"
    )


def _notes(config: RunConfig) -> dict[str, str]:
    hint = size_hint(config.data.dataset, *config.data.height_width)
    return {"image_size": hint} if hint else {}


def in_sight(spec: FieldSpec, entries: Entries) -> bool:
    """Whether a field stands in the form itself, not under "More settings"."""
    fine_tuning = spec.name == "encoder_lr_factor" and entries["strategy"] == "pretrained"
    return spec.main or fine_tuning


def options_of(spec: FieldSpec, entries: Entries) -> list[str]:
    """What may be chosen: of the encoders those that suit the model, and what is chosen already."""
    if spec.name != "encoder":
        return list(spec.options)
    suit = encoders.suiting(entries["arch"])
    return [name for name in spec.options if name in suit or name == entries["encoder"]]


def help_of(spec: FieldSpec, entries: Entries) -> str:
    """The field's help; of the dataset folder: what must lie in it."""
    return FOLDERS.get(entries["dataset"], spec.help) if spec.name == "root" else spec.help


def changed_titles(entries: Entries, base: Entries) -> list[str]:
    """Titles of the fields in which two forms give different values."""
    hidden = {spec.name: spec.default for spec in specs()} | {"encoder": encoders.DEFAULT_ENCODER}
    ours, theirs = hidden | to_values(entries), hidden | to_values(base)
    return [spec.title for spec in specs() if ours[spec.name] != theirs[spec.name]]


def command_line(config: RunConfig, runs_dir: Path) -> str:
    """The line that does the same as the form, to paste in the project folder."""
    if Path.cwd() != PROJECT:  # relative paths are meant from where the dashboard runs
        config = config.resolved()
    ours = Path(sys.prefix) == PROJECT / ".venv"
    words = [".venv/bin/python" if ours else sys.executable, "-m", "segengine", "launch"]
    words += config.flags()
    if runs_dir != PROJECT / "runs":
        words += ["--runs-dir", str(runs_dir)]
    return shlex.join(words)


def number_text(value: float) -> str:
    """A number as a person would type it: 0.001, 30, 1e-05."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _spec(section: str, name: str, info: FieldInfo) -> FieldSpec:
    options = _options(info)
    kind = _KIND_OF.get(info.annotation, "text")
    if options:
        kind = "several" if isinstance(info.default, tuple) else "choice"
    elif name == "weights":
        kind = "weights"
    return FieldSpec(
        section=section,
        name=name,
        kind=kind,
        title=info.title or name.replace("_", " ").capitalize(),
        help=" ".join(part for part in (info.description, _limits(info)) if part),
        default=info.default,
        options=options,
        main=name in MAIN,
    )


def _options(info: FieldInfo) -> dict[str, str]:
    """value -> label of a choice; empty for other fields."""
    for item in info.metadata:
        if isinstance(known := getattr(item, "func", None), KnownName):
            return {name: entry.label for name, entry in registered(known.kind).items()}
        if getattr(item, "func", None) is encoders.known_encoder:
            rest = sorted(set(encoders.ALL).difference(encoders.COMMON))
            return {name: name for name in (*encoders.COMMON, *rest)}
    names = literal_choices(info.annotation)
    return {name: LABELS.get(name, name.replace("_", " ").capitalize()) for name in names}


def _limits(info: FieldInfo) -> str:
    """ "More than 0, at most 10.", from the declared limits."""
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    found = [
        f"{word} {number_text(getattr(item, limit))}"
        for limit, word in words.items()
        for item in info.metadata
        if hasattr(item, limit)
    ]
    return f"{', '.join(found).capitalize()}." if found else ""


def _value(spec: FieldSpec, entries: Entries) -> Any:
    """What an entry stands for; text that is no number is handed on, to be refused by name."""
    entry = entries[spec.name]
    if spec.kind == "several":
        return tuple(entry)
    if spec.kind in ("integer", "number"):
        for read in (int, float):  # -1 stays -1, so that a sentence about it says what was typed
            with contextlib.suppress(ValueError):
                return read(entry)
    return entry.strip() if isinstance(entry, str) else entry


def _split_weights(weights: str) -> Entries:
    is_run = weights.startswith("run:")
    is_file = bool(weights) and weights != "imagenet" and not is_run
    return {
        "weights_from": "run" if is_run else "file" if is_file else "imagenet",
        "weights_run": weights.removeprefix("run:") if is_run else None,
        "weights_file": weights if is_file else "",
    }


def _join_weights(entries: Entries) -> str:
    source = entries["weights_from"]
    if source == "run":
        return f"run:{entries['weights_run']}" if entries["weights_run"] else ""
    return entries["weights_file"].strip() if source == "file" else "imagenet"


def _in_order(problems: Mapping[str, str], config_type: type[RunConfig]) -> dict[str, str]:
    """The problems in the order of the form, with fields called by their titles."""
    titles = {spec.name: spec.title for spec in specs(config_type)}
    names = [name for name in titles if name in problems]
    names += [name for name in problems if name not in titles]
    return {name: _titled(problems[name], titles) for name in names}


def _titled(sentence: str, titles: Mapping[str, str]) -> str:
    """ "lr must be ..." as "Learning rate must be ..."."""
    first, space, rest = sentence.partition(" ")
    return titles.get(first, first) + space + rest
