"""Runs as one table, and a run as facts, for people to read."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from pydantic.fields import FieldInfo

from segengine.config import RunConfig
from segengine.config.wording import value_label
from segengine.errors import UserError
from segengine.registry import entries
from segengine.results.amounts import size_text
from segengine.results.runlog import RunLog, open_log
from segengine.results.scored_on import test_of, test_words, validation_words
from segengine.results.status import RunStatus, read_status
from segengine.run.events import RunStarted
from segengine.run.lineage import Lineage, in_words
from segengine.run.overlap import overlap_words
from segengine.run.records import Notes, SweepPlace
from segengine.run.rundir import RunDir

if TYPE_CHECKING:
    import pandas as pd

ALWAYS = ("arch", "strategy", "dataset")  # shown even where all runs agree
COLUMNS = (
    "id",
    "created",
    "state",
    "activity",
    "epochs_done",
    "epochs_planned",
    "progress",
    "seconds_left",
    "best_miou",
    "best_epoch",
    "best_note",
    "synthetic",
)


@dataclass(frozen=True)
class RunFacts:
    """What a run's log says of the run as a whole; None, or "", where it does not.

    Attributes:
        parameters: all of the model's.
        train_seconds: over all epochs, their validations among them.
        parent: id of the run whose checkpoint the first weights came from.
    """

    train_images: int | None = None
    val_images: int | None = None
    parameters: int | None = None
    train_seconds: float | None = None
    device: str = ""
    parent: str = ""


@dataclass(frozen=True)
class RunRow:
    """A run with what the table needs of it; `config` is None where it cannot be read."""

    run: RunDir
    config: RunConfig | None
    status: RunStatus
    notes: Notes = field(default_factory=Notes)
    facts: RunFacts = field(default_factory=RunFacts)
    sweep: SweepPlace | None = None

    @property
    def problem(self) -> str:
        """Why the run, or something of it, cannot be read, on one line; "" where all can.

        Files are named by their place in the run folder.
        """
        reasons = [self.status.message] if self.status.state == "unreadable" else []
        return " ".join([*reasons, *self.status.damage]).replace(f"{self.run.path}{os.sep}", "")

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Field name -> value, of the fields that have a meaning for this run."""
        return settings_of(self.config) if self.config else {}

    @cached_property
    def words(self) -> str:
        """What a search for words looks in, in lower case."""
        infos = RunConfig.declarations()
        named = [
            f"{self.settings[name]} {value_label(self.settings[name], infos[name])}"
            for name in ALWAYS
            if name in self.settings
        ]
        noted = [
            *(self.sweep.values() if self.sweep else ()),
            self.notes.get("name", ""),
            *self.notes.get("tags", []),
            self.notes.get("notes", ""),
        ]
        return " ".join([self.run.id, self.status.state, *noted, *named]).lower()


def read_row(run: RunDir, log: RunLog | None = None) -> RunRow:
    """The run's row, also where something of the run cannot be read: the row says why.

    Args:
        log: its log, refreshed, where the caller has it.
    """
    log = log or open_log(run.events_file)
    status, facts_, notes, config = read_status(run, log), _run_facts(log), Notes(), None
    sweep, problems = None, []
    try:
        config = run.config()
    except UserError as problem:
        problems.append(str(problem))
    try:
        notes = run.notes()
    except UserError as problem:
        problems.append(str(problem))
    try:
        sweep = run.sweep()
    except UserError as problem:
        problems.append(str(problem))
    status = replace(status, damage=(*status.damage, *problems)) if problems else status
    return RunRow(run, config, status, notes, facts_, sweep)


def _run_facts(log: RunLog) -> RunFacts:
    if log.started is None:
        return RunFacts()
    lineage = log.started["lineage"]
    chain = lineage.get("chain", []) if lineage else []
    seconds = [epoch["seconds"] for epoch in log.epochs.values()]
    return RunFacts(
        train_images=log.started["train_images"],
        val_images=log.started["val_images"],
        parameters=log.started["parameters"]["total"],
        train_seconds=sum(seconds) if seconds else None,
        device=log.started["device"],
        parent=(chain[0].get("run") or "") if chain else "",
    )


def read_config(run: RunDir) -> RunConfig | None:
    """The run's config; None where it is damaged or of a version that this one cannot read."""
    try:
        return run.config()
    except UserError:
        return None


def runs_table(rows: Sequence[RunRow]) -> pd.DataFrame:
    """One row per run, in the order given: COLUMNS, then the config fields worth a column.

    Units: `created` is seconds since 1970 (from the id, so without fractions), `progress` 0 to 1,
    `seconds_left` seconds, `best_miou` 0 to 1. Fields of an unreadable config are missing.
    """
    import pandas as pd  # slow, and the command line shows runs without it

    fields = differing_settings([row.settings for row in rows if row.settings])
    infos = RunConfig.declarations()
    shown = {name: infos[name] for name in fields}
    records = [{**run_cells(row), **config_cells(row, shown)} for row in rows]
    return pd.DataFrame(records, columns=[*COLUMNS, *fields])


def differing_settings(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The config fields worth a column: ALWAYS, then those in which the runs' `settings` differ."""
    differing = [
        name
        for name in RunConfig.declarations()
        if name not in ALWAYS and len({values[name] for values in settings if name in values}) > 1
    ]
    return [*ALWAYS, *differing]


def telling_fields(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The fields in which runs differ, without those that follow from another one.

    A field follows from another where only some of the runs have it, and these at its default: the
    encoder's learning rate of a fine-tuned run, beside one from scratch.

    Args:
        settings: of each run, see `RunRow.settings`.
    """
    found = []
    for name in RunConfig.declarations():
        had = [values for values in settings if name in values]
        if len({repr(values[name]) for values in had}) > 1:
            found.append(name)
        elif 0 < len(had) < len(settings):
            usual = (RunConfig.default_of(name, had[0]), RunConfig().resolved().flat()[name])
            found += [name] if had[0][name] not in usual else []
    return found


def settings_of(config: RunConfig) -> dict[str, Any]:
    """Field name -> value, of the fields that have a meaning beside the others."""
    flat = config.flat()
    meaningless = config.meaningless(flat)
    return {name: value for name, value in flat.items() if name not in meaningless}


def changes(config: RunConfig) -> list[tuple[str, str, str]]:
    """(title, value, default) of each field that is not at its default, in form order."""
    values = settings_of(config)
    absolute = RunConfig().resolved().flat()  # a run holds its paths so
    default = {name: config.default_of(name, values) for name in RunConfig.declarations()}
    return [
        (str(info.title), value_label(values[name], info), value_label(default[name], info))
        for name, info in RunConfig.declarations().items()
        if name in values and values[name] not in (default[name], absolute[name])
    ]


def facts(run: RunDir, log: RunLog) -> list[tuple[str, str]]:
    """(what, value) of a run as it started: folder, device, parameters, images, first weights."""
    folder = ("Folder", str(run.path))
    if log.started is None:
        return [folder]
    parameters = log.started["parameters"]
    images = f"{log.started['train_images']:,} training, {log.started['val_images']:,} validation"
    return [
        folder,
        ("Device", f"{log.started['device']}, {log.started['precision']}"),
        (
            "Parameters",
            f"{parameters['total']:,}, of which {parameters['trainable']:,} are trained",
        ),
        ("Images", images),
        ("Validation", validation_words(log)),
        *_tested(log),
        *_overlap(log.started),
        *_lineage(log.started["lineage"]),
        *_kept(log),
    ]


def _overlap(started: RunStarted) -> list[tuple[str, str]]:
    words = overlap_words(started)
    return [("Overlap", words)] if words else []


def _tested(log: RunLog) -> list[tuple[str, str]]:
    """The score of a test split, where one was held back."""
    test = test_of(log)
    return [("Test", f"mIoU {test['miou']:.3f}: {test_words(log)}")] if test else []


def _kept(log: RunLog) -> list[tuple[str, str]]:
    """The class probabilities of a finished run that keeps them."""
    end, started = log.end, log.started
    if not end or end["event"] != "run_finished" or "probability_bytes" not in end or not started:
        return []
    size = size_text(end["probability_bytes"])
    images = f"{started['val_images']:,} validation images"
    return [("Class probabilities", f"kept of {images} in 8 bits, {size}")]


def _lineage(lineage: Lineage | None) -> list[tuple[str, str]]:
    """Where the first weights come from."""
    if not lineage:
        return [("Start", "random weights, nothing loaded")]
    chain = lineage.get("chain")  # logs of older versions lack it
    return [
        ("Encoder weights", lineage["source"]),
        *([("Pre-trained", in_words(chain))] if chain else []),
        ("Weights file", lineage["file"]),
        ("Weights sha256", lineage["sha256"]),
        (
            "Weights loaded",
            f"{lineage['matched']:,} tensors into the encoder, "
            f"{len(lineage['unmatched']):,} others of the file left out",
        ),
    ]


@lru_cache(maxsize=1 << 16)
def created(run_id: str) -> float:
    """When the run was made, in seconds since 1970, by its id; 0 where the id names no time."""
    try:
        return time.mktime(time.strptime(run_id[:15], "%Y%m%d-%H%M%S"))
    except (ValueError, OverflowError):
        return 0.0


def run_cells(row: RunRow) -> dict[str, Any]:
    """COLUMNS of one run, as in `runs_table`."""
    status = row.status
    return {
        "id": row.run.id,
        "created": created(row.run.id),
        "state": status.state,
        "activity": status.activity,
        "epochs_done": status.epoch,
        "epochs_planned": status.epochs or (row.config.train.epochs if row.config else 0),
        "progress": status.progress,
        "seconds_left": status.seconds_left,
        "best_miou": status.best_miou,
        "best_epoch": status.best_epoch,
        "best_note": status.best_note,
        "synthetic": bool(row.config and is_synthetic(row.config.data.dataset)),
    }


def as_json(row: RunRow) -> dict[str, Any]:
    """A run for programs: COLUMNS, what people noted, its sweep and its settings.

    Units as in `runs_table`; `test_miou` is 0 to 1. What is not known is null.
    """
    return {
        **run_cells(row),
        "test_miou": row.status.test_miou,
        "notes": row.notes,
        "sweep": row.sweep,
        "settings": row.settings,
        "problem": row.problem,
    }


def is_synthetic(dataset: str) -> bool:
    """Whether SegLab draws the dataset itself, as its label says."""
    entry = entries("datasets").get(dataset)
    return bool(entry and "synthetic" in entry.label)


def config_cells(row: RunRow, fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """Field name -> value in words; None where it has no meaning for the run, or is unknown."""
    values = row.settings
    return {
        name: value_label(values[name], info) if name in values else None
        for name, info in fields.items()
    }
