"""The cache's limit and its clearing: what was not used for longest goes first, nothing in use."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from segengine.cli.main import main
from segengine.datasets.cache import (
    CacheEntry,
    cache_dir,
    cache_entries,
    cache_limit,
    clear_cache,
    files_key,
    make_room,
)
from segengine.datasets.decoded import DecodedSplit, decode_pairs
from segengine.errors import UserError
from tests import tiny
from tests.datasets.test_decoded import pets_in


def decode(root: Path, size: int) -> DecodedSplit:
    dataset = pets_in(root)
    return decode_pairs(dataset, dataset.names, (size, size), workers=1, progress=tiny.no_progress)


def entry_of(size: int) -> CacheEntry | None:
    found = [entry for entry in cache_entries() if entry.note.get("size") == [size, size]]
    return found[0] if found else None


def age(size: int, seconds: float) -> None:
    """As if it had been used that long ago."""
    entry = entry_of(size)
    assert entry
    then = entry.used - seconds
    os.utime(entry.path / "entry.json", (then, then))


@pytest.fixture
def root(tmp_path: Path, cache: Path) -> Path:
    return tiny.write_pets(tmp_path / "data")


def kept() -> list[int]:
    return sorted(entry.note["size"][0] for entry in cache_entries())


def test_what_was_not_used_for_longest_makes_room(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size, seconds in ((40, 100), (36, 300), (32, 200)):
        decode(root, size)
        gc.collect()
        age(size, seconds)
    total = sum(entry.bytes for entry in cache_entries())
    monkeypatch.setenv("SEGLAB_CACHE_LIMIT", str(total / 1e9))
    decode(root, 44)
    assert kept() == [40, 44]  # 36 is the oldest, and alone not large enough
    gc.collect()
    age(44, 1000)
    decode(root, 44)  # used again: the newest now
    gc.collect()
    decode(root, 41)
    assert kept() == [41, 44]


def test_what_is_in_use_stays_even_above_the_limit(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGLAB_CACHE_LIMIT", "1e-6")
    first = decode(root, 32)
    assert [entry.in_use for entry in cache_entries()] == [True]
    second = decode(root, 40)
    assert kept() == [32, 40]
    assert clear_cache()[0] == 0 and kept() == [32, 40]
    assert first.masks.any() and second.masks.any()
    first = second
    gc.collect()
    decode(root, 48)
    gc.collect()
    assert kept() == [40, 48]
    del second, first
    gc.collect()
    removed, left = clear_cache()
    assert removed > 0 and left == []


def _use_until_told(root: Path, ready: object, leave: object) -> None:
    split = decode(root, 32)
    ready.set()  # type: ignore[attr-defined]
    leave.wait(30)  # type: ignore[attr-defined]
    assert split.masks.any()


def test_another_processs_entries_stay_until_it_ends(root: Path) -> None:
    fork = multiprocessing.get_context("fork")
    ready, leave = fork.Event(), fork.Event()
    process = fork.Process(target=_use_until_told, args=(root, ready, leave))
    process.start()
    assert ready.wait(30)
    assert clear_cache()[1] == cache_entries() and kept() == [32]
    leave.set()
    process.join(30)
    assert process.exitcode == 0
    assert clear_cache()[1] == [] and kept() == []


def test_clearing_touches_nothing_that_is_not_the_caches(root: Path, cache: Path) -> None:
    """$SEGLAB_CACHE may be a folder that holds other things."""
    decode(root, 32)
    gc.collect()
    scan = cache / "scans" / f"{'c' * 32}.json"
    own = [cache / "thesis" / "text.md", cache / "scans" / "contract.json", cache / "my.lock"]
    own.append(cache / ".decoding-mine" / "x")
    for path in (scan, *own):
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    (cache / f".decoding-{'a' * 32}").mkdir()
    at_work = cache / ("d" * 32)
    at_work.mkdir()
    with FileLock(at_work.with_suffix(".lock")):
        _, left = clear_cache()
        assert [entry.path for entry in left] == [at_work]
    clear_cache()
    files = {path for path in cache.rglob("*") if path.is_file()}
    assert files == set(own)
    assert [path.name for path in cache.iterdir() if len(path.stem) == 32] == []


@pytest.mark.parametrize(
    ("text", "limit"), [("", 20e9), ("1.5", 1.5e9), ("inf", float("inf")), (" 3 ", 3e9)]
)
def test_the_limit_is_given_in_gigabytes(
    text: str, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGLAB_CACHE_LIMIT", text)
    assert cache_limit() == limit


@pytest.mark.parametrize("text", ["0", "-1", "20 GB", "nan"])
def test_a_wrong_limit_is_said_in_a_sentence(
    text: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGLAB_CACHE_LIMIT", text)
    with pytest.raises(UserError, match=r"SEGLAB_CACHE_LIMIT .* give the gigabytes"):
        decode(root, 32)
    with pytest.raises(UserError, match="SEGLAB_CACHE_LIMIT"):
        make_room(0)


def test_a_folder_that_is_not_there_is_an_empty_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGLAB_CACHE", str(tmp_path / "none"))
    assert cache_dir() == tmp_path / "none"
    assert cache_entries() == [] and clear_cache() == (0, [])
    assert not (tmp_path / "none").exists()


def test_a_key_changes_with_the_inode_and_takes_any_file_name(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    path.write_text("a")
    before = files_key([path])
    assert before == files_key([path]) and len(before) == 32
    path.rename(tmp_path / "old")
    path.write_text("a")
    assert files_key([path]) != before
    assert files_key([tmp_path / ("x" * 5000)]) != files_key([tmp_path / "y\0"])


def test_the_command_shows_and_clears(
    root: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*words: str) -> str:
        capsys.readouterr()
        assert main(["cache", *words]) == 0
        return capsys.readouterr().out

    split = decode(root, 32)
    (cache / ("e" * 32)).mkdir()  # of an older version
    np.save(cache / ("e" * 32) / "images.npy", np.zeros((9, 9)))
    out = call()
    assert f"Cache {cache}: " in out and "at most 20 GB" in out
    row = next(line for line in out.splitlines() if "32x32" in line)
    assert row.split()[1:3] == ["7", "32x32"] and row.endswith("in use")
    assert row.startswith(str(root / "oxford-iiit-pet" / "images"))
    assert f"{'e' * 32}, which an older version made" in out

    content = json.loads(call("--json"))
    assert content["folder"] == str(cache) and content["limit_bytes"] == 20_000_000_000
    assert content["bytes"] == sum(path.stat().st_size for path in cache.glob("*/*"))
    assert {entry["images"] for entry in content["entries"]} == {None, 7}

    at_work, left = (cache / f".decoding-{key * 32}" for key in "ab")
    for folder in (at_work, left):
        folder.mkdir()
        (folder / "images.npy").write_bytes(b"x" * 100)
    with FileLock(cache / f"{'a' * 32}.lock"):
        out = call()
        assert "images that are being read now" in out and "what a killed run has left" in out
        assert call("--clear").startswith("Removed 876 bytes\n")
        assert at_work.exists() and not left.exists()
    out = call("--clear")
    assert out.startswith("Removed 100 bytes\n") and "in use" in out and "older" not in out
    del split
    gc.collect()
    content = json.loads(call("--clear", "--json"))
    assert content["removed_bytes"] > 7 * 32 * 32 * 4 and content["entries"] == []
    assert list(cache.iterdir()) == []
