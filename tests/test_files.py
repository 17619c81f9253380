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
from segengine.files import atomic_write, cannot_write, write_new_text, write_text
from segengine.files.csv_cells import csv_cell, csv_name
from segengine.files.typed_paths import looking_at, shortened, typed_path


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


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("a\0b", "NUL character"),
        ("~nobody-of-that-name/x", "home of an unknown user"),
        ("caf\udce9", "is not UTF-8"),  # a byte of another encoding, as Python reads arguments
        ("x\ud83d", "is not UTF-8"),  # half of an emoji
    ],
)
def test_what_no_path_can_be_is_a_sentence_about_its_field(typed: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        typed_path(typed, "root")
    assert caught.value.field == "root"
    str(caught.value).encode()  # a page and a terminal can show it


@pytest.mark.parametrize("typed", ["x" * 256, "ä" * 200, "a/" * 2500 + "end", "x" * 5000])
def test_what_is_too_long_for_the_system_is_a_sentence(tmp_path: Path, typed: str) -> None:
    path = typed_path(str(tmp_path / typed), "weights")
    refusal = pytest.raises(UserError, match="longer than the file system allows")
    with refusal as caught, looking_at(str(path), "weights"):
        path.stat()
    assert caught.value.field == "weights" and len(str(caught.value)) < 300


def test_links_in_a_circle_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UserError, match="circle of links"), looking_at("a", "root"):
        os.listdir(tmp_path / "a")


def test_any_other_refusal_names_what_was_refused() -> None:
    refused = PermissionError(errno.EACCES, "Permission denied", "/data/pets/annotations")
    with pytest.raises(UserError) as caught, looking_at("/data", "root"):
        raise refused
    sentence = "root '/data' cannot be read: permission denied ('/data/pets/annotations')."
    assert str(caught.value).startswith(sentence)


def test_a_long_path_is_shortened_in_its_middle() -> None:
    assert shortened("/data/my pets") == "'/data/my pets'"
    long = shortened("/data/" + "x" * 5000 + "/pets")
    assert long.startswith("'/data/x") and long.endswith("/pets'") and len(long) < 100


def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "classes.json"
    write_new_text(path, "größer")
    assert path.read_text(encoding="utf-8") == "größer"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    with pytest.raises(UserError, match="exists already"):
        write_new_text(path, "other")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="exists already"):
        write_new_text(tmp_path / "link", "other")
    with pytest.raises(UserError, match="cannot be written"):
        write_new_text(tmp_path / "gone" / "classes.json", "x")
    assert path.read_text(encoding="utf-8") == "größer"
    assert sorted(os.listdir(tmp_path)) == ["classes.json", "link"]
