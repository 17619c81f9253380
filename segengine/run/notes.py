"""Changing what a person noted about a run, from any number of tabs and processes at once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast, get_args

from filelock import FileLock

from segengine.errors import UserError
from segengine.files import cannot_write, write_text
from segengine.run.records import Notes
from segengine.run.rundir import RunDir

NoteField = Literal["name", "tags", "notes", "star", "archived"]
FIELDS: tuple[NoteField, ...] = get_args(NoteField)
LONGEST: Mapping[str, int] = {"name": 120, "tag": 40, "notes": 10_000}  # characters
MOST_TAGS = 30


class NotesChanged(UserError):
    """Somebody else changed the same field since the person looked at it.

    Attributes:
        now: what the field holds.
    """

    def __init__(self, run: RunDir, field: str, now: Any) -> None:
        shown = ", ".join(now) if isinstance(now, list) else str(now)
        super().__init__(
            f"The {field} of run {run.id} was changed elsewhere meanwhile, to '{shown}': save "
            "yours again to put it in that place, or leave that.",
            field=field,
        )
        self.now = now


@contextlib.contextmanager
def notes_kept(run: RunDir) -> Iterator[None]:
    """While the body runs, nobody else changes the run's notes.

    Raises:
        UserError: the run is gone, or its folder cannot be written.
    """
    _require_there(run)
    lock = FileLock(run.notes_lock_file)
    try:
        lock.acquire()
    except OSError as error:
        raise cannot_write(run.notes_file, error) from error
    try:
        yield
    finally:
        lock.release()


def change_notes(
    run: RunDir,
    *,
    expected: Mapping[str, Any] | None = None,
    tag: tuple[str, ...] = (),
    untag: tuple[str, ...] = (),
    **changes: Any,
) -> Notes:
    """Change the given fields of a run's notes; all others stay as they are on disk now.

    Args:
        expected: what the person saw in the fields; left out, they are changed whatever they hold.
        tag: tags to add; `untag`: to take away.
        changes: new values of `FIELDS`.

    Returns:
        The notes as they are now.

    Raises:
        NotesChanged: a field does not hold what is expected of it.
        UserError: a value does not fit, the notes on disk are damaged (they are left as they
            are), or they cannot be written.
    """
    given = {name: checked(name, value) for name, value in changes.items()}
    with notes_kept(run):
        _require_there(run)
        notes: dict[str, Any] = dict(_read(run))
        for name in given.keys() & (expected or {}).keys():
            _require_as_expected(run, name, notes, (expected or {})[name], given[name])
        changed = {**notes, **given}
        if tag or untag:
            tags = [*changed.get("tags", ()), *checked("tags", tag)]
            changed["tags"] = checked("tags", [one for one in tags if one not in set(untag)])
        if changed != notes:
            write_text(run.notes_file, json.dumps(changed, indent=2, ensure_ascii=False) + "\n")
    return cast("Notes", changed)


def checked(name: str, value: Any) -> Any:
    """A new value of a field as it is kept: without blanks around it, each tag once.

    Raises:
        UserError: there is no such field, or it cannot hold that.
    """
    if name in ("star", "archived") and isinstance(value, bool):
        return value
    if name in ("name", "notes") and isinstance(value, str):
        return _text(name, value if name == "notes" else " ".join(value.split()))
    if name == "tags" and isinstance(value, (list, tuple)):
        tags = list(dict.fromkeys(_tag(one) for one in value))
        if len(tags) > MOST_TAGS:
            raise UserError(f"A run has at most {MOST_TAGS} tags, but {len(tags)} were given.")
        return tags
    if name not in FIELDS:
        raise UserError(f"Notes have no '{name}': they have {', '.join(FIELDS)}.", field=name)
    raise UserError(f"'{value}' cannot be the {name} of a run.", field=name)


def _tag(value: Any) -> str:
    word = _text("tag", " ".join(str(value).split()))
    if not word or "," in word:
        raise UserError(f"'{word}' is no tag: give a short word without a comma.", field="tags")
    return word


def _text(name: str, text: str) -> str:
    """The text, if it is short enough and can be written as UTF-8."""
    text = text.strip()
    if len(text) > LONGEST[name]:
        raise UserError(
            f"A run's {name} has at most {LONGEST[name]:,} characters, but {len(text):,} were "
            "given: shorten it.",
            field=name,
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"The {name} is not UTF-8: type it again.", field=name) from None
    return text


def _read(run: RunDir) -> Notes:
    try:
        return run.notes()
    except UserError as error:
        raise UserError(
            f"{error} They were left as they are: mend or move that file first.", field="notes"
        ) from None


def _require_as_expected(
    run: RunDir, name: str, notes: Mapping[str, Any], expected: Any, wanted: Any
) -> None:
    now = notes.get(name, type(wanted)())
    if now not in (expected, wanted):
        raise NotesChanged(run, name, now)


def _require_there(run: RunDir) -> None:
    if not run.exists():
        raise UserError(f"Run {run.id} was deleted: there is nothing to note.", field="run")
