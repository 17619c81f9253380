"""Numbers and names as text, the same on every page."""

from __future__ import annotations

import math
from pathlib import Path

from segengine.config import DataConfig, RunConfig
from segengine.registry import entries

NOTHING = "–"  # stands where there is no number


def miou(value: float | None) -> str:
    """An IoU or mIoU (0 to 1) with three decimals: 0.697."""
    return NOTHING if _missing(value) else f"{value:.3f}"


def loss(value: float | None) -> str:
    """A loss with three significant digits: 0.412, 1.23, 12.3, 2.10e-05."""
    if _missing(value):
        return NOTHING
    assert value is not None
    text = f"{value:#.3g}"
    return text.removesuffix(".")


def duration(seconds: float | None) -> str:
    """A time span in its two largest units: 8 s, 2 min 14 s, 3 h 5 min, 2 d 4 h."""
    if _missing(seconds):
        return NOTHING
    assert seconds is not None
    left = max(0, round(seconds))
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount} {name}")
        elif parts:
            break  # 1 h 0 min 5 s is read as 1 h
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 s"


def count(value: int | None) -> str:
    """A count with thousands separators: 1,234."""
    return NOTHING if value is None else f"{value:,}"


def dataset(config: DataConfig) -> str:
    """A run's data as people call it: "Oxford-IIIT Pet", "Folder leaves".

    Synthetic data says so: "Sample pets (synthetic sample)".
    """
    if config.dataset == "folder":
        return f"Folder {Path(config.root).name}"
    entry = entries("datasets").get(config.dataset)
    return entry.label if entry else config.dataset


def loss_name(name: str) -> str:
    """A loss as people call it, as part of a sentence: "Dice loss"."""
    entry = entries("losses").get(name)
    return f"{entry.label if entry else name} loss"


def short_name(of: str | RunConfig) -> str:
    """What to call a run where space is short.

    Args:
        of: a run id, which gives "segformer_b0 scratch 3fa9", or a config: "segformer_b0 scratch".
    """
    if isinstance(of, RunConfig):
        return f"{of.model.arch} {of.model.strategy}"
    parts = of.split("-")
    return " ".join(parts[2:]) if len(parts) == 5 else of


def _missing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)
