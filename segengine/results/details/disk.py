"""What a run takes on disk, by what it is for."""

from __future__ import annotations

import os
from pathlib import Path

from segengine.run.rundir import RunDir

REST = "Records"
PROBABILITIES = "Class probabilities"
_PARTS = {
    "checkpoints": "Checkpoints",
    "masks": "Masks of the validations",
    "predictions": "Predictions",
    "evaluations": "Evaluations",
    "events.jsonl": "Log",
    "output.log": "Output",
}


def disk_use(run: RunDir) -> dict[str, int]:
    """What is stored -> bytes, the largest first; what is not there is left out.

    A file with two names, as the newest checkpoint that is also the best, counts once.
    """
    seen: set[tuple[int, int]] = set()
    sums: dict[str, int] = {}
    for path in _files(run.path):
        try:
            found = os.lstat(path)
        except OSError:  # it was replaced meanwhile
            continue
        if (found.st_dev, found.st_ino) not in seen:
            seen.add((found.st_dev, found.st_ino))
            what = _what(path.relative_to(run.path))
            sums[what] = sums.get(what, 0) + found.st_size
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def _what(path: Path) -> str:
    """What a file is for, by its path in the run folder."""
    if path.parts[0] == "predictions" and path.suffix == ".npz":
        return PROBABILITIES
    return _PARTS.get(path.parts[0], REST)


def _files(folder: Path) -> list[Path]:
    return [Path(inner, name) for inner, _, names in os.walk(folder) for name in names]
