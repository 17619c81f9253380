"""`evaluate` as typed, and the tables that it writes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from segengine.cli.main import main
from segengine.run.rundir import RunDir

Captured = pytest.CaptureFixture[str]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def command(capsys: Captured, run: RunDir, *words: str) -> tuple[int, str, str]:
    """`evaluate RUN ...` as typed: (exit code, stdout, stderr)."""
    capsys.readouterr()
    code = main(["evaluate", run.id, "--runs-dir", str(run.path.parent), *words])
    return (code, *capsys.readouterr())
