"""What the sections of RunConfig share: their base class and the types of their fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo

from segengine.config.messages import shown
from segengine.errors import UserError
from segengine.files.typed_paths import typed_path
from segengine.registry import Kind, find

MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 32, 2048  # pixels per side; 32 is the encoders' total stride


class Section(BaseModel):
    """A part of RunConfig: immutable; refuses unknown keys, and values that have no meaning.

    A field that has a meaning only beside certain values of other fields (of any section) says so
    where it is declared: `json_schema_extra=only_if(scheduler=["step"])`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @classmethod
    def declarations(cls) -> dict[str, FieldInfo]:
        """Field name -> declaration."""
        return dict(cls.model_fields)

    def flat(self) -> dict[str, Any]:
        """Field name -> value."""
        return dict(self)

    @classmethod
    def meaningless(cls, values: Mapping[str, Any]) -> dict[str, str]:
        """The fields that have no meaning beside `values`: name -> the field that decides it.

        Conditions on fields that are not among the values are left out.
        """
        return {
            name: chooser
            for name, info in cls.declarations().items()
            for chooser, wanted in reversed(conditions(info).items())
            if chooser in values and not holds(name, chooser, values[chooser], wanted)
        }

    @classmethod
    def default_of(cls, name: str, values: Mapping[str, Any]) -> Any:
        """A field's default beside these values, which may decide it; see `defaults`."""
        declarations = cls.declarations()
        for chooser, by_choice in defaults_by_choice(declarations[name]).items():
            chosen = values.get(chooser, declarations[chooser].default)
            if str(chosen) in by_choice:
                return by_choice[str(chosen)]
        return declarations[name].default

    @model_validator(mode="before")
    @classmethod
    def _defaults_follow_their_choosers(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        followers = (name for name, info in cls.model_fields.items() if defaults_by_choice(info))
        return {**{name: cls.default_of(name, values) for name in followers}, **values}

    @model_validator(mode="after")
    def _every_value_has_a_meaning(self, info: ValidationInfo) -> Section:
        if info.context == STORED:  # an older version may have had fewer conditions
            return self
        values = self.flat()
        for name, chooser in self.meaningless(values).items():
            field = self.declarations()[name]
            if values[name] != self.default_of(name, values):
                chosen = " ".join(_words(values[chooser])) or "none"
                reason = extra(field, "because") or "has no such choice"
                raise UserError(
                    f"{name} '{values[name]}' was given, but {chooser} {chosen} {reason}: "
                    "leave it out.",
                    field=name,
                )
        return self


STORED = "stored"  # validation context of a config that a run folder holds

OPTION = "option"  # in a condition: registered names whose options name the field
GIVEN = "given"  # in a condition: anything but 0, "" and none


def only_if(because: str = "", **choosers: Any) -> dict[str, Any]:
    """For `json_schema_extra`: the field has a meaning only if all of these hold.

    Args:
        because: what the other values do, for the sentence: "strategy scratch loads nothing".
        choosers: field of any section -> the values it may have; [] for none of several, or
            OPTION, or GIVEN.
    """
    return {"only_if": choosers, "because": because}


def shown_if(**choosers: Any) -> dict[str, Any]:
    """For `json_schema_extra`: the form shows the field only if all of these hold."""
    return {"shown_if": choosers}


def defaults(**choosers: Mapping[str, Any]) -> dict[str, Any]:
    """For `json_schema_extra`: beside these choices, the field has another default.

    Args:
        choosers: field of the same section -> its value -> the default: `optimizer={"adam": 0.0}`.
    """
    return {"defaults": choosers}


def defaults_by_choice(info: FieldInfo) -> dict[str, Mapping[str, Any]]:
    """Chooser -> its value -> the default beside it, by a declaration's `defaults`."""
    return dict(extra(info, "defaults") or {})


def zero_means(words: str) -> dict[str, Any]:
    """For `json_schema_extra`: what 0 stands for, such as "all"."""
    return {"zero": words}


def extra(info: FieldInfo, key: str) -> Any:
    """What a declaration's `json_schema_extra` holds under that key; None where it has no such."""
    return info.json_schema_extra.get(key) if isinstance(info.json_schema_extra, dict) else None


def conditions(info: FieldInfo, key: str = "only_if") -> dict[str, Any]:
    """Chooser -> the values that it may have, by a declaration's `only_if` (or `shown_if`)."""
    return dict(extra(info, key) or {})


def holds(name: str, chooser: str, chosen: Any, wanted: Any) -> bool:
    """Whether a condition of the field `name` holds where `chooser` has the value `chosen`."""
    if wanted == OPTION:
        kind: Kind = "models" if chooser == "arch" else "datasets"
        try:
            return name in find(kind, chosen).options
        except UserError:  # an unknown name has its own sentence
            return False
    words = _words(chosen)
    if wanted == GIVEN:
        return any(word.strip() not in ("", "0", "0.0") for word in words)
    return any(word in wanted for word in words) if wanted else not words


def _words(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (tuple, list)) else [str(value)]


def _image_size(value: object) -> object:
    """64, "64" and "64x96" as "64" and "64x96", checked."""
    match = re.fullmatch(r"(\d{1,9})(?:\s*[xX×]\s*(\d{1,9}))?", str(value).strip())
    if not match:
        raise UserError(
            "image_size must be N or HxW in pixels, such as 64 or 128x256, "
            f"but {shown(str(value))} was given."
        )
    height, width = int(match[1]), int(match[2] or match[1])
    if not all(MIN_IMAGE_SIZE <= side <= MAX_IMAGE_SIZE for side in (height, width)):
        raise UserError(
            f"image_size must be {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE} pixels per side, "
            f"but {value} was given."
        )
    return str(height) if height == width else f"{height}x{width}"


@dataclass(frozen=True)
class KnownName:
    """A validator that only registered names pass; forms ask it for the kind of the names."""

    kind: Kind

    def __call__(self, name: str) -> str:
        return find(self.kind, name).name


def known(kind: Kind) -> AfterValidator:
    """The validator of a field that holds a registered name of that kind."""
    return AfterValidator(KnownName(kind))


def _path(value: str, info: ValidationInfo) -> str:
    """A text that can be a path."""
    typed_path(value, info.field_name or "")
    return value


ImageSize = Annotated[str, BeforeValidator(_image_size)]
PathText = Annotated[str, AfterValidator(_path)]
