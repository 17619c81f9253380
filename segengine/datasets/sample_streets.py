"""Sample streets: synthetic street scenes, drawn once by our own generator, for work offline.

They lie in the official Cityscapes layout and are read by the same code as the real ones.
"""

from __future__ import annotations

from pathlib import Path

from segengine.config import DataConfig
from segengine.datasets.base import ClassInfo, Progress, SegDataset, Split, no_such_split
from segengine.datasets.cityscapes import CLASSES, Cityscapes
from segengine.datasets.drawing import write_sample_streets

ENTRIES = {"sample_streets": {"label": "Sample streets (synthetic sample)"}}

SIZES: dict[Split, int] = {"train": 240, "val": 60}


def folder_of(config: DataConfig) -> Path:
    """Where the drawings lie: `<root>/sample-streets`."""
    return Path(config.root).expanduser() / "sample-streets"


def classes(config: DataConfig) -> tuple[ClassInfo, ...]:
    """The 19 classes of Cityscapes."""
    return CLASSES


def open_split(config: DataConfig, split: Split) -> SegDataset:
    """One split of the drawings; UserError before `prepare` has drawn them."""
    if split not in SIZES:
        raise no_such_split("sample_streets", split, SIZES)
    return Cityscapes(folder_of(config), split)


def sizes(config: DataConfig) -> dict[Split, int]:
    """How many images each split has."""
    return SIZES


def prepare(config: DataConfig, progress: Progress) -> None:
    """Draw the dataset where it is not there yet (about half a minute)."""
    write_sample_streets(
        folder_of(config),
        train=SIZES["train"],
        val=SIZES["val"],
        progress=lambda done, total: progress("Drawing sample streets", done, total),
    )
