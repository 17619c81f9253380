"""What the launch form calls its choices, and what it says beside its fields."""

from __future__ import annotations

import re
from collections.abc import Mapping

CHOICE_LABELS: Mapping[str, str] = {
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
    "hflip": "Mirror (hflip)",
    "inverse": "Inverse frequency",
    "miou": "mIoU",
    "paper": "Paper, 7x7",
    "rotate": "Rotation",
    "sgd": "SGD with momentum",
    "small": "Small, 5x5",
    "transpose": "Transposed",
}
# What must lie in the dataset folder.
FOLDER_HELP: Mapping[str, str] = {
    "oxford_pets": "Folder that holds oxford-iiit-pet/ with its images/ and annotations/.",
    "cityscapes": "Folder that holds leftImg8bit/ and gtFine/ as they are unpacked.",
    "folder": "Folder with images/ and masks/ paired by file name, or with train/, val/ and "
    "perhaps test/ that hold both. A classes.json in it may name the classes and their colors.",
}
# What the engine says to a terminal -> what a page says. Longer ones first.
_PAGE_WORDS: Mapping[str, str] = {
    "imagenet, run:<id> or a file": "ImageNet, an earlier run or a file",
    "give imagenet, run:<id> or a checkpoint file": "choose ImageNet, an earlier run or a "
    "checkpoint file",
    "give a file in it, or run:<id> for a run of this runs folder": "give a file in it, or choose "
    "Earlier run",
    "give run:<id> or a file": "choose an earlier run or a file",
    "Weights imagenet": "ImageNet weights",
    "Choose another with --runs-dir (or SEGLAB_RUNS for the dashboard).": "Start the dashboard "
    "with another one in SEGLAB_RUNS.",
    "The runs folder (--runs-dir, or SEGLAB_RUNS for the dashboard)": "The runs folder "
    "(SEGLAB_RUNS)",
    "; see `python -m segengine list`": "",
    ", or tick download": ", or switch on Download if missing",
    "leave it out": "take it back to its default",
}


def in_page_words(sentence: str) -> str:
    """A sentence of the engine in the words of the form: no flags, no commands."""
    for said, shown in _PAGE_WORDS.items():
        sentence = sentence.replace(said, shown)
    return re.sub(r"\brun:(?=\w)", "run ", sentence)
