"""What people call the values of a config: the same words on the form and on every page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from segengine.config.messages import literal_choices
from segengine.config.section import KnownName, extra
from segengine.registry import entries

_LABELS: Mapping[str, str] = {
    "adamw": "AdamW",
    "bf16": "BF16",
    "blur": "Blur",
    "boundary_iou": "Boundary IoU",
    "color": "Color jitter",
    "cpu": "CPU",
    "crop": "Random crop",
    "cuda": "GPU (CUDA)",
    "dice": "Dice",
    "fp16": "FP16",
    "fp32": "FP32",
    "1": "1, of older runs",
    "2": "2, current",
    "hflip": "Mirror (hflip)",
    "honest": "Held out of training",
    "inverse": "Inverse frequency",
    "miou": "mIoU",
    "official": "Official split",
    "paper": "Paper, 7x7",
    "rotate": "Rotation",
    "sgd": "SGD",
    "small": "Small, 5x5",
    "transpose": "Transposed",
}


def choice_label(name: str) -> str:
    """A choice in words: "AdamW" for adamw, "Inverse frequency" for inverse."""
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def value_label(value: Any, info: FieldInfo) -> str:
    """A field's value in words: "SegFormer-B0", "AdamW", "0.001", "on"; "all" for a limit of 0."""
    if value == 0 and not isinstance(value, bool) and (zero := extra(info, "zero")):
        return str(zero)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(map(choice_label, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    for item in info.metadata:
        validator = getattr(item, "func", None)
        if isinstance(validator, KnownName):
            known = entries(validator.kind)
            return known[value].label if value in known else str(value)
    return choice_label(value) if literal_choices(info.annotation) else str(value) or "none"
