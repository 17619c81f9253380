"""The event log: whole lines only, whatever happens to the writer."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from segengine.errors import UserError
from segengine.run.event_log import EventLog, parse_line, read_events, read_log
from segengine.run.events import Event
from tests import made_events


def write_log(path: Path) -> bytes:
    """Write a small log with text of several bytes per character; returns its bytes."""
    with EventLog(path) as log:
        log.write(made_events.started(classes=[{"name": "Fell äöü 🐈", "color": "#0072B2"}]))
        log.write(made_events.step(1, loss=0.5))
        log.write(made_events.failed('line one\nline two\r "quoted" \u2028'), durable=True)
    return path.read_bytes()


def seqs(events: list[Event]) -> list[int]:
    return [event["seq"] for event in events]


def test_a_line_is_one_strict_json_object(tmp_path: Path) -> None:
    before = time.time()
    lines = write_log(tmp_path / "events.jsonl").splitlines(keepends=True)
    assert len(lines) == 3
    for number, line in enumerate(lines):
        event = json.loads(line)
        assert line.endswith(b"}\n")
        assert (event["v"], event["seq"]) == (1, number)
        assert before - 0.001 <= event["time"] <= time.time() + 0.001
    assert json.loads(lines[0])["classes"][0]["name"] == "Fell äöü 🐈"
    assert json.loads(lines[2])["error"] == 'line one\nline two\r "quoted" \u2028'


def test_an_event_can_be_read_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.write(made_events.step(1))
    events, offset = read_events(path)
    assert (events[0]["step"], offset) == (1, path.stat().st_size)
    log.close()
    log.close()  # twice does no harm


def test_a_log_that_is_not_there_has_no_events(tmp_path: Path) -> None:
    assert read_events(tmp_path / "none.jsonl") == ([], 0)


def test_a_log_torn_at_any_byte_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    whole = write_log(tmp_path / "events.jsonl")
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    torn = tmp_path / "torn.jsonl"
    for size in range(len(whole) + 1):
        torn.write_bytes(whole[:size])
        complete = [end for end in ends if end <= size]
        events, offset = read_events(torn)
        assert seqs(events) == list(range(len(complete)))
        assert offset == max(complete, default=0)


def test_a_writer_continues_a_log_torn_at_any_byte(tmp_path: Path) -> None:
    whole = write_log(tmp_path / "events.jsonl")
    torn = tmp_path / "torn.jsonl"
    for size in range(len(whole) + 1):
        torn.write_bytes(whole[:size])
        kept = whole[:size].count(b"\n")
        with EventLog(torn) as log:
            log.write(made_events.stopped("again"))
        events = [json.loads(line) for line in torn.read_bytes().decode().split("\n")[:-1]]
        assert seqs(events) == list(range(kept + 1))
        assert events[-1]["reason"] == "again"
        assert torn.read_bytes().startswith(whole[: whole[:size].rfind(b"\n") + 1])


def test_a_reader_that_waited_at_a_torn_line_gets_the_repaired_one(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write_log(path)
    with open(path, "ab") as file:
        file.write(b'{"v":1,"seq":3,"event":"st')
    first, offset = read_events(path)
    with EventLog(path) as log:
        log.write(made_events.started())
    second, _ = read_events(path, offset)
    assert seqs(first) == [0, 1, 2]
    assert [(event["seq"], event["event"]) for event in second] == [(3, "run_started")]


def line(seq: int, event: dict[str, Any]) -> bytes:
    return json.dumps({"v": 1, "seq": seq, "time": 1.0, **event}).encode() + b"\n"


def test_a_line_that_is_no_event_is_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = [line(0, made_events.step(1)), b"\n", b"not json\n", b"[1]\n", b'{"no":"event"}\n']
    lines += [b"\xff\xfe\n", b"[" * 100_000 + b"\n", line(7, made_events.step(2))]
    path.write_bytes(b"".join(lines))
    part = read_log(path)
    assert [event["step"] for event in part.events] == [1, 2]
    assert (part.offset, part.lines) == (path.stat().st_size, len(lines))
    assert [number for number, _ in part.damaged] == [2, 3, 4, 5, 6]
    with EventLog(path) as log:
        log.write(made_events.step(3))
    assert read_events(path, part.offset)[0][0]["seq"] == 8


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"loss": ...}, "step.loss: Field required"),
        ({"time": ...}, "step.time: Field required"),
        ({"event": ...}, "event"),
        ({"step": "7"}, "step.step: Input should be a valid integer"),
        ({"step": True}, "step.step: Input should be a valid integer"),
        ({"step": -1}, "step.step: .* greater than or equal to 0"),
        ({"step": 10**400}, "step.step: .* less than or equal to 9007199254740992"),
        ({"epoch": 0}, "step.epoch: .* greater than or equal to 1"),
        ({"lr": None}, "step.lr: Input should be a valid number"),
        ({"lr": math.nan}, "step.lr: Input should be a finite number"),
        ({"loss": math.inf}, "step.loss: Input should be a finite number"),
        ({"v": 2}, "step.v: .* less than or equal to 1"),
    ],
)
def test_an_event_that_is_not_as_declared_says_where(change: dict[str, Any], problem: str) -> None:
    event = {"v": 1, "seq": 0, "time": 1.0, **made_events.step(1), **change}
    text = json.dumps({name: value for name, value in event.items() if value is not ...})
    with pytest.raises(UserError, match=problem):
        parse_line(text.encode())


def test_what_later_versions_log_is_left_out_without_a_word() -> None:
    """Their events, and their fields beside ours."""
    assert parse_line(line(0, {"event": "confidence", "mean": 0.5})) is None
    event = parse_line(line(0, {**made_events.step(1), "energy": 12.0}))
    assert event is not None and event["event"] == "step"


def test_a_log_that_became_shorter_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(line(0, made_events.step(1)))
    assert seqs(read_events(path, 1000)[0]) == [0]


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    """A pipe would block for ever, a device would never end."""
    path = tmp_path / "events.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(UserError, match=f"{path} cannot be read: .*(directory|regular file)"):
        read_events(path)


def test_numbers_that_are_not_finite_are_null_and_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.write(
            {
                "event": "epoch",
                "lr": math.inf,
                "val": {"loss": math.nan, "iou": [0.5, -math.inf]},
                "epoch": 1,
            }
        )
        log.write({"event": "epoch", "lr": 0.5, "val": {"iou": (0.5, 0.25)}})

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not strict JSON")

    lines = path.read_text().splitlines()
    first, second = [json.loads(line, parse_constant=refuse) for line in lines]
    assert first["val"] == {"loss": None, "iou": [0.5, None]}
    assert (first["lr"], first["epoch"]) == (None, 1)
    assert sorted(first["non_finite"]) == ["lr", "val.iou[1]", "val.loss"]
    assert second["val"] == {"iou": [0.5, 0.25]}
    assert "non_finite" not in second


def test_a_reader_beside_the_writer_sees_each_event_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    count = 2000
    done = threading.Event()

    def write() -> None:
        with EventLog(path) as log:
            for step in range(count):
                log.write(made_events.progress("x" * (step % 97), step, 2000))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[Event] = []
    offset, last = 0, False
    while not last:
        last = done.is_set()  # asked before the read, so that the last read sees everything
        events, offset = read_events(path, offset)
        seen += events
    writer.join()
    assert seqs(seen) == list(range(count))
    assert offset == path.stat().st_size


@pytest.mark.parametrize("chunk", [1, 7])
def test_lines_that_arrive_in_pieces_are_seen_once(tmp_path: Path, chunk: int) -> None:
    whole = write_log(tmp_path / "events.jsonl")
    path, seen, offset = tmp_path / "slow.jsonl", [], 0
    with open(path, "ab", buffering=0) as file:
        for start in range(0, len(whole), chunk):
            file.write(whole[start : start + chunk])
            events, offset = read_events(path, offset)
            seen += events
    assert seqs(seen) == [0, 1, 2]


def test_a_log_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "events.jsonl", tmp_path / "folder", Path("/proc/e.jsonl")):
        with pytest.raises(UserError, match="cannot be written") as caught:
            EventLog(path)
        assert str(path) in str(caught.value)


# Fills up a log under a limit on file sizes: N bytes more than it has, so that a write ends in the
# middle of a line, or cannot begin.
_FILL_UP = """
import os, resource, signal, sys
from pathlib import Path
from segengine.errors import UserError
from segengine.run.event_log import EventLog
path, room = Path(sys.argv[1]), int(sys.argv[2])
event = {"event": "progress", "phase": "Reading images", "done": 1, "total": 2}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with EventLog(path) as log:
    log.write(event)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room, hard))
    for attempt in range(3):
        try:
            log.write(event)
        except UserError as error:
            print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    log.write({"event": "run_stopped", "reason": "no room"})
"""


@pytest.mark.parametrize(("room", "words"), [(0, "cannot be written"), (20, "disk is full")])
def test_a_disk_that_fills_up_tears_no_line_and_the_count_continues(
    tmp_path: Path, room: int, words: str
) -> None:
    path = tmp_path / "events.jsonl"
    command = [sys.executable, "-c", _FILL_UP, str(path), str(room)]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout.splitlines()
    assert len(said) == 3, done.stderr
    assert all(words in line and str(path) in line for line in said)
    events, offset = read_events(path)
    assert offset == path.stat().st_size
    assert [(event["seq"], event["event"]) for event in events] == [
        (0, "progress"),
        (1, "run_stopped"),
    ]
