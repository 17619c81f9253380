"""What a person notes about a run: kept whole, whoever else writes at the same moment."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.run.notes import NotesChanged, change_notes
from segengine.run.rundir import RunDir


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir.create(tmp_path, RunConfig())


def test_only_the_named_fields_change(run: RunDir) -> None:
    change_notes(run, name="  Baseline   one ", star=True)
    change_notes(run, tags=["a", "b", "a"], notes=" Two\nlines. ")
    change_notes(run, tag=("c", "b"), untag=("a",))
    change_notes(run, archived=True)
    assert run.notes() == {
        "name": "Baseline one",
        "star": True,
        "tags": ["b", "c"],
        "notes": "Two\nlines.",
        "archived": True,
    }


def test_what_another_version_noted_stays(run: RunDir) -> None:
    run.notes_file.write_text(json.dumps({"name": "x", "mood": "good"}))
    change_notes(run, name="Läufer 🐈")
    assert json.loads(run.notes_file.read_text()) == {"name": "Läufer 🐈", "mood": "good"}


def tag_many(path: str, word: str) -> None:
    for number in range(8):
        change_notes(RunDir(Path(path)), tag=(f"{word}{number}",), untag=(f"{word}{number - 3}",))


def test_two_processes_that_write_at_once_lose_nothing(run: RunDir) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=tag_many, args=(str(run.path), word)) for word in "ab"]
    for writer in writers:
        writer.start()
    for number in range(8):
        change_notes(run, name=f"name {number}")
    for writer in writers:
        writer.join(timeout=30)
        assert writer.exitcode == 0
    assert sorted(run.notes()["tags"]) == sorted(f"{word}{n}" for word in "ab" for n in (5, 6, 7))
    assert run.notes()["name"] == "name 7"


def test_a_field_that_somebody_else_changed_is_not_overwritten_unseen(run: RunDir) -> None:
    change_notes(run, notes="first")
    change_notes(run, notes="theirs", expected={"notes": "first"})
    with pytest.raises(NotesChanged, match="to 'theirs': save yours again") as caught:
        change_notes(run, notes="mine", expected={"notes": "first"})
    assert (caught.value.now, run.notes()["notes"]) == ("theirs", "theirs")
    change_notes(run, notes="mine", expected={"notes": caught.value.now})
    change_notes(run, name="n", star=True, expected={"name": "", "star": False})  # never set
    assert run.notes() == {"notes": "mine", "name": "n", "star": True}


@pytest.mark.parametrize("damage", [b"{", b'{"name": 7}', b"\xff", b""])
def test_damaged_notes_are_never_overwritten(run: RunDir, damage: bytes) -> None:
    run.notes_file.write_bytes(damage)
    with pytest.raises(UserError, match="left as they are"):
        change_notes(run, name="new")
    assert run.notes_file.read_bytes() == damage


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "x" * 121}, "at most 120 characters, but 121"),
        ({"name": "\ud800"}, "not UTF-8"),
        ({"tags": ["a,b"]}, "without a comma"),
        ({"tags": ["  "]}, "short word"),
        ({"tags": [str(n) for n in range(31)]}, "at most 30 tags, but 31"),
        ({"star": "yes"}, "'yes' cannot be the star"),
        ({"mood": "good"}, "have no 'mood': they have name, tags"),
    ],
)
def test_what_does_not_fit_is_a_sentence_and_changes_nothing(
    run: RunDir, changes: dict[str, object], words: str
) -> None:
    change_notes(run, name="kept")
    with pytest.raises(UserError, match=words):
        change_notes(run, **changes)
    assert run.notes() == {"name": "kept"}


def test_notes_of_a_deleted_run_do_not_bring_its_folder_back(run: RunDir) -> None:
    run.path.rename(run.path.with_name("elsewhere"))
    with pytest.raises(UserError, match="was deleted"):
        change_notes(run, name="ghost")
    assert not run.path.exists()
