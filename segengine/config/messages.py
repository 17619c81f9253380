"""Turns pydantic's error records into sentences for the person who filled in the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from segengine.errors import UserError
from segengine.registry import unknown_name

_TEMPLATES = {
    "greater_than": "{field} must be greater than {gt:g}, but {given} was given.",
    "greater_than_equal": "{field} must be at least {ge:g}, but {given} was given.",
    "less_than": "{field} must be less than {lt:g}, but {given} was given.",
    "less_than_equal": "{field} must be at most {le:g}, but {given} was given.",
    "finite_number": "{field} must be a finite number, but {given} was given.",
    "float_parsing": "{field} must be a number, but {given} was given.",
    "float_type": "{field} must be a number, but {given} was given.",
    "int_parsing": "{field} must be a whole number, but {given} was given.",
    "int_type": "{field} must be a whole number, but {given} was given.",
    "int_from_float": "{field} must be a whole number, but {given} was given.",
    "bool_parsing": "{field} must be true or false, but {given} was given.",
    "bool_type": "{field} must be true or false, but {given} was given.",
    "int_parsing_size": "{field} must be a smaller number, but {given} was given.",
    "string_too_short": "{field} must not be empty.",
}
_LONGEST = 80  # characters of a given value that a sentence repeats


def sentence(error: Mapping[str, Any], config: type[BaseModel]) -> tuple[str, str]:
    """(field name, sentence) for one of `ValidationError.errors()` of `config`."""
    location = [part for part in error["loc"] if isinstance(part, str)]
    cause = error.get("ctx", {}).get("error")
    field = (cause.field if isinstance(cause, UserError) else "") or (location or [""])[-1]
    if isinstance(cause, UserError):
        return field, str(cause)
    if error["type"] == "extra_forbidden":
        return field, unknown_name("field", field, _known_fields(config))
    if error["type"] == "literal_error":
        return field, unknown_name(field, str(error["input"]), _choices(location, config))
    given = shown(error["input"])
    if not location:
        known = ", ".join(config.model_fields)
        return field, f"A config must be an object with the sections {known}, but is {given}."
    template = _TEMPLATES.get(error["type"])
    if template is None:
        return field, f"{field}: {error['msg']}, but {given} was given."
    return field, template.format(field=field, given=given, **error.get("ctx", {}))


def shown(value: object) -> str:
    """A given value as a sentence repeats it: on one line, and not at any length."""
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def limits_in_words(info: FieldInfo) -> str:
    """ "more than 0, at most 10", from a field's declared limits; "" where it has none."""
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    limits = [
        f"{word} {number_text(getattr(item, limit))}"
        for limit, word in words.items()
        for item in info.metadata
        if hasattr(item, limit)
    ]
    return ", ".join(limits)


def number_text(value: float) -> str:
    """A number as a person would type it: 0.001, 30, 1e-05."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _known_fields(config: type[BaseModel]) -> list[str]:
    """The names of all fields, sections opened."""
    names: list[str] = []
    for name, info in config.model_fields.items():
        nested = info.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            names += _known_fields(nested)
        else:
            names.append(name)
    return names


def _choices(path: list[str], config: type[BaseModel]) -> list[str]:
    """The allowed values of a Literal field (or of a tuple of Literals)."""
    *sections, field = path
    for name in sections:
        annotation = config.model_fields[name].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        config = annotation
    return literal_choices(config.model_fields[field].annotation)


def literal_choices(annotation: Any) -> list[str]:
    """The values of `Literal[...]` or of `tuple[Literal[...], ...]`, as text."""
    inner = [arg for arg in get_args(annotation) if arg is not Ellipsis]
    if inner and all(isinstance(arg, str) for arg in inner):
        return list(inner)
    return [choice for arg in inner for choice in literal_choices(arg)]
