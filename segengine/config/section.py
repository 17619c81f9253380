"""What the sections of RunConfig share: their base class and the types of their fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
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
from segengine.registry import Kind, find

MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 32, 2048  # pixels a side; 32 is the encoders' total stride


class Section(BaseModel):
    """A part of RunConfig: immutable; unknown keys and values without a meaning are refused.

    A field that has a meaning only beside certain values of others says so where it is declared:
    `json_schema_extra=only_if(scheduler=["step"])`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @classmethod
    def meaningless(cls, values: Mapping[str, Any]) -> dict[str, str]:
        """The fields that have no meaning beside `values`: name -> the field that decides it."""
        return {
            name: chooser
            for name, info in cls.model_fields.items()
            for chooser, wanted in reversed(_conditions(info).items())
            if not _holds(name, chooser, values.get(chooser), wanted)
        }

    @model_validator(mode="after")
    def _every_value_has_a_meaning(self) -> Section:
        values = dict(self)
        for name, chooser in self.meaningless(values).items():
            if values[name] != type(self).model_fields[name].default:
                chosen = " ".join(_words(values[chooser])) or "none"
                raise UserError(
                    f"{name} '{values[name]}' was given, but {chooser} {chosen} has no such "
                    "choice: leave it out.",
                    field=name,
                )
        return self


def only_if(**choosers: Any) -> dict[str, Any]:
    """For `json_schema_extra`: the field has a meaning only if all of these hold.

    Args:
        choosers: field of the same section -> the values it may have. `OPTION` stands for those
            registered names that list the declared field among their options.
    """
    return {"only_if": choosers}


OPTION = "option"


def zero_means(words: str) -> dict[str, Any]:
    """For `json_schema_extra`: what 0 stands for, such as "all"."""
    return {"zero": words}


def extra(info: FieldInfo, key: str) -> Any:
    """What a declaration says in `json_schema_extra` under that key; None where it is silent."""
    return info.json_schema_extra.get(key) if isinstance(info.json_schema_extra, dict) else None


def _conditions(info: FieldInfo) -> dict[str, Any]:
    return dict(extra(info, "only_if") or {})


def _holds(name: str, chooser: str, chosen: Any, wanted: Any) -> bool:
    if wanted == OPTION:
        kind: Kind = "models" if chooser == "arch" else "datasets"
        try:
            return name in find(kind, chosen).options
        except UserError:  # an unknown name has its own sentence
            return False
    return any(word in wanted for word in _words(chosen))


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
            f"image_size must be {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE} pixels a side, "
            f"but {value} was given."
        )
    return str(height) if height == width else f"{height}x{width}"


@dataclass(frozen=True)
class KnownName:
    """A validator that lets only registered names pass; it says which, so that forms can ask."""

    kind: Kind

    def __call__(self, name: str) -> str:
        return find(self.kind, name).name


def known(kind: Kind) -> AfterValidator:
    """Only registered names of that kind."""
    return AfterValidator(KnownName(kind))


def _path(value: str, info: ValidationInfo) -> str:
    """A path whose "~" can be told."""
    field = info.field_name
    try:
        Path(value).expanduser()
    except RuntimeError:
        raise UserError(
            f"{field} '{value}' begins with the home of an unknown user: correct it."
        ) from None
    if "\0" in value:
        raise UserError(f"{field} cannot hold a NUL character: correct it.")
    return value


ImageSize = Annotated[str, BeforeValidator(_image_size)]
PathText = Annotated[str, AfterValidator(_path)]
