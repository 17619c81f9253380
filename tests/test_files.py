"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from segengine.errors import UserError
from segengine.files import atomic_write, cannot_write, csv_cell, csv_name, write_text


def test_text_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "notes.json"
    write_text(path, "größer\n")
    assert path.read_bytes() == "größer\n".encode()
    assert os.listdir(path.parent) == ["notes.json"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_who_may_read_and_write_a_file_is_as_the_umask_says(
    tmp_path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1", "''@x"]
)
def test_a_name_that_a_spreadsheet_would_compute_is_quoted_and_read_back(name: str) -> None:
    assert csv_cell(name) == "'" + name
    assert csv_name(csv_cell(name)) == name


@pytest.mark.parametrize("name", ["cat_1", "a=b", "", "'quoted'", "image-2", "größe"])
def test_other_names_are_cells_as_they_are(name: str) -> None:
    assert csv_cell(name) == csv_name(name) == name


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write_half() -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise KeyError("a bug in what is being written")

    with pytest.raises(KeyError):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(UserError, match=r"cannot be written.*folder you can write to") as caught:
        write_text(tmp_path / "runs" / "a.txt", "x")
    assert str(tmp_path / "runs" / "a.txt") in str(caught.value)


def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        write_text(tmp_path / "a.txt", "x")
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_full_disk_is_an_error_that_says_what_to_do() -> None:
    sentence = str(cannot_write(Path("/runs/last.pt"), OSError(errno.ENOSPC, "No space left")))
    for words in ("disk is full", "/runs/last.pt", "Free some space", "untouched"):
        assert words in sentence


def test_a_write_that_does_not_fit_keeps_what_was_there(tmp_path: Path) -> None:
    """A process with a limit on file sizes stands for a disk without room."""
    path = tmp_path / "last.pt"
    path.write_bytes(b"old checkpoint")
    code = (
        "import resource, signal, sys; from pathlib import Path; "
        "from segengine.errors import UserError; from segengine.files import write_text\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    write_text(Path(sys.argv[1]), 'x' * 100_000)\n"
        "except UserError as error:\n    print(error)\n"
    )
    words = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert f"{path} cannot be written" in done.stdout, done.stderr
    assert path.read_bytes() == b"old checkpoint"
    assert os.listdir(tmp_path) == ["last.pt"]
