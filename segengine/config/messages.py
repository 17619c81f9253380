"""A config's errors and limits in words, for the person who filled in the field."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, get_args

from pydantic.fields import FieldInfo

from segengine.errors import UserError
from segengine.registry import unknown_name

_TEMPLATES = {
    "greater_than": "{field} must be greater than {gt}, but {given} was given.",
    "greater_than_equal": "{field} must be at least {ge}, but {given} was given.",
    "less_than": "{field} must be less than {lt}, but {given} was given.",
    "less_than_equal": "{field} must be at most {le}, but {given} was given.",
    "finite_number": "{field} must be a finite number, but {given} was given.",
    "float_parsing": "{field} must be a number, but {given} was given.",
    "float_type": "{field} must be a number, but {given} was given.",
    "int_parsing": "{field} must be a whole number, but {given} was given.",
    "int_type": "{field} must be a whole number, but {given} was given.",
    "int_from_float": "{field} must be a whole number, but {given} was given.",
    "bool_parsing": "{field} must be true or false, but {given} was given.",
    "bool_type": "{field} must be true or false, but {given} was given.",
    "int_parsing_size": "{field} must be a smaller number, but {given} was given.",
    "string_unicode": "{field} {given} is not UTF-8: rename or correct it.",
    "string_too_short": "{field} must not be empty.",
}
_LONGEST = 80  # characters of a given value that a sentence repeats
_LIMITS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}


def sentence(
    error: Mapping[str, Any], sections: Collection[str], fields: Mapping[str, FieldInfo]
) -> tuple[str, str]:
    """(field name, sentence) for one error of a config.

    Args:
        error: one of pydantic's `ValidationError.errors()`.
        sections: the names of the config's sections.
        fields: field name -> declaration, over all sections.
    """
    location = [part for part in error["loc"] if isinstance(part, str)]
    cause = error.get("ctx", {}).get("error")
    field = (cause.field if isinstance(cause, UserError) else "") or (location or [""])[-1]
    if isinstance(cause, UserError):
        return field, str(cause)
    if error["type"] == "extra_forbidden":
        return field, unknown_name("field", field, list(fields))
    if error["type"] == "literal_error":
        choices = literal_choices(fields[field].annotation)
        return field, unknown_name(field, str(error["input"]), choices)
    given = shown(error["input"])
    if not location:
        known = ", ".join(sections)
        return field, f"A config must be an object with the sections {known}, but is {given}."
    template = _TEMPLATES.get(error["type"])
    if template is None:
        return field, f"{field}: {error['msg']}, but {given} was given."
    limits = {key: _limit_text(error["ctx"][key]) for key in _LIMITS if key in error.get("ctx", {})}
    return field, template.format(field=field, given=given, **limits)


def shown(value: object) -> str:
    """A given value as a sentence repeats it: on one line, cut after 80 characters."""
    text = number_text(value) if isinstance(value, float) else repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def limits_in_words(info: FieldInfo) -> str:
    """ "more than 0, at most 10", from a field's declared limits; "" where it has none."""
    return ", ".join(
        f"{words} {_limit_text(getattr(item, limit))}"
        for limit, words in _LIMITS.items()
        for item in info.metadata
        if hasattr(item, limit)
    )


def _limit_text(limit: float) -> str:
    return "2^31" if limit == 2**31 else number_text(limit)  # of seeds: ten digits say less


def number_text(value: float) -> str:
    """A number as a person would type it: 0.001, 30, 1e9, 3e-5, 2147483648."""
    short = f"{value:g}"
    if float(short) != value and math.isfinite(value):
        short = str(int(value)) if value == int(value) and abs(value) < 1e16 else repr(float(value))
    mantissa, exponent_sign, exponent = short.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent_sign else short


def literal_choices(annotation: Any) -> list[str]:
    """The values of `Literal[...]` or of `tuple[Literal[...], ...]`, as text."""
    inner = [arg for arg in get_args(annotation) if arg is not Ellipsis]
    if inner and all(isinstance(arg, str) for arg in inner):
        return list(inner)
    return [choice for arg in inner for choice in literal_choices(arg)]
