"""Checkpoints: written whole or not at all, read without running anything."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import torch

from segengine import files
from segengine.errors import UserError
from segengine.run.rundir import RunDir
from segengine.weights.checkpoint import (
    link_checkpoint,
    load_checkpoint,
    rng_state,
    save_checkpoint,
    set_rng_state,
)
from tests import tiny

STATE = {"model": {"weight": torch.arange(6.0).reshape(2, 3)}, "position": {"epoch": 3}}
OTHER = {"model": {"weight": torch.full((300, 300), 7.0)}, "position": {"epoch": 4}}


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_pets(tmp_path_factory.mktemp("pets"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints" / "last.pt"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_saved_comes_back_and_its_sha256_is_the_files(path: Path) -> None:
    digest = save_checkpoint(path, STATE)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    state = load_checkpoint(path)
    assert torch.equal(state["model"]["weight"], STATE["model"]["weight"])
    assert state["position"] == {"epoch": 3}
    assert names(path.parent) == ["last.pt"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644  # a run folder is there to be shared


def full_disk(*_: object, **more: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullAfter:
    """A file on a disk that takes 20,000 bytes and no more."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.left = 20_000

    def write(self, data: bytes) -> int:
        self.left -= len(data)
        if self.left < 0:
            full_disk()
        return self.file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> FullAfter:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def fill_disk(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """From now on the disk is full, which shows at that moment of writing."""
    plain = os.fdopen
    if moment == "write":
        monkeypatch.setattr(files.os, "fdopen", lambda *args: FullAfter(plain(*args)))
    else:
        monkeypatch.setattr(files.os, moment, full_disk)


@pytest.mark.parametrize("moment", ["open", "write", "fsync", "replace"])
def test_a_full_disk_leaves_the_earlier_checkpoint_and_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    save_checkpoint(path, STATE)
    before = path.read_bytes()
    fill_disk(monkeypatch, moment)
    with pytest.raises(UserError, match="The disk is full") as info:
        save_checkpoint(path, OTHER)
    assert str(path) in str(info.value) and "Free some space and resume" in str(info.value)
    assert path.read_bytes() == before
    assert names(path.parent) == ["last.pt"]


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """The system lets no file of this process grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_limit_of_the_system_on_file_sizes_leaves_the_earlier_checkpoint(path: Path) -> None:
    save_checkpoint(path, STATE)
    with (
        file_size_limit(100_000),
        pytest.raises(UserError, match=rf"{path} cannot be written: File too large"),
    ):
        save_checkpoint(path, OTHER)
    assert load_checkpoint(path)["position"] == {"epoch": 3}
    assert names(path.parent) == ["last.pt"]


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file, no folder")
    with pytest.raises(UserError, match=r"last\.pt cannot be written: .*[Ff]ile exists"):
        save_checkpoint(tmp_path / "checkpoints" / "last.pt", STATE)


def test_best_keeps_its_bytes_when_last_moves_on(path: Path) -> None:
    save_checkpoint(path, STATE)
    best = path.with_name("best.pt")
    link_checkpoint(path, best)
    before = best.read_bytes()
    assert before == path.read_bytes()
    save_checkpoint(path, OTHER)
    assert best.read_bytes() == before != path.read_bytes()
    link_checkpoint(path, best)
    assert best.read_bytes() == path.read_bytes()
    assert names(path.parent) == ["best.pt", "last.pt"]


def test_best_is_a_copy_where_the_disk_has_no_links(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    save_checkpoint(path, STATE)
    link_checkpoint(path, path.with_name("best.pt"))
    assert path.with_name("best.pt").read_bytes() == path.read_bytes()


def test_random_numbers_go_on_where_they_were() -> None:
    torch.manual_seed(1)
    torch.rand(3)
    state = rng_state()
    expected = torch.rand(5)
    torch.manual_seed(2)
    set_rng_state(state)
    assert torch.equal(torch.rand(5), expected)
    set_rng_state(state)
    assert torch.equal(torch.rand(5), expected)


@pytest.mark.parametrize("content", ["truncated", b"", b"text", "foreign"])
def test_what_is_no_checkpoint_of_ours_is_refused(path: Path, content: str | bytes) -> None:
    save_checkpoint(path, OTHER)
    if content == "truncated":
        path.write_bytes(path.read_bytes()[:-2000])
    elif content == "foreign":
        torch.save({"weight": torch.ones(2)}, path)
    else:
        path.write_bytes(content)  # type: ignore[arg-type]
    with pytest.raises(UserError) as info:
        load_checkpoint(path)
    assert str(path) in str(info.value)
    assert ("no SegLab checkpoint" in str(info.value)) == (content == "foreign")


def half_trained(pets: Path, tmp_path: Path) -> RunDir:
    """A run that was stopped after the first step of its second epoch."""
    return tiny.train(tmp_path, tiny.decoded(tiny.config(pets)), tiny.StopsAt(6))


def test_a_damaged_last_checkpoint_ends_the_run_with_a_sentence(pets: Path, tmp_path: Path) -> None:
    run = half_trained(pets, tmp_path)
    content = run.last_checkpoint.read_bytes()[:5000]
    run.last_checkpoint.write_bytes(content)
    tiny.go_on(run, code=1)
    assert "truncated" in tiny.events(run, "run_failed")[0]["error"]
    assert run.last_checkpoint.read_bytes() == content


def test_a_config_changed_by_hand_is_not_gone_on_with(pets: Path, tmp_path: Path) -> None:
    run = half_trained(pets, tmp_path)
    before = run.last_checkpoint.read_bytes()
    run.config_file.write_text(run.config().with_values(lr=0.5).to_json())
    tiny.go_on(run, code=1)
    sentence = tiny.events(run, "run_failed")[0]["error"]
    assert "another config" in sentence and str(run.config_file) in sentence
    assert run.last_checkpoint.read_bytes() == before
