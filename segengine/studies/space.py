"""The fields that a sweep varies: lists and ranges as people type them, their grid and draws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from segengine.config import InvalidConfig, RunConfig
from segengine.config.messages import number_text, sentence
from segengine.errors import UserError
from segengine.registry import unknown_name

Value: TypeAlias = bool | int | float | str | tuple[str, ...]
Scale = Literal["linear", "log"]
Combination: TypeAlias = dict[str, Value]  # field name -> value, in the order of the axes

SEED = "seed"
MOST_RUNS = 1000  # of a sweep
_DIGITS = 3  # significant ones of a number that we choose
_GRAMMAR = "a list such as '0.001 0.0005', or a range such as '1e-4..1e-2 log 5' or '0..4'"


class Axis(BaseModel):
    """A varied field: its values or, where `values` is empty, every number from `low` to `high`."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    field: str
    values: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    scale: Scale = "linear"
    whole: bool = False  # whole numbers only

    @property
    def listed(self) -> tuple[Value, ...]:
        """Every value that the field may have; () where they are too many to be counted."""
        countless = not self.whole or self.scale == "log" or self.high - self.low >= MOST_RUNS
        if self.values or countless:
            return self.values
        return tuple(range(int(self.low), int(self.high) + 1))

    def text(self) -> str:
        """ "lr 0.001, 0.0005" or "lr 0.0001..0.01 log"."""
        if self.values:
            return f"{self.field} {', '.join(map(value_text, self.values))}"
        return f"{self.field} {self.range_text().removesuffix(' linear')}"

    def range_text(self) -> str:
        """ "0.0001..0.01 log", as it is typed."""
        return f"{number_text(self.low)}..{number_text(self.high)} {self.scale}"


def axes_of(vary: Mapping[str, Sequence[str]]) -> tuple[Axis, ...]:
    """The axes of field name -> the words that were typed for it.

    Raises:
        UserError: a field is unknown, a value cannot be one of its, or the words are no list and
            no range; the sentence says what is allowed.
    """
    known = RunConfig.declarations()
    for name in vary:
        if name not in known:
            raise UserError(unknown_name("field", name, list(known)), field=name)
    return tuple(_axis(name, known[name], list(words)) for name, words in vary.items())


def grid(axes: Sequence[Axis]) -> Iterator[Combination]:
    """Every combination, the last axis fastest.

    Raises:
        UserError: an axis has no end of values, or there are more than MOST_RUNS combinations.
    """
    for axis in axes:
        if not axis.listed and axis.field == SEED:
            raise UserError(f"{axis.text()} are more than {MOST_RUNS:,} seeds.", field=SEED)
        if not axis.listed:
            raise UserError(
                f"A grid needs to know how many values to take of {axis.text()}: say it behind the "
                f"range, as in '{axis.range_text()} 5', or "
                "choose method random.",
                field=axis.field,
            )
    refuse_too_many(math.prod(len(axis.listed) for axis in axes))
    names = [axis.field for axis in axes]
    for values in itertools.product(*(axis.listed for axis in axes)):
        yield dict(zip(names, values, strict=True))


def draws(axes: Sequence[Axis], count: int, seed: int) -> Iterator[Combination]:
    """So many random combinations; the same seed gives the same ones, and more draws add to them.

    Numbers of a range are uniform on its scale, with three significant digits.
    """
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield {axis.field: _drawn(axis, rng) for axis in axes}


def refuse_too_many(runs: int) -> None:
    """Refuse more runs than a sweep may have.

    Raises:
        UserError: they are too many.
    """
    if runs > MOST_RUNS:
        raise UserError(
            f"A sweep has at most {MOST_RUNS:,} runs, but this one would have {runs:,}: vary fewer "
            "fields or values, or draw fewer of them."
        )


def combination_text(values: Mapping[str, Any]) -> str:
    """ "lr 0.001, seed 2"; "the base settings" where nothing is varied."""
    return (
        ", ".join(f"{name} {value_text(value)}" for name, value in values.items())
        or "the base settings"
    )


def value_text(value: Any) -> str:
    """A value as a person would type it: 0.001, true, hflip,crop, none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return number_text(value)
    text = ",".join(value) if isinstance(value, (tuple, list)) else str(value)
    return text or "none"


def rounded(value: float, axis: Axis) -> int | float:
    """A number of the axis's range with three significant digits, or a whole one."""
    if axis.whole:
        return int(min(max(round(value), axis.low), axis.high))
    short = float(f"{value:.{_DIGITS}g}")
    return min(max(short, axis.low), axis.high)


def _axis(name: str, info: FieldInfo, words: list[str]) -> Axis:
    if not words:
        raise UserError(
            f"{name} is to be varied, but no values are given: give {_GRAMMAR}.", field=name
        )
    ends = [_ends(word) for word in words]
    if info.annotation not in (int, float) or not any(ends):
        return _listing(name, [_checked(name, info, word) for word in words])
    if ends[0] and (options := _range_options(words[1:])) is not None:
        axis = _range(name, info, ends[0], options[0])
        return _spaced(axis, options[1]) if options[1] else axis
    if info.annotation is not int:
        raise UserError(f"{name} cannot be {' '.join(words)!r}: give {_GRAMMAR}.", field=name)
    values: list[Value] = []
    for word, pair in zip(words, ends, strict=True):
        values += _expanded(_range(name, info, pair)) if pair else [_checked(name, info, word)]
    return _listing(name, values)


def _listing(name: str, values: Sequence[Value]) -> Axis:
    return Axis(field=name, values=tuple(values))


def _ends(word: str) -> tuple[str, str] | None:
    """The two numbers of "1e-4..1e-2"; None for any other word."""
    low, _, high = word.partition("..")
    try:
        float(low), float(high)
    except ValueError:
        return None
    return low, high


def _range_options(words: Sequence[str]) -> tuple[Scale, int] | None:
    """(scale, number of values or 0) of the words behind a range; None where they are others."""
    if not words:
        return "linear", 0
    count = words[1] if len(words) > 1 else "0"
    if words[0] not in ("linear", "log") or len(words) > 2 or not count.isdecimal():
        return None
    return ("log" if words[0] == "log" else "linear"), int(count)


def _range(name: str, info: FieldInfo, ends: tuple[str, str], scale: Scale = "linear") -> Axis:
    low, high = (_checked(name, info, end) for end in ends)
    assert isinstance(low, (int, float)) and isinstance(high, (int, float))
    if not low < high:
        raise UserError(
            f"{name} {'..'.join(ends)} is no range: its first number must be the smaller one.",
            field=name,
        )
    if scale == "log" and low <= 0:
        raise UserError(f"{name} {'..'.join(ends)} log must begin above 0.", field=name)
    return Axis(field=name, low=low, high=high, scale=scale, whole=info.annotation is int)


def _spaced(axis: Axis, count: int) -> Axis:
    """So many values of a range, its ends among them."""
    if not 2 <= count <= MOST_RUNS:
        raise UserError(
            f"{axis.text()} can be cut into 2 to {MOST_RUNS:,} values, but {count:,} was given.",
            field=axis.field,
        )
    space = np.geomspace if axis.scale == "log" else np.linspace
    return _listing(
        axis.field, [rounded(float(x), axis) for x in space(axis.low, axis.high, count)]
    )


def _expanded(axis: Axis) -> Sequence[Value]:
    if not axis.listed:
        raise UserError(f"{axis.text()} are more than {MOST_RUNS:,} values.", field=axis.field)
    return axis.listed


def _checked(name: str, info: FieldInfo, word: str) -> Value:
    """A word as a value of the field, by the field's own declaration."""
    given: Any = word
    if get_origin(info.annotation) is tuple:
        given = () if word in ("none", "") else tuple(word.split(","))
    elif info.annotation is str and word == "none":
        given = ""
    declared: Any = info.annotation
    if info.metadata:
        declared = Annotated[(declared, *info.metadata)]
    try:
        value: Value = TypeAdapter(declared).validate_python(given)
    except ValidationError as error:
        item = error.errors()[0]
        _, said = sentence({**item, "loc": (name,)}, RunConfig.sections(), RunConfig.declarations())
        raise InvalidConfig({name: said}) from None
    return value


def _drawn(axis: Axis, rng: np.random.Generator) -> Value:
    if axis.values:
        return axis.values[int(rng.integers(len(axis.values)))]
    if axis.whole and axis.scale == "linear":
        return int(rng.integers(int(axis.low), int(axis.high) + 1))
    if axis.scale == "log":
        number = math.exp(rng.uniform(math.log(axis.low), math.log(axis.high)))
    else:
        number = float(rng.uniform(axis.low, axis.high))
    return rounded(number, axis)
