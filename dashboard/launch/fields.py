"""The fields of the launch form, as RunConfig declares them: titles, help, options and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic.fields import FieldInfo

from dashboard.launch.wording import FOLDER_HELP
from segengine.config import KnownName, RunConfig, encoders
from segengine.config.messages import limits_in_words, literal_choices
from segengine.config.section import conditions, holds
from segengine.config.wording import choice_label
from segengine.registry import entries as registered

FieldKind = Literal["choice", "several", "switch", "integer", "number", "text", "weights"]

# What the widgets hold: text for texts and numbers (nothing that a person types is repaired
# silently), a name for a choice, a list of names for several, a bool for a switch. Where weights
# come from takes three entries: `weights_from`, `weights_run` and `weights_file`.
FormEntries = dict[str, Any]

SECTION_TITLES = {
    "data": "Data",
    "model": "Model",
    "optim": "Optimization",
    "train": "Training",
}
# The fields that most runs differ in, and those that go with them. Every other one, new ones too,
# is under "More settings".
MAIN_FIELDS = (
    *("dataset", "root", "download", "binary", "val_share", "split_seed", "image_size", "augment"),
    *("flip_chance", "crop_scale", "rotate_degrees", "color_strength", "blur_sigma"),
    *("arch", "stem", "encoder", "upsampling", "strategy", "weights"),
    *("optimizer", "momentum", "lr", "weight_decay", "scheduler", "gamma", "step_epochs", "power"),
    *("loss", "focal_gamma"),
    *("epochs", "batch_size", "val_every", "seed"),
)
_KIND_BY_TYPE: dict[Any, FieldKind] = {bool: "switch", int: "integer", float: "number"}


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
    kind: FieldKind
    title: str
    help: str
    default: Any
    options: Mapping[str, str]
    main: bool


def specs(config_type: type[RunConfig] = RunConfig) -> list[FieldSpec]:
    """Every field of RunConfig, in the order of its declaration."""
    return [_spec(section, name, info) for section, name, info in config_type.fields()]


def visible_fields(entries: FormEntries, config_type: type[RunConfig] = RunConfig) -> set[str]:
    """The names of the fields that have a meaning beside the other entries, as declared."""
    hidden = set(config_type.meaningless(entries))
    if _has_own_splits(entries["root"]):
        hidden |= {"val_share", "split_seed"}
    return {
        name
        for name, info in config_type.declarations().items()
        if name not in hidden
        and all(
            holds(name, chooser, entries[chooser], wanted)
            for chooser, wanted in conditions(info, "shown_if").items()
        )
    }


def _has_own_splits(root: str) -> bool:
    """Whether a folder of people's own is split already."""
    try:
        return (Path(root).expanduser() / "train").is_dir()
    except (RuntimeError, OSError):  # the home of an unknown user; a folder that may not be read
        return False


def in_sight(spec: FieldSpec, entries: FormEntries) -> bool:
    """Whether a field stands in the form itself, not under "More settings"."""
    fine_tuning = spec.name == "encoder_lr_factor" and entries["strategy"] == "pretrained"
    return spec.main or fine_tuning


def options_of(spec: FieldSpec, entries: FormEntries) -> list[str]:
    """What may be chosen: of the encoders those that suit the model, and what is chosen already."""
    if spec.name != "encoder":
        return list(spec.options)
    suitable = encoders.suiting(entries["arch"])
    return [name for name in spec.options if name in suitable or name == entries["encoder"]]


def help_of(spec: FieldSpec, entries: FormEntries) -> str:
    """The field's help; of the dataset folder: what must lie in it."""
    return FOLDER_HELP.get(entries["dataset"], spec.help) if spec.name == "root" else spec.help


def _spec(section: str, name: str, info: FieldInfo) -> FieldSpec:
    options = _options(info)
    kind = _KIND_BY_TYPE.get(info.annotation, "text")
    if options:
        kind = "several" if isinstance(info.default, tuple) else "choice"
    elif name == "weights":
        kind = "weights"
    limits = limits_in_words(info).capitalize()
    return FieldSpec(
        section=section,
        name=name,
        kind=kind,
        title=info.title or name.replace("_", " ").capitalize(),
        help=" ".join(filter(None, (info.description, f"{limits}." if limits else ""))),
        default=info.default,
        options=options,
        main=name in MAIN_FIELDS,
    )


def _options(info: FieldInfo) -> dict[str, str]:
    """value -> label of a choice; empty for other fields."""
    for item in info.metadata:
        validator = getattr(item, "func", None)
        if isinstance(validator, KnownName):
            return {name: entry.label for name, entry in registered(validator.kind).items()}
        if validator is encoders.known_encoder:
            others = sorted(set(encoders.ALL).difference(encoders.COMMON))
            return {name: name for name in (*encoders.COMMON, *others)}
    names = literal_choices(info.annotation)
    return {name: choice_label(name) for name in names}
