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
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    raise UserError(
                        f"{entry.path} is a link to {os.readlink(entry.path)}, and a run writes "
                        "into its own folder only: put what it leads to in its place, or remove "
                        "it, and resume the run then.",
                        field="run",
                    )
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
