"""One way from a config to training: each check and each decoding happens once, whoever asks."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.launch.start_once import Ticket
from segengine.cli.main import main
from segengine.config import RunConfig
from segengine.datasets import decoded
from segengine.launchers import local, preflight
from segengine.run.rundir import Handle, RunDir
from segengine.run.stopping import Stopper
from segengine.training import components, session
from tests import tiny

WAYS = {
    preflight: "preflight",
    session: "dry_run",
    components: "load_encoder",
    decoded: ("open_role", "decode_pairs"),
}
ONCE = {
    "preflight": 1,
    "dry_run": 1,
    "load_encoder": 1,
    "open_role train": 1,
    "open_role val": 1,
    "decode_pairs": 2,  # of two splits
}


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


@pytest.fixture(scope="module")
def source(pets: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run to take encoder weights from."""
    config = tiny.config(pets, arch="unet", base_width=4, epochs=1, seed=9)
    return tiny.train(tmp_path_factory.mktemp("source"), config)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each check, opening and decoding was called."""
    counted: Counter[str] = Counter()

    def counting(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            counted[f"{name} {args[1]}" if name == "open_role" else name] += 1
            return plain(*args, **more)

        return call

    for module, names in WAYS.items():
        for name in (names,) if isinstance(names, str) else names:
            monkeypatch.setattr(module, name, counting(name, getattr(module, name)))
    return counted


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[threading.Thread]]:
    """A launched run's process is a thread of this one, so that its calls are counted too."""
    started: list[threading.Thread] = []

    def submit(run: RunDir) -> Handle:
        started.append(threading.Thread(target=session.run_training, args=(run, Stopper())))
        started[-1].start()
        return local.handle_of(os.getpid())

    monkeypatch.setattr(local, "submit", submit)
    yield started
    for thread in started:
        thread.join()


def by_train(config: RunConfig, runs_dir: Path) -> None:
    assert main(["train", *config.flags(), "--runs-dir", str(runs_dir)]) == 0


def by_launch(config: RunConfig, runs_dir: Path) -> None:
    assert main(["launch", *config.flags(), "--runs-dir", str(runs_dir)]) == 0


def by_form(config: RunConfig, runs_dir: Path) -> None:
    ticket = Ticket()
    ticket.start(config, runs_dir)
    assert ticket.run_id and not ticket.problem


@pytest.mark.usefixtures("signal_handlers")  # `train` takes those of its process
@pytest.mark.parametrize("launch", [by_train, by_launch, by_form])
def test_every_check_and_every_decoding_happens_once_whoever_launches(
    launch: Callable[[RunConfig, Path], None],
    pets: Path,
    source: RunDir,
    calls: Counter[str],
    trainers: list[threading.Thread],
    tmp_path: Path,
) -> None:
    config = tiny.config(
        pets,
        arch="unet",
        base_width=4,
        strategy="pretrained",
        weights=str(source.best_checkpoint),
        epochs=1,
    )
    launch(config, tmp_path / "runs")
    for thread in trainers:
        thread.join()
    (run,) = RunDir.all(tmp_path / "runs")
    assert tiny.events(run)[-1]["event"] == "run_finished"
    assert calls == ONCE


def test_a_resumed_run_loads_its_checkpoint_and_no_encoder(
    pets: Path, source: RunDir, calls: Counter[str], tmp_path: Path
) -> None:
    """The weights that it started from may be gone."""
    weights = tmp_path / "weights.pt"
    weights.write_bytes(source.best_checkpoint.read_bytes())
    config = tiny.config(
        pets, arch="unet", base_width=4, strategy="frozen", weights=str(weights), epochs=2
    )
    run = tiny.train(tmp_path / "runs", config, tiny.StopsAt(1))
    assert calls["load_encoder"] == 1
    weights.unlink()
    tiny.go_on(run)
    assert calls["load_encoder"] == 1
    first, second = tiny.events(run, "run_started")
    assert first["lineage"] == second["lineage"] and first["lineage"]["matched"] > 0
