"""Which images a run has seen, as a short text: equal for equal data, wherever they lie."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from segengine.config import DataConfig
from segengine.datasets.base import SegDataset, Split
from segengine.datasets.splits.roles import open_used, roles_of

LENGTH = 12  # hexadecimal digits


def fingerprints(config: DataConfig) -> dict[Split, str]:
    """Role -> fingerprint of the images that a run uses in it.

    Raises:
        UserError: the data is missing.
    """
    return {role: fingerprint(*open_used(config, role)) for role in roles_of(config)}


def fingerprint(dataset: SegDataset, names: Sequence[str]) -> str:
    """Of the names and of the sizes of their files in bytes: nothing of the files is read."""
    digest = hashlib.sha256()
    for name in names:
        image, mask = dataset.files(name)
        digest.update(f"{name}\0{_bytes(image)}\0{_bytes(mask)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:LENGTH]


def _bytes(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # whoever reads it says what is wrong
        return -1
