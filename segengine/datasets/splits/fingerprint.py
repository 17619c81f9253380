"""Which images a run has seen, as a short text: equal for equal data, wherever they lie."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from segengine.config import DataConfig
from segengine.datasets import chosen_names
from segengine.datasets.base import SegDataset, Split
from segengine.datasets.splits.roles import is_tested, open_role

LENGTH = 12  # hexadecimal digits


def fingerprints(config: DataConfig) -> dict[Split, str]:
    """Role -> fingerprint of the images that a run uses in it.

    Raises:
        UserError: the data is missing.
    """
    roles: tuple[Split, ...] = ("train", "val", "test") if is_tested(config) else ("train", "val")
    found: dict[Split, str] = {}
    for role in roles:
        dataset = open_role(config, role)
        names = dataset.names if role == "test" else chosen_names(dataset, config, role)
        found[role] = fingerprint(dataset, names)
    return found


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
