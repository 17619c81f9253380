"""What a run's results depend on besides its settings: versions of code and packages."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from pathlib import Path

import numpy
import torch
import torchvision

import segengine

_PROJECT = Path(segengine.__file__).resolve().parents[1]
_PATIENCE = 5.0  # seconds for git


def versions() -> dict[str, str]:
    """Of SegLab (and, in a checkout, its commit), of Python and of the packages."""
    commit = _commit()
    return {
        "seglab": segengine.__version__,
        **({"commit": commit} if commit else {}),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": numpy.__version__,
    }


@cache
def _commit() -> str:
    """ "3fa9c1d2b4e6", with "-dirty" where files were changed since; "" outside a checkout."""
    if not (_PROJECT / ".git").exists():
        return ""
    words = ["git", "-C", str(_PROJECT), "describe", "--always", "--dirty", "--abbrev=12"]
    words += ["--exclude", "*"]  # the hash, not a tag
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):  # no git, or not ours to read
        return ""
    return done.stdout.strip()
