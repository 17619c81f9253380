"""One probe: a runs folder with a healthy run and a damaged one, read by every reader."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segengine.run.rundir import RunDir
from segengine.run.stopping import request_stop
from tests import tiny
from tests.faults import damage
from tests.faults.readers import READERS, serving
from tests.made_runs import make_run

PATIENCE = 20  # seconds; what blocks on a pipe would block for ever

Damage = Callable[[RunDir], str]


@dataclass(frozen=True)
class Fault:
    """A reader that could not read a runs folder."""

    reader: str
    how: str  # the run was damaged
    what: str  # happened

    def __str__(self) -> str:
        return f"{self.reader}, {self.how}: {self.what}"


@dataclass(frozen=True)
class Base:
    """Two healthy runs, of which one will be damaged in a copy of their folder."""

    runs_dir: Path
    healthy: str
    victim: str


def make_base(folder: Path) -> Base:
    """Both runs have masks, predictions and what stands for a checkpoint."""
    root = tiny.write_pets(folder / "data")
    runs = [make_run(folder / "runs", root=root, epochs_done=2, epochs=2) for _ in range(2)]
    for run in runs:
        run.best_checkpoint.parent.mkdir()
        run.best_checkpoint.write_bytes(b"weights")
        run.output_file.write_text("Finished.\n")
        run.notes_file.write_text(json.dumps({"name": "Baseline"}))
    request_stop(runs[1])
    return Base(folder / "runs", runs[0].id, runs[1].id)


def probe(base: Base, folder: Path, harm: Damage) -> list[Fault]:
    """Damage the victim in a copy of the base, and read all; the faults that this brought out."""
    shutil.copytree(base.runs_dir, folder)
    run = RunDir(folder / base.victim)
    how = harm(run)
    faults = []
    with serving(folder):
        for name, read in READERS.items():
            try:
                with _within(PATIENCE):
                    told = read()
            except (Exception, SystemExit):
                faults.append(Fault(name, how, traceback.format_exc(limit=-3)))
                continue
            if base.healthy not in told:
                faults.append(Fault(name, how, "the healthy run is not shown"))
            if name in ("list", "Runs") and run.exists() and base.victim not in told:
                faults.append(Fault(name, how, "the damaged run is not shown"))
    shutil.rmtree(folder)
    return faults


def file_damage() -> Iterator[Damage]:
    """Each file of a run, damaged in each way."""
    for file in damage.FILES:
        for kind, harm in damage.FILE_DAMAGE.items():
            yield _on_file(file, kind, harm)


def field_damage(base: Base) -> Iterator[Damage]:
    """Each field of each record, with each odd value."""
    for file in ("config.json", "job.json", "request.json", "notes.json"):
        record = json.loads((base.runs_dir / base.victim / file).read_text())
        for place in damage.damaged_places(record):
            for value in damage.VALUES:
                yield _on_field(file, record, place, value)


def log_damage(rng: random.Random, count: int) -> Iterator[Damage]:
    """Random damage to the lines of a log."""
    for _ in range(count):
        yield _on_log(rng.getrandbits(32))


def _on_file(file: str, kind: str, harm: Callable[[Path], None]) -> Damage:
    def apply(run: RunDir) -> str:
        harm(run.path / file)
        return f"{file} {kind}"

    return apply


def _on_field(file: str, record: Any, place: tuple[Any, ...], value: Any) -> Damage:
    def apply(run: RunDir) -> str:
        (run.path / file).write_text(json.dumps(damage.with_value(record, place, value)))
        return f"{file} {'.'.join(map(str, place))} = {str(value)[:40]!r}"

    return apply


def _on_log(seed: int) -> Damage:
    def apply(run: RunDir) -> str:
        return f"log {seed}: {damage.mutate_log(run, random.Random(seed))}"

    return apply


@contextlib.contextmanager
def _within(seconds: int) -> Iterator[None]:
    """TimeoutError where the body takes longer. Main thread only."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"nothing came for {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
