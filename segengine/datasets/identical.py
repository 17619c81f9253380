"""Files with the same content. Only files of the same size are read."""

from __future__ import annotations

import contextlib
import stat
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from segengine.files import sha256_of


def identical_files(paths: Iterable[Path]) -> list[list[Path]]:
    """Groups of two or more files whose bytes are the same, in the order given.

    Files that cannot be read are left out.
    """
    by_size: defaultdict[int, list[Path]] = defaultdict(list)
    for path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                by_size[status.st_size].append(path)
    by_content: defaultdict[str, list[Path]] = defaultdict(list)
    for candidates in by_size.values():
        for path in candidates if len(candidates) > 1 else ():
            with contextlib.suppress(OSError):
                by_content[sha256_of(path)].append(path)
    return [group for group in by_content.values() if len(group) > 1]
