"""RunConfig: the four sections together, as JSON, as flags and as a fingerprint."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError, model_validator
from pydantic.fields import FieldInfo

from segengine.config.data import DataConfig
from segengine.config.messages import number_text, sentence
from segengine.config.model import ModelConfig
from segengine.config.optim import OptimConfig
from segengine.config.section import STORED, Section, defaults_by_choice
from segengine.config.train import TrainConfig
from segengine.errors import UserError
from segengine.files.typed_paths import typed_path
from segengine.registry import find


class RunConfig(Section):
    """One experiment, whole. The defaults are the published recipe, but for what validates."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()

    @model_validator(mode="after")
    def _sections_agree(self) -> RunConfig:
        arch = find("models", self.model.arch)
        if any(side % arch.divisor for side in self.data.height_width):
            raise UserError(
                f"image_size {self.data.image_size} does not suit {arch.name}: its sides must be "
                f"multiples of {arch.divisor}, such as {self._nearest_size(arch.divisor)}.",
                field="image_size",
            )
        if self.train.batch_size < arch.min_batch:
            raise UserError(
                f"batch_size {self.train.batch_size} is too small for {arch.name}: its batch norm "
                f"over the whole image needs at least {arch.min_batch} images.",
                field="batch_size",
            )
        if self.optim.warmup_epochs > self.train.epochs:
            given = number_text(self.optim.warmup_epochs)
            raise UserError(
                f"warmup_epochs {given} is longer than the whole run ({self.train.epochs} epochs): "
                "choose fewer.",
                field="warmup_epochs",
            )
        return self

    def _nearest_size(self, divisor: int) -> str:
        sides = self.data.height_width
        height, width = (max(1, round(side / divisor)) * divisor for side in sides)
        return str(height) if height == width else f"{height}x{width}"

    @classmethod
    @cache
    def sections(cls) -> dict[str, type[Section]]:
        """Name -> class of every section, in the order of the form."""
        sections: dict[str, type[Section]] = {}
        for name, info in cls.model_fields.items():
            assert isinstance(info.annotation, type) and issubclass(info.annotation, Section)
            sections[name] = info.annotation
        return sections

    @classmethod
    def fields(cls) -> Iterator[tuple[str, str, FieldInfo]]:
        """Every (section, field name, declaration), in the order of the form."""
        for section_name, section in cls.sections().items():
            for name, info in section.model_fields.items():
                yield section_name, name, info

    @classmethod
    @cache
    def declarations(cls) -> dict[str, FieldInfo]:
        """Field name -> declaration, over all sections. Treat it as read-only: all share it."""
        return {name: info for _, name, info in cls.fields()}

    @classmethod
    def from_flat(cls, values: Mapping[str, Any], context: str = "") -> RunConfig:
        """A RunConfig from field name -> value, as the form and the command line give them.

        Args:
            context: STORED for what a run folder holds, where values may have lost their meaning.

        Raises:
            InvalidConfig: with one sentence for each field that is wrong.
        """
        section_by_field = {name: section for section, name, _ in cls.fields()}
        nested: dict[str, dict[str, Any]] = {section: {} for section in cls.model_fields}
        for name, value in values.items():
            nested.setdefault(section_by_field.get(name, name), {})[name] = value
        return cls.parse(nested, context)

    @classmethod
    def parse(cls, nested: Any, context: str = "") -> RunConfig:
        """A RunConfig from its JSON form (section -> field -> value).

        Raises:
            InvalidConfig: with one sentence for each field that is wrong.
        """
        try:
            return cls.model_validate(nested, context=context)
        except ValidationError as error:
            sections, fields = cls.sections(), cls.declarations()
            problems = dict(sentence(item, sections, fields) for item in error.errors())
            raise InvalidConfig(problems) from None

    @classmethod
    def load(cls, path: Path, context: str = "") -> RunConfig:
        """The RunConfig of a JSON file.

        Raises:
            UserError: the file cannot be read.
            InvalidConfig: with one sentence for each field that is wrong.
        """
        try:
            nested = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, RecursionError, ValueError) as error:
            raise UserError(f"Config file {path} cannot be read: {error}.") from None
        return cls.parse(nested, context)

    def flat(self) -> dict[str, Any]:
        """Field name -> value, over all sections."""
        return {name: getattr(getattr(self, section), name) for section, name, _ in self.fields()}

    def with_values(self, **values: Any) -> RunConfig:
        """The same config with some fields changed, validated again.

        Raises:
            InvalidConfig: with one sentence for each field that is wrong.
        """
        return self.from_flat({**self.flat(), **values})

    def choosing(self, **choices: Any) -> RunConfig:
        """The same config with other choices; what was at its default goes to theirs.

        Raises:
            InvalidConfig: with one sentence for each field that is wrong.
        """
        values = self.flat()
        kept = {
            name: values[name]
            for name, info in self.declarations().items()
            if values[name] != self.default_of(name, values)
            or not choices.keys() & defaults_by_choice(info).keys()
        }
        return self.from_flat({**kept, **choices})

    def resolved(self) -> RunConfig:
        """The same config with absolute paths, so that it means the same in every folder."""
        changes = {"root": os.path.realpath(typed_path(self.data.root, "root"))}
        weights = self.model.weights
        if weights and weights != "imagenet" and not weights.startswith("run:"):
            changes["weights"] = os.path.realpath(typed_path(weights, "weights"))
        return self.from_flat({**self.flat(), **changes}, STORED)

    def to_json(self) -> str:
        """The JSON form, indented, ending in a newline."""
        return self.model_dump_json(indent=2) + "\n"

    def fingerprint(self) -> str:
        """The config's sha256 in hex: runs with the same one compute the same.

        Defaults are left out, so that a field added later does not orphan older checkpoints. Of
        fields whose default is not what version 0.1 did, what it did is left out instead.
        """
        older = self.data.as_in_0_1(self.data.flat())
        defaults = {name: DataConfig.model_fields[name].default for name in older}
        known = self.model_copy(update={"data": self.data.model_copy(update=defaults)})
        newer = {name: getattr(self.data, name) for name in older}
        newer = {name: value for name, value in newer.items() if value != older[name]}
        text = known.model_dump_json(exclude_defaults=True) + (json.dumps(newer) if newer else "")
        return hashlib.sha256(text.encode()).hexdigest()

    def flags(self) -> list[str]:
        """The command-line flags that give this config: only what differs from the defaults."""
        words: list[str] = []
        values = self.flat()
        for _, name, _ in self.fields():
            value, dashed = values[name], name.replace("_", "-")
            flag = f"--{dashed}"
            if value == self.default_of(name, values):
                continue
            if isinstance(value, bool):
                words.append(flag if value else f"--no-{dashed}")
            elif isinstance(value, tuple):
                words += [flag, *map(str, value)]
            elif str(value).startswith("-"):  # a word of its own would be read as a flag
                words.append(f"{flag}={value}")
            else:
                words += [flag, str(value)]
        return words

    def command(self, command: str = "launch") -> str:
        """The line to paste into a shell that starts this config."""
        return shlex.join(["python", "-m", "segengine", command, *self.flags()])


class InvalidConfig(UserError):
    """A RunConfig with fields that are wrong or contradict each other.

    Attributes:
        problems: field name -> sentence.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()), field=next(iter(problems), ""))
        self.problems = dict(problems)
