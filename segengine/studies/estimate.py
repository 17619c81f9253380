"""How long a sweep will take, and how much disk, by what past runs of its kinds took."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

from segengine.config import RunConfig
from segengine.registry import entries
from segengine.results.amounts import duration_text, size_text
from segengine.results.runlog import RunLog, open_log
from segengine.results.table import RunRow, is_synthetic, settings_of
from segengine.run.rundir import RunDir, absolute
from segengine.studies.plan import planned_configs
from segengine.studies.record import SweepRecord

MOST_MEASURED = 5  # newest past runs of a kind that are read
LONGEST_START = 600.0  # seconds; what lies between a job and its first event for longer waited

Kind: TypeAlias = tuple[object, ...]
Settings: TypeAlias = Mapping[str, Any]  # field name -> value, of the fields that have a meaning

_MODEL = ("arch", "encoder", "stem", "base_width")
_DATA = ("dataset", "root", "image_size", "val_limit", "val_split")


@dataclass(frozen=True)
class Pace:
    """How long a run of a kind takes: `around` seconds before and after its epochs.

    Attributes:
        measured_on: ids of the past runs that say so; () for a trial.
    """

    epoch: float
    around: float
    measured_on: tuple[str, ...] = ()

    def seconds(self, epochs: int) -> float:
        """Of a whole run."""
        return self.around + epochs * self.epoch


@dataclass(frozen=True)
class Estimate:
    """What a sweep costs.

    Attributes:
        runs: how many there are; timed: how many of them are of a kind whose pace is known.
        seconds: of these, one after the other.
        past_runs: how many past runs say so; with 0, a trial does.
        bytes: of disk, at most; None where the size of the model is not known.
        free: bytes of disk that are free.
    """

    runs: int
    timed: int
    seconds: float
    past_runs: int
    bytes: float | None
    free: int

    def sentences(self) -> list[str]:
        """How many, how long and how much, each in a sentence."""
        runs = "1 run" if self.runs == 1 else f"{self.runs:,} runs, one after the other"
        said = [f"{runs}.", self._time()]
        if self.bytes is None:
            said.append(f"How much disk they need is not known; {size_text(self.free)} are free.")
        else:
            said.append(f"About {size_text(self.bytes)} of disk; {size_text(self.free)} are free.")
            if self.bytes > self.free:
                said.append("That is more than is free: the last runs would fail.")
        return said

    def _time(self) -> str:
        if not self.timed:
            return (
                "How long they take is not known: no run of that kind is finished in this folder. "
                "A trial of a few steps can tell (--trial)."
            )
        how = "1 past run" if self.past_runs == 1 else f"{self.past_runs:,} past runs"
        by = f"by {how} of that kind" if self.past_runs else "by a trial of a few steps"
        if self.timed < self.runs:
            return (
                f"About {duration_text(self.seconds)} for {self.timed:,} of them, {by}; for the "
                "others no run of their kind is finished in this folder (--trial can tell)."
            )
        return f"About {duration_text(self.seconds)} in all, {by}."


def estimate(
    record: SweepRecord,
    rows: Sequence[RunRow],
    runs_dir: Path,
    trial: Callable[[RunConfig], Pace | None] | None = None,
) -> Estimate:
    """What the sweep costs, by the past runs of the runs folder.

    Args:
        rows: of the runs folder, newest first.
        trial: measures a kind of which there is no past run; see `trial.measure`. None where it
            cannot be told.
    """
    configs = planned_configs(record)
    planned = [settings_of(config) for config in configs]
    paces: dict[Kind, Pace | None] = {}
    sizes: dict[Kind, float | None] = {}
    for config, settings in zip(configs, planned, strict=True):
        if (kind := kind_of(settings)) not in paces:
            found = pace_of(_of_kind(rows, kind, kind_of))
            paces[kind] = found or (trial(config) if trial else None)
        if (kind := disk_kind_of(settings)) not in sizes:
            sizes[kind] = bytes_of(config, rows)
    known = [
        pace.seconds(config.train.epochs)
        for config, settings in zip(configs, planned, strict=True)
        if (pace := paces[kind_of(settings)])
    ]
    measured = {run for pace in paces.values() if pace for run in pace.measured_on}
    every = [sizes[disk_kind_of(settings)] for settings in planned]
    whole = [size for size in every if size is not None]
    return Estimate(
        runs=len(configs),
        timed=len(known),
        seconds=sum(known),
        past_runs=len(measured),
        bytes=sum(whole) if len(whole) == len(every) else None,
        free=_free(runs_dir),
    )


def untimed(record: SweepRecord, rows: Sequence[RunRow]) -> list[RunConfig]:
    """A config of every kind in the sweep of which no past run says how long it takes."""
    configs = {kind_of(settings_of(config)): config for config in planned_configs(record)}
    return [
        config for kind, config in configs.items() if pace_of(_of_kind(rows, kind, kind_of)) is None
    ]


def kind_of(settings: Settings) -> Kind:
    """Runs of one kind take equally long an epoch: one model, size, batch, data and device."""
    return _of(settings, *_MODEL, *_DATA, "train_limit", "batch_size", "device", "precision")


def disk_kind_of(settings: Settings) -> Kind:
    """Runs of one kind keep equally much: one model, optimizer, and set of predicted images."""
    averages = settings.get("ema", 0) > 0
    kept = ("optimizer", "amsgrad", "keep_probabilities")
    return (*_of(settings, *_MODEL, *_DATA, *kept), averages)


def _of(settings: Settings, *names: str) -> Kind:
    frozen = settings.get("strategy") == "frozen"  # from scratch or not takes equally long
    drawn = is_synthetic(settings.get("dataset", ""))  # the same wherever it lies
    return (frozen, *(settings.get(name) for name in names if not (drawn and name == "root")))


def pace_of(past: Iterable[RunRow]) -> Pace | None:
    """The median pace of finished runs; None where none of them logged its epochs."""
    epochs, around, ids = [], [], []
    for row in past:
        log = open_log(row.run.events_file)
        seconds = [event["seconds"] for event in log.epochs.values()]
        if not seconds or log.end is None:
            continue
        epochs.append(median(seconds))
        around.append(_start(row.run, log) + _finish(log))
        ids.append(row.run.id)
    return Pace(median(epochs), median(around), tuple(ids)) if ids else None


def bytes_of(config: RunConfig, rows: Sequence[RunRow]) -> float | None:
    """Bytes that a run keeps: by past ones of its kind, else by its model's parameters."""
    past = _of_kind(rows, disk_kind_of(settings_of(config)), disk_kind_of)
    if past:
        return median(_folder_bytes(row.run) for row in past)
    parameters = _parameters(config, rows)
    if not parameters:
        return None
    optim = config.optim  # of each trained parameter it keeps so many numbers
    moments = int(optim.momentum > 0) if optim.optimizer == "sgd" else 2 + optim.amsgrad
    trained = 0 if config.model.frozen else parameters  # of a frozen model it is a small part
    weights = 4.0 * parameters * (2 if config.optim.ema else 1)
    return 2 * (weights + 4.0 * trained * moments)  # last.pt and best.pt


def _of_kind(
    rows: Sequence[RunRow], kind: Kind, kind_of_settings: Callable[[Settings], Kind]
) -> list[RunRow]:
    """The newest finished runs of a kind."""
    found = (
        row
        for row in rows
        if row.status.state == "finished" and kind_of_settings(row.settings) == kind
    )
    return [row for row, _ in zip(found, range(MOST_MEASURED), strict=False)]


def _start(run: RunDir, log: RunLog) -> float:
    """Seconds from the start of the last session's process to its first epoch."""
    try:
        job = run.job()
    except ValueError:  # its record is damaged
        return 0.0
    seconds = log.started["time"] - job["submitted"] if log.started and job else 0.0
    return seconds if 0 < seconds < LONGEST_START else 0.0


def _finish(log: RunLog) -> float:
    """Seconds from the last epoch to the end: the prediction and the test."""
    last = log.epochs[max(log.epochs)]
    return max(0.0, log.end["time"] - last["time"]) if log.end else 0.0


def _parameters(config: RunConfig, rows: Sequence[RunRow]) -> int:
    """Of the model, by the newest run that logged them, else as registered; 0: not known."""
    model = settings_of(config)
    for row in rows:
        same = all(row.settings.get(name) == model.get(name) for name in _MODEL)
        if row.facts.parameters and same:
            return row.facts.parameters
    entry = entries("models").get(config.model.arch)
    return entry.parameters if entry else 0


def _folder_bytes(run: RunDir) -> int:
    total = 0
    for folder, _, names in os.walk(run.path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:  # it has just gone
                continue
    return total


def _free(runs_dir: Path) -> int:
    folder = absolute(runs_dir)
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
