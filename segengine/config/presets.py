"""Presets: named settings to start from, on the form and with `--preset`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.registry import unknown_name


@dataclass(frozen=True)
class Preset:
    """Settings that belong together.

    Attributes:
        label: its name on the form.
        description: what it is for.
        values: RunConfig field -> value; fields that are left out keep their defaults.
    """

    label: str
    description: str
    values: Mapping[str, Any]

    def config(self) -> RunConfig:
        """The whole RunConfig."""
        return RunConfig.from_flat(self.values)


PRESETS: Mapping[str, Preset] = {
    "quick_look": Preset(
        "Quick look",
        "SegFormer-B0 on synthetic pets that are drawn on this machine: validated masks within a "
        "minute on two CPU cores, with nothing to download.",
        {
            "dataset": "sample_pets",
            "arch": "segformer_b0",
            "stem": "small",
            "epochs": 12,
            "batch_size": 8,
        },
    ),
    "streets": Preset(
        "Pre-train on streets",
        "The first of two stages: SegFormer-B0 on synthetic street scenes with 19 classes. Then "
        "choose Quick look with strategy Pretrained or Frozen and this run's weights.",
        {
            "dataset": "sample_streets",
            "image_size": "64x128",
            "arch": "segformer_b0",
            "stem": "small",
            "epochs": 12,
            "batch_size": 8,
        },
    ),
    "course_recipe": Preset(
        "Course recipe",
        "The published recipe on Oxford-IIIT Pet: 64x64 pixels, 30 epochs, batches of 64, AdamW "
        "with AMSGrad at 0.001, decay 0.98 per epoch, validation every 2 epochs, on the official "
        "test split. SegFormer has the course's stem.",
        {
            "dataset": "oxford_pets",
            "val_split": "official",
            "image_size": "64",
            "stem": "small",
            "epochs": 30,
            "batch_size": 64,
            "optimizer": "adamw",
            "amsgrad": True,
            "lr": 1e-3,
            "scheduler": "exponential",
            "gamma": 0.98,
            "val_every": 2,
        },
    ),
}
DEFAULT = "quick_look"


def find_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UserError: there is none; the sentence lists the known ones.
    """
    if name not in PRESETS:
        raise UserError(unknown_name("preset", name, list(PRESETS)))
    return PRESETS[name]
