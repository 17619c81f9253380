"""RunConfig: everything that decides what a run computes, declared once.

The form's labels, help and limits, the command line's flags and the JSON of a run folder are all
read from the declarations below. Field names are unique across sections, so that flags are flat.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo

from segengine.errors import UserError
from segengine.problems import sentence, shown
from segengine.registry import Kind, find

MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 32, 2048  # pixels a side; 32 is the encoders' total stride


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


def _known(kind: Kind) -> AfterValidator:
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


class Section(BaseModel):
    """A part of RunConfig: immutable, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class DataConfig(Section):
    """What is learned from."""

    dataset: Annotated[str, _known("datasets")] = Field(
        "oxford_pets", title="Dataset", description="Name of the dataset."
    )
    root: PathText = Field(
        "data",
        min_length=1,
        title="Dataset folder",
        description="Folder that holds the dataset in its official layout.",
    )
    download: bool = Field(
        False,
        title="Download if missing",
        description="Download the dataset into its folder where it is not there yet.",
    )
    image_size: ImageSize = Field(
        "64",
        title="Image size",
        description="Size that images and masks are resized to, in pixels: N or HxW.",
    )
    augment: tuple[Literal["hflip"], ...] = Field(
        (),
        title="Augmentation",
        description="Random changes of image and mask together: hflip mirrors half of them.",
    )
    train_limit: int = Field(
        0,
        ge=0,
        title="Training images",
        description="Use only the first N (0: all).",
        json_schema_extra={"zero": "all"},
    )
    val_limit: int = Field(
        0,
        ge=0,
        title="Validation images",
        description="Use only N spread over the set (0: all).",
        json_schema_extra={"zero": "all"},
    )
    workers: int = Field(
        2, ge=1, le=64, title="Decoding threads", description="Threads that decode images."
    )

    @property
    def height_width(self) -> tuple[int, int]:
        """The image size as (height, width) in pixels."""
        height, _, width = self.image_size.partition("x")
        return int(height), int(width or height)


class ModelConfig(Section):
    """What learns, and what it starts from."""

    arch: Annotated[str, _known("models")] = Field(
        "segformer_b0", title="Model", description="Architecture of the network."
    )
    stem: Literal["paper", "small"] = Field(
        "paper",
        title="Stem",
        description="SegFormer's first patch embedding: paper (7x7, stride 4) or small "
        "(5x5, stride 2, finer maps for small images, no stochastic depth).",
    )
    encoder: str = Field(
        "", title="Encoder", description="Encoder, for models that let you choose one."
    )
    strategy: Literal["scratch", "pretrained", "frozen"] = Field(
        "scratch",
        title="Strategy",
        description="scratch: random start; pretrained: encoder filled from weights; "
        "frozen: filled, and only the decoder learns.",
    )
    weights: PathText = Field(
        "",
        title="Weights",
        description="Where encoder weights come from: imagenet, run:<id> or a file.",
    )

    @model_validator(mode="after")
    def _no_contradictions(self) -> ModelConfig:
        options = find("models", self.arch).options
        for field in ("stem", "encoder"):
            value = getattr(self, field)
            if value != ModelConfig.model_fields[field].default and field not in options:
                raise UserError(
                    f"{field} '{value}' was given, but {self.arch} has no such choice: "
                    "leave it out.",
                    field=field,
                )
        if self.strategy == "scratch" and self.weights:
            raise UserError(
                f"weights '{self.weights}' were given, but strategy scratch loads nothing: choose "
                "pretrained or frozen, or leave weights empty.",
                field="weights",
            )
        if self.strategy != "scratch" and not self.weights:
            raise UserError(
                f"strategy {self.strategy} needs weights: imagenet, run:<id> or a file.",
                field="weights",
            )
        return self


class OptimConfig(Section):
    """How it learns."""

    optimizer: Literal["adamw"] = Field(
        "adamw", title="Optimizer", description="Rule that updates the weights."
    )
    amsgrad: bool = Field(
        True, title="AMSGrad", description="AdamW with the maximum of past squared gradients."
    )
    lr: FiniteFloat = Field(
        1e-3, gt=0, le=10, title="Learning rate", description="Learning rate of the first epoch."
    )
    weight_decay: FiniteFloat = Field(
        1e-2, ge=0, le=1, title="Weight decay", description="Decoupled weight decay."
    )
    scheduler: Literal["exponential", "constant"] = Field(
        "exponential", title="Schedule", description="How the learning rate moves over epochs."
    )
    gamma: FiniteFloat = Field(
        0.98,
        gt=0,
        le=1,
        title="Decay an epoch",
        description="Factor on the learning rate after each epoch (exponential).",
    )
    loss: Annotated[str, _known("losses")] = Field(
        "cross_entropy", title="Loss", description="What is minimised; void pixels never count."
    )


class TrainConfig(Section):
    """How long, and on what."""

    epochs: int = Field(30, ge=1, le=100_000, title="Epochs", description="Passes over the data.")
    batch_size: int = Field(
        64, ge=1, le=4096, title="Batch size", description="Images in one step."
    )
    val_every: int = Field(
        1,
        ge=1,
        title="Validate every n epochs",
        description="Epochs from one validation to the next; the last epoch always validates.",
    )
    early_stop: int = Field(
        0,
        ge=0,
        title="Early stop",
        description="Stop after so many epochs without a better validation mIoU (0: never).",
        json_schema_extra={"zero": "never"},
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        title="Seed",
        description="Seed of every random choice: the same seed gives the same run on CPU.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", title="Device", description="auto takes the GPU where there is one."
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto",
        title="Precision",
        description="auto: bf16 mixed precision on GPUs that have it, fp32 elsewhere.",
    )


class RunConfig(Section):
    """One experiment, whole. The defaults are the published recipe."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()

    @classmethod
    def fields(cls) -> Iterator[tuple[str, str, FieldInfo]]:
        """Every (section, field name, declaration), in the order of the form."""
        for section, holder in cls.model_fields.items():
            assert isinstance(holder.annotation, type) and issubclass(holder.annotation, Section)
            for name, info in holder.annotation.model_fields.items():
                yield section, name, info

    @classmethod
    def from_flat(cls, values: Mapping[str, Any]) -> RunConfig:
        """A RunConfig from field name -> value, as the form and the command line give them.

        Raises:
            InvalidConfig: with one sentence for each field that cannot stand.
        """
        sections = {name: section for section, name, _ in cls.fields()}
        nested: dict[str, dict[str, Any]] = {section: {} for section in cls.model_fields}
        for name, value in values.items():
            nested.setdefault(sections.get(name, name), {})[name] = value
        return cls.parse(nested)

    @classmethod
    def parse(cls, nested: Any) -> RunConfig:
        """A RunConfig from its JSON form (section -> field -> value).

        Raises:
            InvalidConfig: with one sentence for each field that cannot stand.
        """
        try:
            return cls.model_validate(nested)
        except ValidationError as error:
            raise InvalidConfig(dict(sentence(item, cls) for item in error.errors())) from None

    @classmethod
    def load(cls, path: Path) -> RunConfig:
        """The RunConfig of a JSON file; UserError where it cannot be read or cannot stand."""
        try:
            nested = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"Config file {path} cannot be read: {error}.") from None
        return cls.parse(nested)

    def flat(self) -> dict[str, Any]:
        """Field name -> value, over all sections."""
        return {name: getattr(getattr(self, section), name) for section, name, _ in self.fields()}

    def with_values(self, **values: Any) -> RunConfig:
        """The same config with some fields changed, validated again."""
        return self.from_flat({**self.flat(), **values})

    def resolved(self) -> RunConfig:
        """The same config with absolute paths, so that it means the same from every folder."""
        changes = {"root": str(Path(self.data.root).expanduser().resolve())}
        weights = self.model.weights
        if weights and weights != "imagenet" and not weights.startswith("run:"):
            changes["weights"] = str(Path(weights).expanduser().resolve())
        return self.with_values(**changes)

    def to_json(self) -> str:
        """The JSON form, indented, ending in a newline."""
        return self.model_dump_json(indent=2) + "\n"

    def fingerprint(self) -> str:
        """sha256 over the config: two runs with the same one compute the same thing.

        Defaults are left out, so that a field added later does not orphan older checkpoints.
        """
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()

    def flags(self) -> list[str]:
        """The command-line flags that give this config: only what differs from the defaults."""
        words: list[str] = []
        for _, name, info in self.fields():
            value = self.flat()[name]
            flag = "--" + name.replace("_", "-")
            if value == info.default:
                continue
            if isinstance(value, bool):
                words.append(flag if value else "--no-" + name.replace("_", "-"))
            elif isinstance(value, tuple):
                words += [flag, *map(str, value)]
            elif str(value).startswith("-"):  # a word of its own would be read as a flag
                words.append(f"{flag}={value}")
            else:
                words += [flag, str(value)]
        return words

    def command(self, command: str = "launch") -> str:
        """The line to paste into a shell that does the same as the form."""
        return shlex.join(["python", "-m", "segengine", command, *self.flags()])


class InvalidConfig(UserError):
    """A RunConfig that cannot stand.

    Attributes:
        problems: field name -> sentence.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()), field=next(iter(problems), ""))
        self.problems = dict(problems)
