"""The photograph and the true mask of a validation image, as its dataset has them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from segengine.config import DataConfig
from segengine.datasets.base import SegDataset
from segengine.datasets.splits.fingerprint import fingerprint
from segengine.datasets.splits.roles import open_role, open_used
from segengine.errors import UserError
from segengine.results.runlog import RunLog
from segengine.results.table import read_config
from segengine.run.rundir import RunDir

_MARKED_FOR = 60.0  # seconds that a look at the files of a validation set is good for


@dataclass(frozen=True)
class Truth:
    """One validation image. What is decoded is kept for the next question, a few images long.

    Attributes:
        stamp: another text whenever its files have changed.
    """

    dataset: SegDataset
    name: str
    stamp: str

    def mask(self) -> np.ndarray:
        """(H, W) uint8 at native size; raises as `SegDataset.mask`."""
        return _mask(self)

    def photo(self) -> np.ndarray:
        """(H, W, 3) uint8 at native size; raises as `SegDataset.image`."""
        return _photo(self)

    def kind(self) -> str:
        """Which images are alike: a breed, a city; "" where the dataset does not say."""
        return self.dataset.kind(self.name)


def open_truth(configs: Sequence[DataConfig], name: str) -> Truth:
    """The image in the first dataset that still has its files.

    Raises:
        UserError: none has.
    """
    reason = ": no run's config is readable."
    for config in dict.fromkeys(configs):
        try:
            dataset = val_split(config)
            return Truth(dataset, name, _stamp(dataset.files(name)))
        except UserError as error:
            reason = f". {error}"
        except OSError as error:
            reason = f". {error.filename} is gone."
    raise UserError(f"Photograph and ground truth cannot be shown{reason}")


@lru_cache(maxsize=8)
def val_split(config: DataConfig) -> SegDataset:
    """The validation images of a run, listed once; UserError where they are gone."""
    return open_role(config, "val")


def any_val_split(configs: Sequence[DataConfig]) -> SegDataset | None:
    """The first validation set that is still there."""
    for config in dict.fromkeys(configs):
        try:
            return val_split(config)
        except UserError:
            continue
    return None


def changed_since(run: RunDir, log: RunLog) -> str:
    """What is to be said where a run's validation images are not those any more; "" where they are.

    Nothing is said of images that are gone: whoever opens one says so.
    """
    scored = log.started.get("data", {}).get("val") if log.started else None
    config = read_config(run)
    if not scored or not config:
        return ""
    now = _mark(config.data, int(time.monotonic() / _MARKED_FOR))
    if now in ("", scored):
        return ""
    return (
        "its validation images have changed since it was trained: photographs and truth here may "
        "not be those that it was scored on."
    )


@lru_cache(maxsize=32)
def _mark(config: DataConfig, moment: int) -> str:
    """The fingerprint of the validation images as they are now; "" where they are gone."""
    try:
        return fingerprint(*open_used(config, "val"))
    except (UserError, OSError):
        return ""


def _stamp(files: tuple[Path, Path]) -> str:
    found = [path.stat() for path in files]
    return "-".join(f"{stat.st_mtime_ns:x}.{stat.st_size:x}" for stat in found)


@lru_cache(maxsize=4)  # few: the mask of 8,000 x 6,000 pixels is 48 MB
def _mask(truth: Truth) -> np.ndarray:
    return truth.dataset.mask(truth.name).astype(np.uint8)


@lru_cache(maxsize=2)  # its photograph is 144 MB
def _photo(truth: Truth) -> np.ndarray:
    height, width = _mask(truth).shape
    return truth.dataset.image(truth.name, (height, width))
