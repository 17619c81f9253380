"""What the tests of the command line share: calling it, and a few small pets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from segengine.cli import main as cli
from tests.tiny import write_pets

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def call(runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command here: (exit code, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        try:
            code = cli.main([*map(str, words), "--runs-dir", str(runs_dir)])
        except SystemExit as end:  # usage errors and --help
            code = end.code
        out, err = capsys.readouterr()
        return int(code or 0), out, err

    return run


def in_a_process(*words: object, **more: object) -> subprocess.CompletedProcess[str]:
    """Runs a command as a person does."""
    command = [sys.executable, "-m", "segengine", *map(str, words)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, **more)


def says_one_sentence(err: str, *words: str) -> None:
    """One line on stderr that holds all these words, and no traceback."""
    assert err.count("\n") == 1 and err.startswith("Error: "), err
    assert err.endswith((".\n", "?\n")), err
    assert [word for word in words if word not in err] == [], err


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A root with a few drawn pets."""
    write_pets(tmp_path / "pets", train=8, val=4)
    return tmp_path / "pets"


def flags(root: Path) -> list[str]:
    """The smallest training that there is: 1 epoch of 2 steps at 32 pixels."""
    words = f"--image-size 32 --batch-size 4 --epochs 1 --device cpu --workers 1 --root {root}"
    return [*words.split(), "--val-split", "official"]
