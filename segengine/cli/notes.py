"""`note`, `archive`, `restore` and `delete`: what a person keeps of runs, and how."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import tyro

from segengine.cli.flags import RUNS, RunId
from segengine.errors import UserError
from segengine.results.index import RunIndex
from segengine.results.removal import plan_removal, remove_leftovers, remove_run
from segengine.run.notes import change_notes
from segengine.run.records import Notes
from segengine.run.rundir import RunDir
from segengine.run.terminal import say

RunIds = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN [RUN ...]")]
Words = Annotated[tuple[str, ...], tyro.conf.UseAppendAction]
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
UNCHANGED = "(unchanged)"


def note(
    run: RunId,
    name: str = UNCHANGED,
    tag: Words = (),
    untag: Words = (),
    text: str = UNCHANGED,
    star: Flag = False,
    no_star: Flag = False,
    runs_dir: Path = RUNS,
) -> int:
    """Note something about a run, and print its notes.

    Args:
        run: Id of the run.
        name: What lists call it; "" takes the name away.
        tag: A tag to add, a short word; several by several --tag.
        untag: A tag to take away.
        text: Notes in free words; "" takes them away.
        star: Mark it with a star.
        no_star: Take the star away.
        runs_dir: Folder that holds the runs.
    """
    if star and no_star:
        raise UserError("--star and --no-star were both given: choose one of them.")
    given = {"name": name, "notes": text}
    changes: dict[str, Any] = {field: new for field, new in given.items() if new != UNCHANGED}
    changes |= {"star": star} if star or no_star else {}
    opened = RunDir.open(runs_dir, run)
    notes = opened.notes()
    if changes or tag or untag:
        notes = change_notes(opened, tag=tag, untag=untag, **changes)
    say(notes_in_words(notes))
    return 0


def archive(runs: RunIds, runs_dir: Path = RUNS) -> int:
    """Archive runs: lists leave them out; nothing of them is lost.

    Args:
        runs: Ids of the runs.
        runs_dir: Folder that holds the runs.
    """
    return _set_archived(runs, runs_dir, archived=True)


def restore(runs: RunIds, runs_dir: Path = RUNS) -> int:
    """Bring archived runs back into the lists.

    Args:
        runs: Ids of the runs.
        runs_dir: Folder that holds the runs.
    """
    return _set_archived(runs, runs_dir, archived=False)


def delete(runs: RunIds, yes: Flag = False, runs_dir: Path = RUNS) -> int:
    """Delete runs for good, after saying what goes and how many bytes. Runs at work stay.

    Args:
        runs: Ids of the runs.
        yes: Do it without asking.
        runs_dir: Folder that holds the runs.
    """
    opened = _opened(runs, runs_dir)
    remove_leftovers(runs_dir)
    plan = plan_removal(opened, RunIndex().rows(runs_dir))
    if not plan.runs:
        raise UserError(plan.sentence, field="run")
    say(plan.sentence)
    if not (yes or _agreed()):
        say("Nothing was deleted: --yes does it.", error=True)
        return 1
    for run in plan.runs:
        remove_run(run)
        say(f"Deleted {run.id}")
    return 1 if plan.at_work else 0


def _agreed() -> bool:
    """Whether the person at the terminal, if there is one, says yes."""
    if not sys.stdin.isatty():
        return False
    say("Delete? [y/N] ", error=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _set_archived(runs: tuple[str, ...], runs_dir: Path, *, archived: bool) -> int:
    for run in _opened(runs, runs_dir):
        change_notes(run, archived=archived)
        say(f"{'Archived' if archived else 'Restored'} {run.id}")
    return 0


def _opened(ids: tuple[str, ...], runs_dir: Path) -> list[RunDir]:
    """The runs of these ids, each once: all of them are there, or nothing is done.

    Raises:
        UserError: no id was given, or one is unknown.
    """
    if not ids:
        raise UserError("No run was given: name one or more; see `list`.", field="run")
    return [RunDir.open(runs_dir, run_id) for run_id in dict.fromkeys(ids)]


def notes_in_words(notes: Notes) -> str:
    """One line for each thing noted."""
    lines = [
        ("Name", notes.get("name", "")),
        ("Tags", ", ".join(notes.get("tags", []))),
        ("Star", "yes" if notes.get("star") else ""),
        ("Archived", "yes" if notes.get("archived") else ""),
        ("Notes", notes.get("notes", "")),
    ]
    return "\n".join(f"{title}: {text}" for title, text in lines if text) or "Nothing is noted."
