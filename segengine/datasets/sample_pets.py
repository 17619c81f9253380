"""Sample pets: synthetic cats and dogs, drawn once by our own generator, for work offline.

They lie in the official Oxford-IIIT Pet layout and are read by the same code as the real ones.
"""

from __future__ import annotations

from pathlib import Path

from segengine.config import DataConfig
from segengine.datasets.base import ClassInfo, Progress, SegDataset, Split, no_such_split
from segengine.datasets.drawing import write_sample_pets
from segengine.datasets.oxford_pets import CLASSES, OxfordPets

ENTRIES = {"sample_pets": {"label": "Sample pets (synthetic sample)"}}

SIZES: dict[Split, int] = {"train": 200, "val": 80}


def folder_of(config: DataConfig) -> Path:
    """Where the drawings lie: `<root>/sample-pets/oxford-iiit-pet`."""
    return Path(config.root).expanduser() / "sample-pets" / "oxford-iiit-pet"


def classes(config: DataConfig) -> tuple[ClassInfo, ...]:
    """Pet, background, border."""
    return CLASSES


def open_split(config: DataConfig, split: Split) -> SegDataset:
    """One split of the drawings; UserError before `prepare` has drawn them."""
    if split not in SIZES:
        raise no_such_split("sample_pets", split, SIZES)
    return OxfordPets(folder_of(config), split)


def sizes(config: DataConfig) -> dict[Split, int]:
    """How many images each split has."""
    return SIZES


def prepare(config: DataConfig, progress: Progress) -> None:
    """Draw the dataset where it is not there yet (some seconds)."""
    write_sample_pets(
        folder_of(config).parent,
        train=SIZES["train"],
        val=SIZES["val"],
        progress=lambda done, total: progress("Drawing sample pets", done, total),
    )
