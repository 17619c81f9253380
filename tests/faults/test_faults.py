"""Whatever is damaged in a run folder, all else is shown: a slice of `python -m tests.faults`."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from segengine.run.rundir import RunDir
from tests.faults import probes
from tests.faults.probes import Base, Damage
from tests.faults.readers import READERS, serving
from tests.made_runs import make_run

SEED = 20261126


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return probes.make_base(tmp_path_factory.mktemp("base"))


def sample(damages: list[Damage], count: int) -> list[Damage]:
    return random.Random(SEED).sample(damages, count)


def test_a_healthy_folder_is_read_and_a_reader_that_fails_is_noticed(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert probes.probe(base, tmp_path / "runs", lambda run: "not at all") == []

    def broken() -> str:
        raise KeyError("loss")

    monkeypatch.setitem(READERS, "Curves", broken)
    monkeypatch.setitem(READERS, "list", str)
    found = probes.probe(base, tmp_path / "runs", lambda run: "not at all")
    assert {(fault.reader, fault.what.split(":")[0]) for fault in found} >= {
        ("list", "the healthy run is not shown"),
        ("list", "the damaged run is not shown"),
    }
    assert "KeyError" in next(fault.what for fault in found if fault.reader == "Curves")


def test_a_damaged_file_hides_nothing_else(base: Base, tmp_path: Path) -> None:
    for number, harm in enumerate(sample(list(probes.file_damage()), 25)):
        assert probes.probe(base, tmp_path / str(number), harm) == []


def test_a_damaged_field_hides_nothing_else(base: Base, tmp_path: Path) -> None:
    for number, harm in enumerate(sample(list(probes.field_damage(base)), 25)):
        assert probes.probe(base, tmp_path / str(number), harm) == []


def test_a_damaged_log_hides_nothing_else(base: Base, tmp_path: Path) -> None:
    for number, harm in enumerate(islice(probes.log_damage(random.Random(SEED), 30), 30)):
        assert probes.probe(base, tmp_path / str(number), harm) == []


def test_damage_is_the_same_for_the_same_seed(base: Base, tmp_path: Path) -> None:
    logs = []
    for _ in range(2):
        run = make_run(tmp_path, epochs_done=2)
        run.events_file.write_bytes(RunDir(base.runs_dir / base.victim).events_file.read_bytes())
        for harm in probes.log_damage(random.Random(SEED), 5):
            harm(run)
        logs.append(run.events_file.read_bytes())
    assert logs[0] == logs[1]


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everyone may look into, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another person")
def test_another_persons_private_run_is_a_line_that_says_why(public_folder: Path) -> None:
    mine, theirs = make_run(public_folder), make_run(public_folder)
    theirs.path.chmod(0o700)

    def look() -> None:
        with serving(public_folder):
            for name, read in READERS.items():
                told = read()
                assert mine.id in told or name in ("Masks", "Launch"), name
                assert theirs.id in told or name in ("Masks", "Launch"), name
                if name in ("list", "Runs"):
                    assert "events.jsonl cannot be read: permission denied" in told

    as_nobody(look)


def as_nobody(do: Callable[[], None]) -> None:
    """Do it in a process that has no right to private files."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            do()
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
