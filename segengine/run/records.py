"""The small JSON files of a run folder, declared once and validated where they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import NotRequired, TypedDict

from segengine.errors import UserError
from segengine.files import cannot_read, open_regular

STRICT = ConfigDict(strict=True, allow_inf_nan=False)
MOST_BYTES = 1 << 24  # of a record; ours have some hundred, with a large matrix a million

# Ranges of the numbers that records hold: beyond them readers could not compute.
Count = Annotated[int, Field(ge=0, le=2**53)]
Number = Annotated[int, Field(ge=1, le=2**53)]  # 1-based
Seconds = Annotated[float, Field(ge=0, le=1e12)]

Record = TypeVar("Record")


@with_config(ConfigDict(**STRICT, extra="allow"))
class Job(TypedDict):
    """Who runs a run: a launcher's backend, whose own fields (its handle) stand beside these.

    Without a handle no process was started yet: the run waits.
    """

    backend: str
    submitted: Seconds  # since 1970
    error: NotRequired[str]  # why the process ended, where the log could not be written


@with_config(ConfigDict(**STRICT, extra="allow"))
class Request(TypedDict):
    """What a person asked of the run."""

    want: Literal["stop"]
    time: Seconds  # since 1970


@with_config(ConfigDict(**STRICT, extra="allow"))
class Notes(TypedDict, total=False):
    """What a person noted about the run. `change_notes` is what writes it."""

    name: str
    tags: list[str]  # short words, each once
    notes: str
    star: bool
    archived: bool  # lists leave the run out


@with_config(ConfigDict(**STRICT, extra="ignore"))
class SweepPlace(TypedDict):
    """Of which sweep the run is one."""

    sweep: str  # its id
    setting: str  # what differs from its other runs, without the seed: "lr 0.001, stem small"


@with_config(ConfigDict(**STRICT, extra="ignore"))
class TaskStatus(TypedDict):
    """How far a command is that works in the background, and how it ended."""

    phase: str  # such as "Reading images"; "" before it has begun
    done: Count  # items of that phase
    total: Count
    error: NotRequired[str]  # why it failed, in one sentence
    result: NotRequired[str]  # the file that it has written: it is done


class ImageConfidence(TypedDict):
    """How sure the model is of an image, void pixels too, whatever the truth."""

    entropy: Annotated[float, Field(ge=0, le=1.001)]  # mean over pixels; 1: all classes alike
    confidence: Annotated[float, Field(ge=0, le=1.001)]  # mean of the largest probability


PixelsByLevel = Annotated[list[Count], Field(min_length=256, max_length=256)]


@with_config(ConfigDict(**STRICT, extra="ignore"))
class CalibrationRecord(TypedDict):
    """What the kept class probabilities say against the truth; void pixels are out.

    Level k of 0 to 255 stands for probabilities of k / 256 up to (k + 1) / 256.
    """

    images: dict[str, ImageConfidence]
    pixels: PixelsByLevel  # by the level of the predicted class
    correct: PixelsByLevel  # those of them that are right
    brier: float | None  # mean over pixels of the sum over classes of squares; null: no pixels
    nll: float | None  # mean over pixels of -ln of the true class's probability
    # A class each: pixels by the level of that class, those of the class and the others.
    classes: Annotated[list[tuple[PixelsByLevel, PixelsByLevel]], Field(min_length=1)]


JOB, REQUEST, NOTES = TypeAdapter(Job), TypeAdapter(Request), TypeAdapter(Notes)
TASK_STATUS, SWEEP_PLACE = TypeAdapter(TaskStatus), TypeAdapter(SweepPlace)
CALIBRATION = TypeAdapter(CalibrationRecord)


def read_record(path: Path, declared: TypeAdapter[Record]) -> Record | None:
    """The record of a JSON file; None where there is no file.

    Raises:
        UserError: the file cannot be read, or does not hold such a record.
    """
    try:
        with open_regular(path) as file:
            text = file.read(MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot_read(path, error) from None
    try:
        return declared.validate_json(text)
    except ValidationError as error:
        raise UserError(f"{path} cannot be read: {first_problem(error)}.") from None


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong with a record, such as "job.submitted: Field required"."""
    problem: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, problem["loc"]))
    return f"{place}: {problem['msg']}" if place else str(problem["msg"])
