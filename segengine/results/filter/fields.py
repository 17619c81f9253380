"""The fields that filters, sorting and grouping know of a run, each with its kind of values."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from segengine.config import RunConfig
from segengine.config.wording import value_label
from segengine.results.table import RunRow

Kind = Literal["number", "text", "yes or no", "time", "words", "size"]

_KIND_WORDS: Mapping[Kind, str] = {
    "number": "a number",
    "text": "text",
    "yes or no": "yes or no",
    "time": "a time",
    "words": "a list of words",
    "size": "a size in pixels",
}
_EXAMPLES: Mapping[Kind, str] = {
    "number": "{} > 0.6",
    "text": "{} = unet",
    "yes or no": "{} = yes",
    "time": "{} >= 2026-11-21",
    "words": "{} = baseline",
    "size": "{} >= 64",
}
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_YES, _NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")
_TIME = re.compile(r"\d{4}(-\d\d(-\d\d([ T]\d\d(:\d\d(:\d\d)?)?)?)?)?")
MISSING = "none"  # as a value: runs of which the field is not known


@dataclass(frozen=True)
class Field:
    """One thing that can be asked of a run.

    Attributes:
        title: what people call it.
        read: its value; None where the run has none. Numbers are float or int, times are
            "2026-11-21 14:25:01", words a list.
        info: the declaration of a config field, which has words for its values.
    """

    title: str
    kind: Kind
    read: Callable[[RunRow], Any]
    info: FieldInfo | None = None

    @property
    def operators(self) -> tuple[str, ...]:
        if self.kind in ("text", "words"):
            return ("=", "!=", "~")
        return ("=", "!=") if self.kind == "yes or no" else ("=", "!=", "<", "<=", ">", ">=")

    @property
    def kind_words(self) -> str:
        return _KIND_WORDS[self.kind]

    def example(self, name: str) -> str:
        """ "for example best_miou > 0.6"."""
        return f"for example {_EXAMPLES[self.kind].format(name)}"

    def label(self, row: RunRow) -> str:
        """The value in words; "" where there is none."""
        value = self.read(row)
        if value is None:
            return ""
        if self.info is not None:
            return value_label(value, self.info)
        if isinstance(value, bool):
            return "yes" if value else "no"
        return ", ".join(value) if isinstance(value, (list, tuple)) else str(value)

    def test(self, sign: str, given: str) -> Callable[[RunRow], bool]:
        """The condition `field sign given`.

        Raises:
            ValueError: no value of this kind looks like that; says what one looks like.
        """
        if given.lower() == MISSING and sign in ("=", "!="):
            known = self._one_of(given) if self.kind in ("text", "words") else lambda row: False
            return _negated(sign, lambda row: self.read(row) in (None, "", [], ()) or known(row))
        if self.kind in ("text", "words"):
            return self._contains(given) if sign == "~" else _negated(sign, self._one_of(given))
        if self.kind == "time":
            return self._at_time(sign, given)
        wanted = _value(self.kind, given)
        if sign in _ORDER:
            holds = _ORDER[sign]
            return lambda row: (value := self._number(row)) is not None and holds(value, wanted)
        return _negated(sign, lambda row: _same(self._number(row), wanted))

    def _number(self, row: RunRow) -> float | None:
        value = self.read(row)
        return pixels(value) if self.kind == "size" and value is not None else value

    def _texts(self, row: RunRow) -> list[str]:
        """What a value may be called, in lower case."""
        value = self.read(row)
        if value is None:
            return []
        values = value if isinstance(value, (list, tuple)) else [value]
        labels = [] if self.kind == "words" and not self.info else [self.label(row)]
        return [str(text).lower() for text in (*values, *labels)]

    def _one_of(self, given: str) -> Callable[[RunRow], bool]:
        wanted = given.lower()
        return lambda row: wanted in self._texts(row)

    def _contains(self, given: str) -> Callable[[RunRow], bool]:
        wanted = given.lower()
        return lambda row: any(wanted in text for text in self._texts(row))

    def _at_time(self, sign: str, given: str) -> Callable[[RunRow], bool]:
        """Times are compared as far as given: "= 2026-11" is the whole month."""
        if not _TIME.fullmatch(given):
            raise ValueError(f"give it as 2026-11-21 or '2026-11-21 14:25', not as '{given[:40]}'")
        wanted = given.replace("T", " ")
        holds = _ORDER.get(sign)

        def same(row: RunRow) -> bool:
            return bool((self.read(row) or "")[: len(wanted)] == wanted)

        if holds is None:
            return _negated(sign, same)
        return lambda row: bool((text := self.read(row)) and holds(text[: len(wanted)], wanted))


def _negated(sign: str, test: Callable[[RunRow], bool]) -> Callable[[RunRow], bool]:
    return (lambda row: not test(row)) if sign == "!=" else test


def _same(value: float | None, wanted: float) -> bool:
    return value is not None and math.isclose(value, wanted, rel_tol=1e-9)


def _value(kind: Kind, given: str) -> float:
    """Raises: ValueError: as `Field.test`."""
    shown = given[:40]
    if kind == "yes or no":
        if given.lower() not in (*_YES, *_NO):
            raise ValueError(f"give yes or no, not '{shown}'")
        return given.lower() in _YES
    try:
        return pixels(given) if kind == "size" else float(given)
    except ValueError:
        example = "64 or 64x96" if kind == "size" else "0.6"
        raise ValueError(f"give one such as {example}, not '{shown}'") from None


def pixels(size: str) -> int:
    """64, and "64x96" as well, as a number of pixels.

    Raises:
        ValueError: it is no size.
    """
    height, _, width = size.lower().partition("x")
    return int(height) * int(width or height)


def started_text(run_id: str) -> str:
    """When the run was made, by its id: "2026-11-21 14:25:01"."""
    day, clock = run_id[:8], run_id[9:15]
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:]}"


@cache
def fields() -> dict[str, Field]:
    """Name -> field: what is known of every run, then the config's fields."""
    own: dict[str, Field] = {
        "id": Field("Id", "text", lambda row: row.run.id),
        "name": Field("Name", "text", lambda row: row.notes.get("name") or None),
        "tag": Field("Tags", "words", lambda row: row.notes.get("tags", [])),
        "notes": Field("Notes", "text", lambda row: row.notes.get("notes") or None),
        "star": Field("Star", "yes or no", lambda row: row.notes.get("star", False)),
        "archived": Field("Archived", "yes or no", lambda row: row.notes.get("archived", False)),
        "state": Field("State", "text", lambda row: row.status.state),
        "epoch": Field("Epochs done", "number", lambda row: row.status.epoch),
        "best_miou": Field("Best mIoU", "number", lambda row: row.status.best_miou),
        "best_epoch": Field("Best epoch", "number", lambda row: row.status.best_epoch),
        "test_miou": Field("Test mIoU", "number", lambda row: row.status.test_miou),
        "progress": Field("Progress", "number", lambda row: row.status.progress),
        "time_left": Field("Time left", "number", lambda row: row.status.seconds_left),
        "started": Field("Started", "time", lambda row: started_text(row.run.id)),
        "train_seconds": Field("Training time", "number", lambda row: row.facts.train_seconds),
        "train_images": Field("Images in training", "number", lambda row: row.facts.train_images),
        "val_images": Field("Images in validation", "number", lambda row: row.facts.val_images),
        "parameters": Field("Parameters", "number", lambda row: row.facts.parameters),
        "sweep": Field("Sweep", "text", lambda row: row.sweep and row.sweep["sweep"]),
        "setting": Field("Setting", "text", lambda row: row.sweep and row.sweep["setting"]),
        "parent": Field("Started from", "text", lambda row: row.facts.parent or None),
    }
    own["tags"] = own["tag"]
    of_config = {
        name: Field(str(info.title), _kind(name, info), _setting(name), info)
        for name, info in RunConfig.declarations().items()
    }
    return {**own, **of_config}


def _setting(name: str) -> Callable[[RunRow], Any]:
    return lambda row: row.settings.get(name)


def _kind(name: str, info: FieldInfo) -> Kind:
    if name == "image_size":
        return "size"
    kind: Any = info.annotation
    if get_origin(kind) is Union:
        kind = next(one for one in get_args(kind) if one is not type(None))
    if kind is bool:
        return "yes or no"
    if kind in (int, float):
        return "number"
    return "words" if get_origin(kind) is tuple else "text"
