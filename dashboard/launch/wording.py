"""What the launch form calls its choices, and what it says beside its fields."""

from __future__ import annotations

from collections.abc import Mapping

from segengine.config.section import MAX_IMAGE_SIZE

# What must lie in the dataset folder.
FOLDER_HELP: Mapping[str, str] = {
    "oxford_pets": "Folder that holds oxford-iiit-pet/ with its images/ and annotations/.",
    "cityscapes": "Folder that holds leftImg8bit/ and gtFine/ as they are unpacked.",
    "folder": "Folder with images/ and masks/ paired by file name, or with train/, val/ and "
    "perhaps test/ that hold both. A classes.json in it may name the classes and their colors.",
}
_STREETS = ("cityscapes", "sample_streets")


def size_hint(dataset: str, height: int, width: int) -> str:
    """What to say beside the image size; "" where it suits the dataset's pictures."""
    if dataset in _STREETS and height == width and 2 * width <= MAX_IMAGE_SIZE:
        return f"Streets are twice as wide as high: {height}x{2 * width} keeps their shape."
    return ""
