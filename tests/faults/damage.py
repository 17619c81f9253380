"""Damage: to a file of a run folder, to a field of a record, to a line of a log. All seeded."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from segengine.run.rundir import RunDir

FILES = (
    *("config.json", "events.jsonl", "job.json", "request.json", "notes.json", "output.log"),
    *("checkpoints", "checkpoints/best.pt", "masks", "predictions", "predictions/per_image.csv"),
    *("predictions/confusion.npy", ".lock", ".claim.lock"),
    *("evaluations", "evaluations/oxford_pets", "evaluations/oxford_pets/val.json"),
)


def _replaced(path: Path) -> None:
    """Make room for something else in a file's or folder's place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _as_bytes(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        _replaced(path)
        path.write_bytes(content)

    return write


def _folder(path: Path) -> None:
    _replaced(path)
    path.mkdir()


def _pipe(path: Path) -> None:
    _replaced(path)
    os.mkfifo(path)


def _link_to(target: str) -> Callable[[Path], None]:
    def link(path: Path) -> None:
        _replaced(path)
        path.symlink_to(target)

    return link


def _half(path: Path) -> None:
    if path.is_file():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


FILE_DAMAGE: dict[str, Callable[[Path], None]] = {
    "missing": _replaced,
    "empty": _as_bytes(b""),
    "half": _half,
    "zeros": _as_bytes(bytes(5000)),
    "not UTF-8": _as_bytes(b"\xff\xfe\x00\xd8\n" * 100),
    "a string": _as_bytes(b'"text"\n'),
    "a list": _as_bytes(b"[1, 2]\n"),
    "null": _as_bytes(b"null\n"),
    "a number": _as_bytes(b"7\n"),
    "an empty object": _as_bytes(b"{}\n"),
    "NaN": _as_bytes(b"NaN\n"),
    "deep lists": _as_bytes(b"[" * 200_000 + b"\n"),
    "deep objects": _as_bytes(b'{"a":' * 200_000 + b"\n"),
    "a lone surrogate": _as_bytes(b'{"name": "\\ud800", "backend": "\\udfff"}\n'),
    "a folder": _folder,
    "a pipe": _pipe,
    "a device": _link_to("/dev/zero"),
    "a broken link": _link_to("nowhere"),
    "a link to itself": _link_to("config.json"),
}

NOT_GIVEN = object()
VALUES: tuple[Any, ...] = (
    *(NOT_GIVEN, None, True, "", "text", "\ud800", "../../etc", "\0", "<b>&", 0, -1, 1, 3.5),
    *(10**400, 2**63, 1e308, -1e308, float("nan"), float("inf"), [], [None], [[]], {}),
    *([1, "two"], {"a": {}}, ["x"] * 300),
)


def damaged_places(record: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a record: the keys and indices that lead to each value."""
    items = record.items() if isinstance(record, dict) else ()
    if isinstance(record, list):
        items = list(enumerate(record))[:2]
    for key, value in items:
        yield (*place, key)
        yield from damaged_places(value, (*place, key))


def with_value(record: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of the record with another value (or none) in one place."""
    changed = copy.deepcopy(record)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    if value is NOT_GIVEN:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return changed


def mutate_log(run: RunDir, rng: random.Random) -> str:
    """Damage some lines of a run's log; says how."""
    lines = run.events_file.read_bytes().splitlines(keepends=True)
    kinds = rng.choices(list(LOG_DAMAGE), WEIGHTS, k=rng.choice((1, 1, 1, 2, 5)))
    for kind in kinds:
        LOG_DAMAGE[kind](lines, rng)
    run.events_file.write_bytes(b"".join(lines))
    return ", ".join(kinds)


Lines = list[bytes]


def _other_value(lines: Lines, rng: random.Random) -> None:
    index = rng.randrange(len(lines))
    try:
        record = json.loads(lines[index])
    except ValueError:
        return
    places = list(damaged_places(record))
    if places:
        changed = with_value(record, rng.choice(places), rng.choice(VALUES))
        lines[index] = json.dumps(changed).encode() + b"\n"


def _flipped_bit(lines: Lines, rng: random.Random) -> None:
    index = rng.randrange(len(lines))
    line = bytearray(lines[index])
    line[rng.randrange(len(line))] ^= 1 << rng.randrange(8)
    lines[index] = bytes(line)


def _cut(lines: Lines, rng: random.Random) -> None:
    index = rng.randrange(len(lines))
    lines[index] = lines[index][: rng.randrange(len(lines[index]))]


def _lost(lines: Lines, rng: random.Random) -> None:
    if len(lines) > 1:
        del lines[rng.randrange(len(lines))]


def _twice(lines: Lines, rng: random.Random) -> None:
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))


def _out_of_order(lines: Lines, rng: random.Random) -> None:
    first = rng.randrange(len(lines))
    part = lines[first : first + 6]
    rng.shuffle(part)
    lines[first : first + 6] = part


def _number(lines: Lines, rng: random.Random) -> None:
    """One digit of a line becomes another: still JSON, with another number."""
    index = rng.randrange(len(lines))
    line = bytearray(lines[index])
    digits = [place for place, byte in enumerate(line) if chr(byte).isdigit()]
    if digits:
        line[rng.choice(digits)] = ord(rng.choice("0123456789-.e"))
    lines[index] = bytes(line)


def _garbage(lines: Lines, rng: random.Random) -> None:
    lines.insert(rng.randrange(len(lines)), rng.randbytes(rng.randrange(200)) + b"\n")


LOG_DAMAGE: dict[str, Callable[[Lines, random.Random], None]] = {
    "another value": _other_value,
    "a flipped bit": _flipped_bit,
    "a cut line": _cut,
    "a lost line": _lost,
    "a line twice": _twice,
    "lines out of order": _out_of_order,
    "another number": _number,
    "garbage": _garbage,
}
WEIGHTS = [5 if kind == "another value" else 1 for kind in LOG_DAMAGE]
