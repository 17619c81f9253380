"""What is varied in the form, and the sweep that comes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dashboard.launch.fields import FieldSpec, FormEntries, specs, visible_fields
from dashboard.launch.wording import in_page_words
from dashboard.shared.commands import engine_command
from dashboard.sweep.words import note_words
from segengine.config import InvalidConfig, RunConfig
from segengine.config.messages import number_text
from segengine.errors import UserError
from segengine.results.table import RunRow
from segengine.studies.estimate import Pace, estimate
from segengine.studies.plan import plan_sweep, require_startable
from segengine.studies.record import Method, SweepRecord
from segengine.studies.space import SEED, value_text

METHODS: Mapping[Method, str] = {
    "grid": "Every combination",
    "random": "Random ones",
    "optuna": "Optuna chooses",
}
_NO_QUESTION = {"weights", "download", "workers", "device", "split_seed"}  # that a sweep answers
NEEDS_WEIGHTS = (
    "Pretrained and frozen runs need weights: set Strategy to one of these in the form, choose its "
    "weights there, and vary it then."
)
WHOLE = ""  # in the place of a field's name: a problem of the sweep as a whole


@dataclass(frozen=True)
class Varied:
    """What a person varies.

    Attributes:
        fields: name -> what was typed for it, or the values that were chosen.
        count: of random and optuna: how many combinations, as typed.
    """

    fields: Mapping[str, str | Sequence[str]]
    method: Method = "grid"
    count: str = "20"
    prune: bool = True

    def words(self) -> dict[str, list[str]]:
        """Field name -> its words, as behind --vary."""
        return {
            name: _split(name, given) if isinstance(given, str) else list(given)
            for name, given in self.fields.items()
        }


def _split(name: str, typed: str) -> list[str]:
    """Its words; between numbers commas part as spaces do, elsewhere they join (hflip,crop)."""
    info = RunConfig.declarations().get(name)
    parting = ",;" if info and info.annotation in (int, float) else ";"
    return typed.translate(str.maketrans(parting, " " * len(parting))).split()


def to_plain(varied: Varied | None) -> dict[str, Any]:
    """What is varied, for JSON; empty where the form is for one run."""
    return asdict(varied) if varied else {}


def from_plain(content: object) -> Varied | None:
    """The same back, out of foreign hands: None where it is not what a form can hold."""
    known = {spec.name: spec for spec in specs()}
    try:
        varied = TypeAdapter(Varied).validate_python(content)
    except ValidationError:
        return None
    for name, given in varied.fields.items():
        if name not in known or isinstance(given, str) == is_chosen(known[name]):
            return None
        if not isinstance(given, str) and not set(given) <= options_of(known[name]).keys():
            return None
    return varied if varied.fields else None


@dataclass(frozen=True)
class CheckedSweep:
    """What the varied fields come to.

    Attributes:
        record: the sweep; None where something keeps it from being one.
        problems: field name, or WHOLE -> sentence.
        cost: how many runs, how long and how much disk, in sentences.
        untimed: whether a trial would tell more of the time.
    """

    record: SweepRecord | None
    problems: dict[str, str] = field(default_factory=dict)
    cost: list[str] = field(default_factory=list)
    untimed: bool = False


def check_sweep(
    base: RunConfig,
    varied: Varied,
    rows: Sequence[RunRow],
    runs_dir: Path,
    pace: Callable[[RunConfig], Pace | None] = lambda _: None,
) -> CheckedSweep:
    """The sweep that the varied fields give, and what keeps it from running.

    Args:
        pace: what is known, from trials, of a kind of which there is no past run.
    """
    try:
        record = planned(base, varied)
        require_startable(record, runs_dir)
    except InvalidConfig as error:
        return CheckedSweep(None, _located(error.problems, varied, base))
    except UserError as error:
        return CheckedSweep(None, _located({error.field: str(error)}, varied, base))
    cost = estimate(record, rows, runs_dir, pace)
    sentences = [in_page_words(sentence) for sentence in cost.sentences()]
    return CheckedSweep(record, {}, sentences, untimed=cost.timed < cost.runs)


def planned(base: RunConfig, varied: Varied) -> SweepRecord:
    """The sweep that the varied fields give.

    Raises:
        InvalidConfig: combinations contradict themselves.
        UserError: as `plan_sweep`, and where the number of combinations is no number.
    """
    count = 0
    if varied.method != "grid":
        if not varied.count.strip().isdecimal():
            raise UserError(
                f"Combinations must be a whole number, such as 20, but '{varied.count[:40]}' was "
                "given.",
                field="count",
            )
        count = int(varied.count)
        if count < 1:
            raise UserError(
                f"Combinations must be at least 1, but {count} was given.", field="count"
            )
    return plan_sweep(base, varied.words(), method=varied.method, draws=count, prune=varied.prune)


def seeds_words(entries: FormEntries, count: int) -> str:
    """The form's seed and those after it: "0 1 2"."""
    first = 0
    with contextlib.suppress(ValueError):  # the form says what is wrong with it
        first = int(entries[SEED])
    return " ".join(str(first + number) for number in range(count))


def halves_words(entries: FormEntries) -> str:
    """The form's learning rate and half of it: "0.001 0.0005"."""
    rate = str(entries["lr"]).strip()
    with contextlib.suppress(ValueError):
        return f"{rate} {number_text(float(rate) / 2)}"
    return rate


def first_words(spec: FieldSpec, entries: FormEntries) -> str | list[str]:
    """What stands in a field that is newly varied: its value in the form."""
    value = entries.get(spec.name, spec.default)
    if is_chosen(spec):
        return [value_text(value)]
    if spec.kind == "several":
        return value_text(value)
    return "0" if spec.is_zero_word(entries) else str(value).strip()


def is_chosen(spec: FieldSpec) -> bool:
    """Whether its values are picked from a list, not typed."""
    return spec.kind in ("choice", "switch")


def options_of(spec: FieldSpec) -> Mapping[str, str]:
    """Of a field whose values are picked: value -> label."""
    return spec.options or {"true": "on", "false": "off"}


def can_be_varied(entries: FormEntries, taken: Collection[str]) -> list[FieldSpec]:
    """The fields that may be varied besides those that are: what has a meaning in the form."""
    visible = visible_fields(entries) - _NO_QUESTION - set(taken)
    return [spec for spec in specs() if spec.name in visible]


def sweep_command(base: RunConfig, varied: Varied, runs_dir: Path) -> str:
    """The line that does the same as the form, to paste in the project folder."""
    vary = [word for name, words in varied.words().items() for word in ("--vary", name, *words)]
    method = [] if varied.method == "grid" else ["--method", varied.method, "--count", varied.count]
    prune = ["--no-prune"] if varied.method == "optuna" and not varied.prune else []
    return engine_command("sweep", *base.flags(), *vary, *method, *prune, runs_dir=runs_dir)


def _located(problems: Mapping[str, str], varied: Varied, base: RunConfig) -> dict[str, str]:
    """The problems at the varied fields they are about; all others at the whole."""
    found: dict[str, str] = {}
    for name, sentence in problems.items():
        place = name if name in (*varied.fields, "count") else WHOLE
        if name == "weights" and "strategy" in varied.fields and not base.model.loads_weights:
            place, sentence = "strategy", NEEDS_WEIGHTS
        found[place] = " ".join(filter(None, [found.get(place), _in_words(sentence)]))
    return found


def _in_words(sentence: str) -> str:
    """A sentence of the engine in the words of the form; what is varied cannot be left out."""
    sentence = sentence.replace("leave it out", "take it out of what is varied")
    return note_words(in_page_words(sentence))
