"""Lines to paste into a terminal, in the project folder."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from dashboard.shared.run_store import PROJECT


def engine_command(*words: str, runs_dir: Path) -> str:
    """`python -m segengine` with these words, by the Python that the dashboard runs on."""
    in_venv = Path(sys.prefix) == PROJECT / ".venv"
    line = [".venv/bin/python" if in_venv else sys.executable, "-m", "segengine", *words]
    if runs_dir != PROJECT / "runs":
        line += ["--runs-dir", str(runs_dir)]
    return shlex.join(line)
