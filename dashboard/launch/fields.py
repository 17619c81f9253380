"""The fields of the launch form, as RunConfig declares them: titles, help, options and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic.fields import FieldInfo

from dashboard.launch.wording import FOLDER_HELP, PARAMETERS_HELP
from segengine.config import DataConfig, KnownName, RunConfig, encoders
from segengine.config.encoder_sizes import PARAMETERS
from segengine.config.messages import limits_in_words, literal_choices, number_text
from segengine.config.section import conditions, extra, holds
from segengine.config.wording import choice_label
from segengine.datasets.folder_layout import own_splits
from segengine.errors import UserError
from segengine.files.typed_paths import looking_at
from segengine.registry import Entry
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
    *(
        "dataset",
        "root",
        "download",
        "binary",
        "val_split",
        "val_share",
        "split_seed",
        "image_size",
        "augment",
    ),
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
        zero: of a number: the word that the form has for 0, such as "all"; "" where 0 is a number.
    """

    section: str
    name: str
    kind: FieldKind
    title: str
    help: str
    default: Any
    options: Mapping[str, str]
    main: bool
    zero: str = ""

    def is_zero_word(self, entries: FormEntries) -> bool:
        """Whether the form holds this field's word for 0."""
        entry = entries.get(self.name)
        return bool(self.zero) and isinstance(entry, str) and entry.strip().lower() == self.zero

    def text_of(self, value: Any) -> str:
        """A number or a text as a person types it: 0.001, all."""
        if self.zero and value == 0:
            return self.zero
        return number_text(value) if isinstance(value, float) else str(value)


@cache
def specs(config_type: type[RunConfig] = RunConfig) -> tuple[FieldSpec, ...]:
    """Every field of RunConfig, in the order of its declaration."""
    return tuple(_spec(section, name, info) for section, name, info in config_type.fields())


def visible_fields(entries: FormEntries, config_type: type[RunConfig] = RunConfig) -> set[str]:
    """The names of the fields that have a meaning beside the other entries, as declared."""
    zeros = {spec.name: "0" for spec in specs(config_type) if spec.is_zero_word(entries)}
    entries = {**entries, **zeros}
    hidden = set(config_type.meaningless(entries))
    if entries["dataset"] == "folder" and _has_own_test(entries["root"]):
        hidden |= {"val_share", "split_seed"}
    if entries["weights_from"] != "file":
        hidden.add("weights_prefix")
    return {
        name
        for name, info in config_type.declarations().items()
        if name not in hidden
        and all(
            holds(name, chooser, entries[chooser], wanted)
            for chooser, wanted in conditions(info, "shown_if").items()
        )
    }


def _has_own_test(root: str) -> bool:
    """Whether a folder of people's own holds images for every role, so that none are held out."""
    try:
        with looking_at(root, "root"):
            return "test" in own_splits(DataConfig(dataset="folder", root=root))
    except (ValueError, UserError):  # no such folder, or no such layout: the field says so
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
    if spec.name == "arch":
        return f"{spec.help} {PARAMETERS_HELP}"
    return FOLDER_HELP.get(entries["dataset"], spec.help) if spec.name == "root" else spec.help


def _spec(section: str, name: str, info: FieldInfo) -> FieldSpec:
    options = _options(info)
    kind = _KIND_BY_TYPE.get(info.annotation, "text")
    if options:
        kind = "several" if isinstance(info.default, tuple) else "choice"
    elif name == "weights":
        kind = "weights"
    zero = extra(info, "zero") or ""
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
        zero=zero,
    )


def _label(entry: Entry) -> str:
    """ "SegFormer-B0 · 3.7 M", with the number of parameters where it is known."""
    if not entry.parameters:
        return entry.label
    return f"{entry.label} · {_millions(entry.parameters)}"


def _encoder_label(name: str) -> str:
    return f"{name} · {_millions(PARAMETERS[name])}" if name in PARAMETERS else name


def _millions(count: int) -> str:
    """ "3.7 M", "32.9 M", "847 M": three digits at most."""
    millions = count / 1e6
    return f"{millions:.0f} M" if millions >= 99.95 else f"{millions:.1f} M"


def _options(info: FieldInfo) -> dict[str, str]:
    """value -> label of a choice; empty for other fields."""
    for item in info.metadata:
        validator = getattr(item, "func", None)
        if isinstance(validator, KnownName):
            known = sorted(registered(validator.kind).values(), key=lambda e: (e.year, e.label))
            return {entry.name: _label(entry) for entry in known}
        if validator is encoders.known_encoder:
            others = sorted(set(encoders.ALL).difference(encoders.COMMON))
            return {name: _encoder_label(name) for name in (*encoders.COMMON, *others)}
    names = literal_choices(info.annotation)
    return {name: choice_label(name) for name in names}
