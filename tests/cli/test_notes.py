"""`note`, `archive`, `restore`, `delete` and `list --filter` as typed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from segengine.run.notes import change_notes
from tests.cli.conftest import says_one_sentence
from tests.made_runs import alive, make_run

Call = Callable[..., tuple[int, str, str]]


def test_a_note_is_kept_field_by_field_and_printed(call: Call, runs_dir: Path) -> None:
    run = make_run(runs_dir)
    assert call("note", run.id) == (0, "Nothing is noted.\n", "")
    code, out, _ = call(
        "note", run.id, "--name", "Best one", "--tag", "a", "--tag", "b b", "--star"
    )
    assert (code, out) == (0, "Name: Best one\nTags: a, b b\nStar: yes\n")
    code, out, _ = call("note", run.id, "--untag", "a", "--text", "Odd loss.", "--no-star")
    assert out == "Name: Best one\nTags: b b\nNotes: Odd loss.\n"
    call("note", run.id, "--name", "")
    assert run.notes() == {"name": "", "tags": ["b b"], "star": False, "notes": "Odd loss."}


def test_notes_that_do_not_fit_are_one_sentence(call: Call, runs_dir: Path) -> None:
    run = make_run(runs_dir)
    for words in (["--tag", "a,b"], ["--star", "--no-star"], ["--name", "x" * 200]):
        code, _, err = call("note", run.id, *words)
        assert code == 2
        says_one_sentence(err)
    run.notes_file.write_text("{")
    code, _, err = call("note", run.id, "--star")
    assert (code, run.notes_file.read_text()) == (2, "{")
    says_one_sentence(err, str(run.notes_file), "cannot be read")


def test_archived_runs_leave_the_list_and_come_back(call: Call, runs_dir: Path) -> None:
    first, second = make_run(runs_dir), make_run(runs_dir, seed=1)
    assert call("archive", first.id, second.id)[0] == 0
    code, out, _ = call("list")
    assert code == 0
    assert out == "None of 2 runs is shown: --archived shows archived ones.\n"
    assert first.id in call("list", "--archived")[1]
    assert call("restore", first.id) == (0, f"Restored {first.id}\n", "")
    out = call("list")[1]
    assert first.id in out and second.id not in out


def test_a_list_is_filtered_and_shows_names_and_tags(call: Call, runs_dir: Path) -> None:
    unet = make_run(runs_dir, arch="unet", base_width=8)
    other = make_run(runs_dir)
    change_notes(unet, name="Small", tags=["baseline"], star=True)
    out = call("list", "--filter", "arch = unet and best_miou > 0.1")[1]
    head, line = out.splitlines()
    assert head.startswith("RUN") and "NAME, TAGS" in head
    assert unet.id in line and "* Small #baseline" in line
    assert other.id not in out
    code, out, _ = call("list", "--filter", "tag = none and lr > 5")
    assert (code, "no other fits the filter" in out) == (0, True)


def test_a_list_is_cut_to_the_newest_and_written_for_programs(call: Call, runs_dir: Path) -> None:
    runs = sorted((make_run(runs_dir, seed=seed) for seed in range(3)), key=lambda run: run.id)
    code, out, err = call("list", "--limit", "2")
    assert code == 0 and err == "The newest 2; --limit 0 lists all.\n"
    assert [line.split()[0] for line in out.splitlines()[1:]] == [runs[2].id, runs[1].id]
    for limit in ("0", "3"):
        code, out, err = call("list", "--limit", limit)
        assert (code, len(out.splitlines()), err) == (0, 4, "")
    found = json.loads(call("list", "--json", "--filter", f"id = {runs[0].id}")[1])
    assert [one["id"] for one in found] == [runs[0].id]
    assert (found[0]["settings"]["arch"], found[0]["sweep"]) == ("segformer_b0", None)
    assert json.loads(call("list", "--json", "--filter", "lr > 5")[1]) == []
    code, _, err = call("list", "--limit=-1")
    assert code == 2
    says_one_sentence(err, "--limit must be 0 or more, but -1 was given")


def test_a_filter_that_makes_no_sense_is_pointed_at(call: Call, runs_dir: Path) -> None:
    make_run(runs_dir)
    code, out, err = call("list", "--filter", "unet and best_mio > 0.6")
    assert (code, out) == (2, "")
    sentence, text, carets = err.splitlines()
    assert sentence.startswith("Error: There is no field 'best_mio': did you mean best_miou")
    assert text == "unet and best_mio > 0.6"
    assert carets == "         ^^^^^^^^"


def test_delete_says_what_goes_and_does_it_only_when_told(call: Call, runs_dir: Path) -> None:
    gone, kept = make_run(runs_dir), make_run(runs_dir, seed=1)
    code, out, err = call("delete", gone.id)
    assert code == 1
    assert out.startswith(f"Run {gone.id} with all its checkpoints")
    assert "kB." in out
    assert "Nothing was deleted: --yes" in err
    assert gone.path.exists()
    code, out, _ = call("delete", gone.id, "--yes")
    assert (code, out.splitlines()[-1]) == (0, f"Deleted {gone.id}")
    assert os.listdir(runs_dir) == [kept.id]


def test_delete_leaves_runs_at_work(call: Call, runs_dir: Path) -> None:
    working, ended = alive(make_run(runs_dir, epochs_done=1, end=None)), make_run(runs_dir)
    code, _, err = call("delete", working.id, "--yes")
    assert code == 2
    says_one_sentence(err, working.id, "is at work and stays: stop it first")
    code, out, _ = call("delete", working.id, ended.id, "--yes")
    assert (code, f"Deleted {ended.id}" in out) == (1, True)
    assert os.listdir(runs_dir) == [working.id]


@pytest.mark.parametrize("command", ["archive", "delete", "restore"])
def test_unknown_runs_and_none_at_all_are_refused_before_anything_is_done(
    call: Call, runs_dir: Path, command: str
) -> None:
    run = make_run(runs_dir)
    code, _, err = call(command, run.id, "20260101-000000-unet-scratch-0000")
    assert code == 2
    says_one_sentence(err, "There is no run")
    assert run.notes() == {}
    assert run.path.exists()
    code, _, err = call(command)
    assert code == 2
