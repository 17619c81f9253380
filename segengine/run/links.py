"""A run writes into its own folder only: a folder that came from elsewhere may hold links."""

from __future__ import annotations

import os
from pathlib import Path

from segengine.errors import UserError
from segengine.run.rundir import RunDir


def refuse_links(run: RunDir) -> None:
    """Make sure that what is written in a run's folder stays in it. The folder may be a link.

    Raises:
        UserError: something inside it is a link, which would be followed.
    """
    folders = [run.path]
    while folders:
        for entry in _entries(folders.pop()):
            if entry.is_symlink():
                raise UserError(
                    f"{entry.path} is a link to {os.readlink(entry.path)}, and a run writes "
                    "into its own folder only: put what it leads to in its place, or remove "
                    "it, and resume the run then.",
                    field="run",
                )
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing where the run was deleted a moment ago."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
