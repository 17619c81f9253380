"""What a command prints of others commands nothing."""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path

import pytest

from segengine.cli import main, tables
from segengine.run.terminal import Terminal, printable
from tests.made_runs import make_run

CLEAR_SCREEN = "\x1b[2J"


def test_control_characters_are_shown_by_their_numbers() -> None:
    assert printable(f"cat{CLEAR_SCREEN}") == r"cat\u001b[2J"
    assert printable("a\rb\x9b\u202ec\udcff") == r"a\u000db\u009b\u202ec\udcff"
    assert printable("größer\n\tand 日本語") == "größer\n\tand 日本語"


def test_json_stays_json() -> None:
    text = json.dumps({"name": f"\x9b{CLEAR_SCREEN}\n"}, ensure_ascii=False)
    assert json.loads(printable(text)) == json.loads(text)


def test_lines_of_a_run_are_defused_too() -> None:
    out = io.StringIO()
    Terminal(out).say(f"Failed: {CLEAR_SCREEN}")
    assert out.getvalue() == "Failed: \\u001b[2J\n"


def test_a_class_name_cannot_command_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path, epochs_done=1)
    text = run.events_file.read_text()
    run.events_file.write_text(text.replace('"pet"', json.dumps(f"pet{CLEAR_SCREEN}")))
    assert main.main(["show", run.id, "--runs-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert r"pet\u001b[2J" in shown and "\x1b" not in shown


def test_no_command_prints_past_the_door() -> None:
    """`say` is the one that prints."""
    folder = Path(tables.__file__).parent
    prints = [
        f"{file.name}:{call.lineno}"
        for file in folder.glob("*.py")
        if file.name != "reference.py"  # writes the guide, for developers
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "print"
    ]
    assert prints == []
