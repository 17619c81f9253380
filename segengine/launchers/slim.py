"""`slim` in a process of its own: nothing that starts processes imports torch."""

from __future__ import annotations

import subprocess
import sys

from segengine.errors import UserError
from segengine.run.rundir import RunDir

_SECONDS = 300  # more than any checkpoint takes


def slim(run: RunDir) -> None:
    """Let the optimizer's state of a finished run go, and wait until that is done.

    Raises:
        UserError: it could not be done; the sentence is that of the command.
    """
    words = ["segengine", "slim", run.id, "--runs-dir", str(run.path.parent)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", *words], capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"The checkpoints of run {run.id} were not rewritten within {_SECONDS} seconds: try "
            f"again with `slim {run.id}` in a terminal.",
            field="run",
        ) from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        why = lines[0].removeprefix("Error: ") if lines else f"`slim {run.id}` failed."
        raise UserError(why, field="run")


def bytes_of_checkpoints(run: RunDir) -> int:
    """What the run's checkpoints take on disk; a file with two names counts once."""
    sizes: dict[tuple[int, int], int] = {}
    for path in (run.last_checkpoint, run.best_checkpoint):
        try:
            found = path.stat()
        except OSError:
            continue
        sizes[found.st_dev, found.st_ino] = found.st_size
    return sum(sizes.values())
